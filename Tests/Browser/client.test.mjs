// The browser client against a broker that is a script: every answer and every loss at exactly the moment it is about.
//   node --test Tests/Browser/client.test.mjs
import assert from "node:assert/strict";
import { describe, it, mock } from "node:test";
import { matches } from "../../Sources/BrokerServer/Dashboard/wsbroker.js";
import { client, names, open, reconnected, settled, start, states } from "./scripted.mjs";
import { refusal } from "./support.mjs";

describe("connecting", () => {
  it("says who it is, with a name that it draws, and the token", async () => {
    const socket = await start({ token: async () => "secret", client: "test" });
    socket.open();
    const [hello] = socket.sent;
    assert.equal(socket.protocol, "wsbroker.v1.json");
    assert.match(hello.producer.name, /^web-[a-z0-9]{8,}$/);
    assert.deepEqual({ ...hello, producer: 0 }, { op: "hello", v: 1, client: "test", token: "secret", producer: 0 });
    assert.deepEqual(states.map(({ state }) => state), ["connecting"]);
  });

  it("shows a fresh token when the old one ends soon, and goes on", async () => {
    let drawn = 0;
    const socket = await start({ token: async () => `t${++drawn}` });
    socket.open();
    socket.welcome();
    client.subscribe("a");
    socket.say({ op: "notice", code: 4101, name: "token_expired", afterMs: 30_000 });
    await settled();
    assert.deepEqual(socket.sent.at(-1), { op: "hello", token: "t2" });
    const before = socket.sent.length;
    socket.say({ op: "welcome", v: 1, server: "s", session: "c1", messageBytesMax: 65_536 });
    assert.equal(socket.sent.length, before, "nothing is sent again");
    assert.equal(client.state, "open");
  });

  it("ends a subscription that the broker ends, and no other", async () => {
    const socket = await start();
    socket.open();
    socket.welcome();
    const ends = [];
    client.subscribe("a", { onend: (error) => ends.push(error.code) });
    client.subscribe("b", { onend: (error) => ends.push(error.code) });
    socket.say({ op: "unsub", topic: "a", code: 4103, name: "forbidden", reason: "not any more" });
    assert.deepEqual(ends, [4103]);
    assert.doesNotThrow(() => client.subscribe("a"));
  });

  it("draws another name when a hello was never answered", async () => {
    const first = await start();
    first.open();
    first.drop();
    const second = await reconnected();
    second.open();
    assert.notEqual(first.sent[0].producer.name, second.sent[0].producer.name);
  });

  it("goes on under the same name and epoch, and says what was acknowledged", async () => {
    const first = await start();
    first.open();
    const { name } = first.sent[0].producer;
    first.welcome();
    const done = client.publish("clicks", 1);
    first.say({ op: "ack", seq: 1, topic: "clicks", offset: 1, data: 1, dups: 0 });
    await done;
    first.drop();
    const second = await reconnected();
    second.open();
    assert.deepEqual(second.sent[0].producer, { name, epoch: 77, acked: 1 });
  });

  it("waits longer and longer, at random, and anew after a connection that lasted", async () => {
    const random = mock.method(Math, "random", () => 1);
    let socket = await open();
    const waits = [];
    for (let i = 0; i < 4; i++) {
      socket.drop();
      waits.push(states.at(-1).afterMs);
      socket = await reconnected();
    }
    socket.welcome();
    mock.timers.tick(5001);
    socket.drop();
    waits.push(states.at(-1).afterMs);
    random.mock.restore();
    assert.deepEqual(waits, [100, 200, 400, 800, 100]);
  });

  it("stays away as long as a broker that stops asks for, and sends nothing more before", async () => {
    const socket = await open();
    socket.say({ op: "bye", code: 4300, name: "restarting", afterMs: 2500 });
    client.publish("clicks", 1).catch(() => {});
    assert.deepEqual(socket.sent, []);
    socket.drop(1012);
    const { state, error, afterMs } = states.at(-1);
    assert.deepEqual([state, error.name], ["waiting", "restarting"]);
    assert.ok(afterMs >= 2500 && afterMs <= 2600, `${afterMs}`);
    const second = await reconnected();
    second.welcome();
    assert.deepEqual(names(second.sent), ["pub 1 clicks"]);
  });

  it("comes back after 43xx and after being replaced by a late connection of its own, but not after 41xx", async () => {
    for (const code of [4301, 4302, 4304, 4008, 4105, 1011, 1000]) {
      const socket = await open();
      socket.drop(code);
      assert.equal(client.state, "waiting", `${code}`);
      client.close();
    }
    for (const code of [4100, 4101, 4102, 4103, 4104, 4005]) {
      const socket = await open();
      const lost = refusal(client.publish("clicks", 1));
      socket.say({ op: "err", code, name: "some_name", reason: "some reason", retry: "no" });
      socket.drop(code);
      assert.equal(client.state, "closed", `${code}`);
      const error = await lost;
      assert.deepEqual([error.code, error.name, error.message], [code, "some_name", "some reason"]);
    }
  });

  it("comes back with a fresh token when the old one has ended, if it can ask for one and was let in before", async () => {
    let drawn = 0;
    const token = async () => `t${++drawn}`;
    for (const code of [4101, 4102]) {
      const socket = await open({ token });
      socket.drop(code);
      assert.equal(client.state, "waiting", `${code}`);
      const second = await reconnected();
      second.open();
      assert.equal(second.sent[0].token, `t${drawn}`);
      second.say({ op: "err", code, name: "some_name", reason: "some reason", retry: "no" });
      assert.equal(client.state, "waiting", `${code} again`);
      const third = await reconnected();
      third.welcome();
      assert.equal(client.state, "open");
      client.close();
    }
    const never = await start({ token });
    never.open();
    never.say({ op: "err", code: 4102, name: "token_invalid", reason: "no", retry: "no" });
    assert.equal(client.state, "closed");
    const other = await open({ token });
    other.drop(4100);
    assert.equal(client.state, "closed");
  });

  it("is closed by a refused hello of 41xx, and waits after one of 42xx", async () => {
    const first = await start();
    first.open();
    first.say({ op: "err", code: 4203, name: "storage_full", reason: "full", retry: "later", afterMs: 2000 });
    assert.equal(states.at(-1).state, "waiting");
    assert.ok(states.at(-1).afterMs >= 2000);
    const second = await reconnected();
    second.open();
    second.say({ op: "err", code: 4102, name: "token_invalid", reason: "no", retry: "no" });
    assert.equal(client.state, "closed");
  });

  it("asks a silent broker whether it lives, and gives it up when nothing comes", async () => {
    const socket = await open();
    mock.timers.tick(20_000);
    assert.deepEqual(names(socket.sent), ["ping"]);
    socket.say({ op: "pong" });
    mock.timers.tick(10_000);
    assert.equal(client.state, "open");
    mock.timers.tick(20_000);
    assert.equal(states.at(-1).error.name, "silent");
  });

  it("gives up an attempt that nobody answers", async () => {
    await start();
    mock.timers.tick(20_000);
    assert.equal(client.state, "waiting");
  });
});

