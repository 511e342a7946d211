// Publishing by the browser client, against a broker that is a script.
//   node --test Tests/Browser/publishing.test.mjs
import assert from "node:assert/strict";
import { describe, it, mock } from "node:test";
import { BrokerError } from "../../Sources/BrokerServer/Dashboard/wsbroker.js";
import { client, names, open, reconnected, ScriptedSocket, start, states } from "./scripted.mjs";
import { refusal } from "./support.mjs";

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
