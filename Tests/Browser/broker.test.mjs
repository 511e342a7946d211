// The browser client against the real broker, which is killed while it works.
//   WSBROKER=.build/debug/wsbroker node --experimental-websocket --test Tests/Browser/broker.test.mjs
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { connect } from "../../Sources/BrokerServer/Dashboard/wsbroker.js";
import { BrokerProcess, CuttingProxy, refusal } from "./support.mjs";

describe("with a broker", () => {
  let broker;
  const clients = [];

  function client(options) {
    const made = connect(broker.url, { backoff: { baseMs: 20, maxMs: 200 }, ...options });
    clients.push(made);
    return made;
  }

  before(async () => (broker = await BrokerProcess.start()));
  after(async () => {
    for (const made of clients) made.close();
    await broker.stop();
  });

  it("counts, and tells the total to who publishes and who watches", async () => {
    const watching = client({ producer: false }).subscribe("clicks/a");
    await watching.ready;
    const publisher = client();
    const acks = await Promise.all([6, 5, -1].map((data) => publisher.publish("clicks/a", data)));
    assert.deepEqual(acks.map(({ data }) => data), [6, 11, 10]);
    for await (const { data, offset } of watching) if (offset === 3) {
      assert.equal(data, 10);
      break;
    }
    assert.equal((await publisher.get("clicks/a")).data, 10);
  });

  it("has the numbers that JavaScript has not", async () => {
    const publisher = client();
    const { exact } = await publisher.publish("clicks/big", 9223372036854775807n);
    assert.equal(exact, "9223372036854775807");
    assert.equal((await publisher.publish("clicks/big", "1", { raw: true })).exact, "9223372036854775808");
  });

  it("says what is wrong, and goes on", async () => {
    const publisher = client();
    assert.equal((await refusal(publisher.publish("clicks/bad", "six"))).why, "not_a_number");
    assert.equal((await refusal(publisher.publish("no topic", 1))).name, "bad_topic");
    assert.equal((await refusal(publisher.get("nothing/here"))).name, "no_value");
    assert.equal((await refusal(publisher.publish("clicks/bad", 1, { retain: true }))).name, "bad_envelope");
    assert.equal((await publisher.publish("clicks/bad", 1)).data, 1);
    const deep = `${"[".repeat(40)}${"]".repeat(40)}`;
    assert.equal((await refusal(publisher.publish("clicks/\ud800", 1))).name, "bad_topic");
    const long = `1${"0".repeat(500)}`;
    assert.equal((await refusal(publisher.publish("clicks/bad", long, { raw: true }))).why, "token_too_long");
    // Some that the broker can not read at all, with good ones between.
    const mixed = [1, deep, 1, '"\\ud800"', '{"a":1,"a":2}', 1, 1, deep, 1];
    const results = await Promise.allSettled(mixed.map((text) => publisher.publish("clicks/bad", text, { raw: true })));
    assert.deepEqual(results.map(({ value, reason }) => value?.data ?? reason.name),
      [2, "bad_json", 3, "bad_json", "bad_value", 4, 5, "bad_json", 6]);
  });

  it("keeps what is retained, and tells it to who comes later", async () => {
    const publisher = client();
    await publisher.publish("news", { a: 1 }, { retain: true });
    for await (const { data, retained } of client().subscribe("+")) {
      assert.deepEqual({ data, retained }, { data: { a: 1 }, retained: true });
      break;
    }
  });

  it("loses no count and doubles none while the broker is killed again and again", async () => {
    const publishers = Array.from({ length: 4 }, () => client());
    const seen = [];
    const watching = client({ producer: false }).subscribe("clicks", {}, ({ data }) => seen.push(data));
    await watching.ready;
    const each = 3000;
    let dups = 0;
    let counted = 0;
    const publishing = publishers.map(async (publisher) => {
      // Fifty on their way at a time, so that a kill finds some of them in every place that there is.
      for (let i = 0; i < each; i += 50) {
        const acks = await Promise.all(Array.from({ length: 50 }, () => publisher.publish("clicks", 1)));
        dups += acks.filter(({ dup }) => dup).length;
        counted += 50;
      }
    });
    const all = Promise.all(publishing);
    for (let kill = 1; kill <= 5; kill++) {
      while (counted < (kill * 4 * each) / 6) await new Promise((resolve) => setTimeout(resolve, 1));
      await broker.kill();
      await broker.restart();
    }
    await all;
    const { data } = await publishers[0].get("clicks");
    assert.equal(data, 4 * each);
    assert.ok(seen.every((value, i) => i === 0 || value >= seen[i - 1]), "a total that somebody saw went back");
    while (seen.at(-1) !== data) await new Promise((resolve) => setTimeout(resolve, 1));
    console.log(`# ${dups} of ${4 * each} had been counted before their acknowledgement was lost`);
  });

  it("loses no count and doubles none over a network that cuts all the time", async () => {
    const proxy = await CuttingProxy.start(broker.url, 4000);
    const publishers = Array.from({ length: 3 }, () =>
      connect(proxy.url, { backoff: { baseMs: 1, maxMs: 10 }, WebSocket }));
    clients.push(...publishers);
    const all = publishers.map(async (publisher) => {
      let last = 0;
      while (proxy.cuts < 300) {
        const acks = await Promise.all(Array.from({ length: 20 }, () => publisher.publish("clicks/cut", 1)));
        last += acks.length;
      }
      return last;
    });
    const counted = (await Promise.all(all)).reduce((sum, n) => sum + n);
    proxy.isCutting = false;
    assert.equal((await client().get("clicks/cut")).data, counted);
    console.log(`# ${counted} publishes over ${proxy.cuts} cuts`);
    proxy.stop();
  });

  it("waits as long as the broker asks for, and counts everything once", async () => {
    const limited = await BrokerProcess.start({ publishesPerSecond: 100, publishBurst: 20 });
    const publisher = connect(limited.url);
    const acks = await Promise.all(Array.from({ length: 150 }, () => publisher.publish("clicks", 1)));
    assert.deepEqual(acks.map(({ data }) => data), Array.from({ length: 150 }, (_, i) => i + 1));
    publisher.close();
    await limited.stop();
  });

  it("publishes after a restart what it was given before", async () => {
    const publisher = client();
    await publisher.publish("clicks/late", 1);
    await broker.kill("SIGTERM");
    const done = [2, 3].map((data) => publisher.publish("clicks/late", data));
    await broker.restart();
    assert.deepEqual((await Promise.all(done)).map(({ data }) => data), [3, 6]);
  });
});