describe("subscribing", () => {
  const message = (topic, data, more) => ({ op: "msg", topic, data, offset: data, ts: 1, ...more });

  it("gives a callback what is there and what comes", async () => {
    const socket = await open();
    const seen = [];
    const subscription = client.subscribe("clicks", { mode: "latest", maxRate: 5, echo: false },
      ({ data, retained }) => seen.push([data, retained]));
    const [{ id, ...request }] = socket.sent;
    assert.deepEqual(request, { op: "sub", topic: "clicks", mode: "latest", maxRate: 5, echo: false });
    socket.say({ op: "ack", id, topic: "clicks", epoch: "k3", offset: 3, data: 3 }, message("clicks", 4));
    await subscription.ready;
    assert.deepEqual(seen, [[3, true], [4, undefined]]);
  });

  it("is there again after a reconnect, and tells what is there again", async () => {
    const first = await open();
    const seen = [];
    client.subscribe("a/#", {}, ({ data }) => seen.push(data));
    first.say({ op: "ack", id: first.sent[0].id, topic: "a/#" });
    first.drop();
    const second = await reconnected();
    second.welcome();
    assert.deepEqual(names(second.sent), ["sub a/#"]);
    second.say(message("a/b", 5, { retained: true }));
    assert.deepEqual(seen, [5]);
  });

  it("gives retained messages to who asked for them, and live ones to all", async () => {
    const socket = await open();
    const seen = [];
    client.subscribe("#", {}, ({ data }) => seen.push(`#${data}`));
    socket.say({ op: "ack", id: socket.sent[0].id, topic: "#" });
    client.subscribe("a/+", {}, ({ data }) => seen.push(`a/+${data}`));
    socket.say(message("a/b", 1, { retained: true }), { op: "ack", id: socket.sent[1].id, topic: "a/+" });
    socket.say(message("a/b", 2));
    assert.deepEqual(seen, ["a/+1", "#2", "a/+2"]);
  });

  it("is read by a loop, and ended by leaving it", async () => {
    const socket = await open();
    const subscription = client.subscribe("a", { mode: "all" });
    const seen = [];
    const reading = (async () => {
      for await (const { data } of subscription) {
        seen.push(data);
        if (data === 3) break;
      }
    })();
    for (const data of [1, 2, 3, 4]) {
      socket.say(message("a", data));
      await settled();
    }
    await reading;
    assert.deepEqual(seen, [1, 2, 3]);
    assert.deepEqual(names(socket.sent), ["sub a", "unsub a"]);
  });

  it("keeps the newest of each topic for a slow loop in mode latest", async () => {
    const socket = await open();
    const subscription = client.subscribe("#", { mode: "latest" });
    for (let data = 1; data <= 5000; data++) socket.say(message(`t/${data % 2}`, data));
    subscription.close();
    const seen = [];
    for await (const { topic, data } of subscription) seen.push([topic, data]);
    assert.deepEqual(seen, [["t/1", 4999], ["t/0", 5000]]);
  });

  it("ends a loop that is too slow for all messages, and says so", async () => {
    const socket = await open();
    const subscription = client.subscribe("a", { mode: "all", queue: 2 });
    for (const data of [1, 2, 3, 4]) socket.say(message("a", data));
    const seen = [];
    const error = await refusal((async () => {
      for await (const { data } of subscription) seen.push(data);
    })());
    assert.equal(error.name, "slow_consumer");
    assert.deepEqual(seen, [1, 2, 3]);
  });

  it("says when it is refused, and comes again when the broker had taken it before", async () => {
    const socket = await open();
    const ends = [];
    const subscription = client.subscribe("secret", { onend: (error) => ends.push(error.name) });
    socket.say({ op: "err", id: socket.sent[0].id, code: 4103, name: "forbidden", reason: "no", retry: "no" });
    assert.equal((await refusal(subscription.ready)).name, "forbidden");
    assert.deepEqual(ends, ["forbidden"]);
    const late = { op: "err", code: 4205, name: "limit_reached", reason: "topics", retry: "later", afterMs: 500 };
    const never = client.subscribe("never");
    socket.say({ ...late, id: socket.sent[1].id });
    assert.equal((await refusal(never.ready)).retry, "later");
    client.subscribe("again");
    socket.say({ op: "ack", id: socket.sent[2].id, topic: "again" });
    socket.drop();
    const second = await reconnected();
    second.welcome();
    second.say({ ...late, id: second.sent[0].id });
    mock.timers.tick(500);
    assert.deepEqual(names(second.sent), ["sub again", "sub again"]);
  });

  it("is one for each filter", async () => {
    await open();
    client.subscribe("a");
    assert.throws(() => client.subscribe("a"), { name: "already_subscribed" });
  });

  it("matches filters as the broker does", () => {
    const yes = [["#", "a/b"], ["a/#", "a"], ["a/#", "a/b/c"], ["+/b", "a/b"], ["a", "a"], ["$sys/#", "$sys/acks"]];
    const no = [["a", "a/b"], ["a/+", "a"], ["+", "a/b"], ["#", "$sys/acks"], ["+/acks", "$sys/acks"], ["b/#", "a/b"]];
    for (const [filter, topic] of yes) assert.ok(matches(filter, topic), `${filter} ${topic}`);
    for (const [filter, topic] of no) assert.ok(!matches(filter, topic), `${filter} ${topic}`);
  });
});

describe("asking", () => {
  it("gets a value, again after a reconnect", async () => {
    const first = await open();
    const got = client.get("clicks");
    first.drop();
    const second = await reconnected();
    second.welcome();
    const [{ id, op }] = second.sent;
    assert.equal(op, "get");
    second.say({ op: "ack", id, topic: "clicks", epoch: "k3", offset: 4, ts: 5, data: 6 });
    assert.equal((await got).data, 6);
  });

  it("does not reset twice", async () => {
    const first = await open();
    const lost = refusal(client.reset("clicks"));
    first.drop();
    assert.equal((await lost).name, "connection_lost");
    const second = await reconnected();
    second.welcome();
    assert.deepEqual(second.sent, []);
    const refused = refusal(client.get("nope"));
    second.say({ op: "err", id: second.sent[0].id, code: 4404, name: "no_value", reason: "none", retry: "no" });
    assert.equal((await refused).code, 4404);
  });
});
