// The browser client against a broker that is a script: every answer and every loss at exactly the moment it is about.
//   node --test Tests/Browser/client.test.mjs
import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it, mock } from "node:test";
import { BrokerError, connect, matches } from "../../Sources/BrokerServer/Dashboard/wsbroker.js";
import { refusal, ScriptedSocket, settled } from "./support.mjs";

let client;
let states;

/** A client and its first connection, not welcomed yet. */
async function start(options = {}) {
  const next = ScriptedSocket.next();
  states = [];
  const onstate = (state, detail) => states.push({ state, ...detail });
  client = connect("ws://broker.test/", { WebSocket: ScriptedSocket, onstate, ...options });
  return next;
}

/** A client and its first connection, welcomed. */
async function open(options) {
  const socket = await start(options);
  socket.welcome(options?.producer === false ? undefined : {});
  return socket;
}

/** The connection that the client makes after the wait. */
async function reconnected(afterMs = 60_000) {
  const next = ScriptedSocket.next();
  mock.timers.tick(afterMs);
  return next;
}

const names = (frames) => frames.map(({ op, seq, topic }) => [op, seq, topic].filter((x) => x !== undefined).join(" "));

beforeEach(() => mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"], now: 1_795_460_000_000 }));
afterEach(() => {
  client?.close();
  mock.timers.reset();
});

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

describe("publishing", () => {
  it("resolves to the running value", async () => {
    const socket = await open();
    const done = client.publish("clicks", 6);
    assert.deepEqual(socket.sent, [{ op: "pub", seq: 1, topic: "clicks", data: 6 }]);
    socket.say({ op: "ack", seq: 1, topic: "clicks", offset: 9, data: 42, exact: "42.0", dups: 0 });
    assert.deepEqual(await done, { topic: "clicks", offset: 9, data: 42, exact: "42.0", dup: false });
  });

  it("passes on what a rule left out, retain, big integers and raw text", async () => {
    const socket = await open();
    const left = client.publish("power", 1);
    socket.say({ op: "ack", seq: 1, applied: false, why: "late" });
    assert.deepEqual(await left, { applied: false, why: "late", dup: false });
    const send = mock.method(socket, "send");
    client.publish("a", null, { retain: true }).catch(() => {});
    client.publish("a", 9007199254740993n).catch(() => {});
    client.publish("a", "0.10000000000000000001", { raw: true }).catch(() => {});
    assert.deepEqual(send.mock.calls.map((call) => call.arguments[0]), [
      '{"op":"pub","seq":2,"topic":"a","data":null,"retain":true}',
      '{"op":"pub","seq":3,"topic":"a","data":9007199254740993}',
      '{"op":"pub","seq":4,"topic":"a","data":0.10000000000000000001}',
    ]);
  });

  it("takes one acknowledgement for all publishes up to its number", async () => {
    const socket = await open();
    const done = [1, 2, 3].map((data) => client.publish("clicks", data));
    socket.say({ op: "ack", seq: 3, topic: "clicks", offset: 3, data: 6, dups: 0 });
    const acks = await Promise.all(done);
    assert.deepEqual(acks.map(({ data }) => data), [undefined, undefined, 6]);
  });

  it("rejects with what the broker refused, when the acknowledgement says that it is final", async () => {
    const socket = await open();
    const [bad, good] = [refusal(client.publish("clicks", "six")), client.publish("clicks", 6)];
    const reason = "'data' has to be a JSON number";
    socket.say({ op: "err", seq: 1, code: 4004, name: "bad_value", reason, why: "not_a_number", retry: "no" });
    socket.say({ op: "ack", seq: 1 }, { op: "ack", seq: 2, offset: 1, data: 6, dups: 0 });
    const error = await bad;
    assert.ok(error instanceof BrokerError);
    const { code, name, why, retry } = error;
    assert.deepEqual({ code, name, why, retry, reason: error.reason },
      { code: 4004, name: "bad_value", why: "not_a_number", retry: "no", reason });
    assert.equal((await good).data, 6);
  });

  it("sends all that is unacknowledged again, in order, and says so by dup", async () => {
    const first = await open();
    const done = [1, 2, 3].map((data) => client.publish("clicks", data));
    first.say({ op: "ack", seq: 1, offset: 1, data: 1, dups: 0 });
    first.drop();
    const second = await reconnected();
    done.push(client.publish("clicks", 4));
    second.welcome({ next: 3 });
    assert.deepEqual(names(second.sent), ["pub 2 clicks", "pub 3 clicks", "pub 4 clicks"]);
    second.say({ op: "ack", seq: 2, offset: 2, data: 3, dups: 1 }, { op: "ack", seq: 4, offset: 4, data: 10, dups: 0 });
    assert.deepEqual((await Promise.all(done)).map(({ dup }) => dup), [false, true, false, false]);
  });

  it("has what was refused judged anew when the acknowledgement was lost", async () => {
    const first = await open();
    const done = client.publish("clicks", 1);
    first.say({ op: "err", seq: 1, code: 4103, name: "forbidden", reason: "no", retry: "no" });
    first.drop();
    const second = await reconnected();
    second.welcome({ next: 2, refused: [1] });
    second.say({ op: "ack", seq: 1, offset: 1, data: 1, dups: 0 });
    assert.equal((await done).data, 1);
  });

  it("holds everything from a number that is to come later, and sends it after that time", async () => {
    const socket = await open();
    const done = [1, 2].map((data) => client.publish("clicks", data));
    socket.say({ op: "err", seq: 1, code: 4203, name: "storage_full", reason: "full", retry: "later", afterMs: 2000 });
    done.push(client.publish("clicks", 3));
    socket.sent = [];
    mock.timers.tick(1999);
    assert.deepEqual(socket.sent, []);
    mock.timers.tick(1);
    assert.deepEqual(names(socket.sent), ["pub 1 clicks", "pub 2 clicks", "pub 3 clicks"]);
    socket.say({ op: "ack", seq: 3, offset: 3, data: 6, dups: 0 });
    await Promise.all(done);
  });

  it("sends again what a failed commit left unknown", async () => {
    const socket = await open();
    const done = client.publish("clicks", 1);
    socket.say({ op: "err", seq: 1, code: 4204, name: "storage_unknown", reason: "?", retry: "resend" });
    socket.drop(1006);
    const second = await reconnected();
    second.welcome({ next: 1 });
    second.say({ op: "ack", seq: 1, offset: 1, data: 1, dups: 0 });
    assert.equal((await done).data, 1);
  });

  it("sends everything again on a new connection after a gap", async () => {
    const socket = await open();
    const done = client.publish("clicks", 1);
    socket.say({ op: "err", seq: 1, code: 4008, name: "seq_gap", reason: "gap", retry: "no" });
    socket.drop(4008);
    const second = await reconnected();
    second.welcome({ next: 1 });
    assert.deepEqual(names(second.sent), ["pub 1 clicks"]);
    second.say({ op: "ack", seq: 1, offset: 1, data: 1, dups: 0 });
    await done;
  });

  it("uses up the number of what the broker could not read, and goes on behind it", async () => {
    const socket = await open();
    const [good, bad, next] = [1, "deep", 3].map((data) => client.publish("clicks", data));
    const lost = refusal(bad);
    socket.say({ op: "ack", seq: 1, offset: 1, data: 1, dups: 0 });
    await good;
    socket.sent = [];
    const unread = { op: "err", code: 4000, name: "bad_json", reason: "too deep", retry: "no" };
    socket.say(unread, { ...unread });
    assert.deepEqual(socket.sent.map(({ seq, topic, data }) => [seq, topic, data]), [[2, "", null], [3, "clicks", 3]]);
    socket.say({ op: "err", seq: 2, code: 4002, name: "bad_topic", reason: "empty", retry: "no" });
    socket.say({ op: "ack", seq: 2 }, { op: "ack", seq: 3, offset: 2, data: 4, dups: 0 });
    assert.equal((await lost).name, "bad_json");
    assert.equal((await next).data, 4);
  });

  it("does not take what it holds for what the broker could not read", async () => {
    const socket = await open();
    const held = client.publish("clicks", 1);
    const lost = refusal(client.publish("clicks", "deep"));
    const unread = { op: "err", code: 4000, name: "bad_json", reason: "too deep", retry: "no" };
    socket.say({ op: "err", seq: 1, code: 4202, name: "rate_limited", reason: "later", retry: "later", afterMs: 100 });
    socket.say(unread);
    mock.timers.tick(100);
    socket.say({ op: "ack", seq: 1, offset: 1, data: 1, dups: 0 }, { ...unread });
    assert.equal((await held).data, 1);
    socket.say({ op: "ack", seq: 2 });
    assert.equal((await lost).name, "bad_json");
  });

  it("rejects what is too old for a verdict", async () => {
    const socket = await open();
    const lost = refusal(client.publish("clicks", 1));
    socket.say({ op: "err", seq: 1, code: 4007, name: "seq_expired", reason: "too long ago", retry: "no" });
    assert.equal((await lost).name, "seq_expired");
  });

  it("begins anew when the broker has forgotten the producer, and rejects only what was sent", async () => {
    const first = await open();
    const sent = refusal(client.publish("clicks", 1));
    first.drop();
    const unsent = client.publish("clicks", 2);
    const second = await reconnected();
    second.open();
    const { name } = second.sent[0].producer;
    second.say({ op: "err", code: 4401, name: "producer_unknown", reason: "forgotten", retry: "no" });
    assert.equal((await sent).name, "producer_unknown");
    const third = await reconnected();
    third.open();
    assert.equal(third.sent[0].producer.epoch, undefined);
    assert.notEqual(third.sent[0].producer.name, name);
    third.welcome({ epoch: 78 });
    assert.deepEqual(names(third.sent), ["pub 1 clicks"]);
    third.say({ op: "ack", seq: 1, offset: 1, data: 2, dups: 0 });
    await unsent;
  });

  it("takes a broker that is ahead of it for one that has forgotten it", async () => {
    const first = await open();
    const lost = refusal(client.publish("clicks", 1));
    first.drop();
    (await reconnected()).welcome({ next: 9 });
    assert.equal((await lost).name, "producer_unknown");
  });

  it("goes on behind what a broker has lost, and tells", async () => {
    const first = await open();
    const done = client.publish("clicks", 1);
    first.say({ op: "ack", seq: 1, offset: 1, data: 1, dups: 0 });
    await done;
    first.drop();
    const next = client.publish("clicks", 2);
    (await reconnected()).welcome({ next: 2, regressed: { from: 1, to: 1 } });
    assert.deepEqual(states.at(-1).regressed, { from: 1, to: 1 });
    const socket = ScriptedSocket.all.at(-1);
    assert.deepEqual(names(socket.sent), ["pub 2 clicks"]);
    socket.say({ op: "ack", seq: 2, offset: 1, data: 2, dups: 0 });
    await next;
  });

  it("has at most 1,000 on their way, and a limit for what waits", async () => {
    const socket = await open({ unsentMax: 5 });
    for (let i = 0; i < 1005; i++) client.publish("clicks", 1).catch(() => {});
    assert.equal(socket.sent.length, 1000);
    assert.equal((await refusal(client.publish("clicks", 1))).name, "limit_reached");
    socket.say({ op: "ack", seq: 3, offset: 3, data: 3, dups: 0 });
    assert.equal(socket.sent.at(-1).seq, 1003);
  });

  it("refuses by itself what the broker would close for", async () => {
    const socket = await open();
    assert.equal((await refusal(client.publish("a", "ü".repeat(100)))).name, "too_large");
    assert.equal((await refusal(client.publish("a", undefined))).name, "TypeError");
    assert.equal((await refusal(client.publish("a", '1,"topic":"b"', { raw: true }))).name, "SyntaxError");
    assert.deepEqual(socket.sent, []);
  });

  it("does not send what was given up before, and lets go of what was sent", async () => {
    const socket = await start();
    const [early, late] = [new AbortController(), new AbortController()];
    const lost = [
      refusal(client.publish("a", 1, { signal: early.signal })),
      refusal(client.publish("b", 2, { signal: late.signal })),
    ];
    early.abort();
    socket.welcome();
    assert.deepEqual(names(socket.sent), ["pub 1 b"]);
    late.abort();
    for (const error of await Promise.all(lost)) assert.equal(error.name, "AbortError");
    const next = client.publish("c", 3);
    socket.say({ op: "ack", seq: 2, offset: 1, dups: 0 });
    await next;
  });

  it("without a producer only reads", async () => {
    const socket = await start({ producer: false });
    socket.open();
    assert.equal("producer" in socket.sent[0], false);
    assert.equal((await refusal(client.publish("a", 1))).name, "no_producer");
  });

  it("rejects everything when it is closed", async () => {
    const socket = await open();
    const lost = [client.publish("a", 1), client.get("a"), client.subscribe("a").ready].map(refusal);
    client.close();
    assert.equal(socket.readyState, 3);
    for (const error of await Promise.all(lost)) assert.equal(error.name, "closed");
    assert.equal((await refusal(client.publish("a", 1))).name, "closed");
    assert.equal((await refusal(client.get("a"))).name, "closed");
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
