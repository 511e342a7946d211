// The parts of the dashboard that are not on the screen.
//   node --test Tests/Browser/dashboard.test.mjs
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Alerts, wordsOf } from "../../Sources/BrokerServer/Dashboard/alerts.js";
import { age, brief, bytes, number, rate, text } from "../../Sources/BrokerServer/Dashboard/format.js";
import { History, SPAN } from "../../Sources/BrokerServer/Dashboard/history.js";
import { shapeOf } from "../../Sources/BrokerServer/Dashboard/shape.js";
import { inOrder, Topic, Topics } from "../../Sources/BrokerServer/Dashboard/topics.js";

const T0 = 1_795_460_000_000;
const SECOND = T0 / 1000;

describe("history", () => {
  it("knows the last value of each second, and holds it until the next", () => {
    const history = new History();
    history.record(SECOND, 1, 1);
    history.record(SECOND, 2, 1);
    history.record(SECOND + 3, 5, 1);
    assert.deepEqual(history.points(SECOND + 4), [[SPAN - 5, 2], [SPAN - 2, 5], [SPAN, 5]]);
  });

  it("remembers what held when the oldest second begins", () => {
    const history = new History();
    history.record(SECOND, 7, 1);
    assert.deepEqual(history.points(SECOND + 10 * SPAN), [[0, 7], [SPAN, 7]]);
    history.record(SECOND + 10 * SPAN, 8, 1);
    assert.deepEqual(history.points(SECOND + 10 * SPAN), [[0, 7], [SPAN - 1, 8], [SPAN, 8]]);
  });

  it("counts changes, and forgets them", () => {
    const history = new History();
    history.record(SECOND, NaN, 20);
    assert.equal(history.rate(SECOND), 2);
    assert.equal(history.changes(SECOND + 5).at(-6), 20);
    assert.equal(history.rate(SECOND + 10), 0);
    assert.ok(history.changes(SECOND + SPAN).every((count) => count === 0));
  });

  it("bears a clock that is set back", () => {
    const history = new History();
    history.record(SECOND, 1, 1);
    history.record(SECOND - 30, 2, 1);
    history.record(SECOND + 1, 3, 1);
    assert.equal(history.points(SECOND + 1).at(-1)[1], 3);
  });
});

describe("shape", () => {
  const cases = [
    [12, { kind: "number", value: 12 }],
    ["hi", { kind: "event" }],
    [null, { kind: "event" }],
    [[1, 2], { kind: "event" }],
    [{ title: "hi" }, { kind: "event" }],
    [{ value: 5, key: "press", ts: 1, offset: 2 }, { kind: "number", value: 5, note: "press" }],
    [{ value: 8123, exact: false, error: 0.0081 }, { kind: "number", value: 8123, note: "±0.81 %" }],
    [{ value: 12.5, delta: 750, over: 60 }, { kind: "number", value: 12.5, note: undefined }],
    [{ count: 3, sum: 9, avg: 3, stddev: null }, { kind: "number", value: 3, note: "avg" }],
    [{ p50: 1, p99: 2, count: 3, accuracy: 0.01 },
      { kind: "bars", value: 1, note: "p50", bars: [["p50", 1], ["p99", 2]] }],
    [{ count: 9, sum: 12.5, buckets: [[5, 3], [10, 8], ["inf", 9]] },
      { kind: "histogram", value: 9, note: "samples", bars: [["≤ 5", 3], ["≤ 10", 5], ["∞", 1]] }],
    [{ items: [{ key: "/a", count: 1, err: 0 }, { key: "/b", count: 3, err: 0 }], total: 9 },
      { kind: "ranking", value: 9, note: "of 2 keys", bars: [["/b", 3], ["/a", 1]] }],
    [{ north: 2, south: 3 }, { kind: "ranking", value: 5, note: "of 2 keys", bars: [["south", 3], ["north", 2]] }],
  ];
  it("of what only looks like something is that of an event", () => {
    const odd = [
      {}, { items: [null], total: 1 }, { items: [1], total: 1 }, { items: [{ key: 1, count: "1" }], total: 1 },
      { items: [], total: 1 }, { buckets: [1], count: 1 }, { buckets: [[1, "x"]], count: 1 }, { buckets: [[1, 1]] },
      { p50: "1" }, { p50: null, p99: 1 }, { value: "1" }, { avg: null }, { a: 1, b: "x" }, { a: null }, [], [[]], true,
      { items: Array.from({ length: 5000 }, (_, key) => ({ key, count: 1 })), total: 1 },
    ];
    for (const data of odd) assert.deepEqual(shapeOf(data), { kind: "event" }, JSON.stringify(data).slice(0, 80));
  });
  for (const [data, shape] of cases) it(`of ${JSON.stringify(data)}`, () => assert.deepEqual(shapeOf(data), shape));
});

describe("format", () => {
  it("tells numbers with what digits there is room for, and exact ones with all", () => {
    assert.equal(number(1234.56789), "1,234.5679");
    assert.equal(number(0.000123456), "0.0001235");
    assert.equal(number(1e21), "1.000000e+21");
    assert.equal(number(9.2e18, "9223372036854775807"), "9,223,372,036,854,775,807");
    assert.equal(number(0, "-1234.000000000000000001"), "-1,234.000000000000000001");
    assert.equal(brief(1234567), "1.2M");
    assert.equal(rate(0.25), "0.3");
  });

  it("tells times, sizes and any value roughly", () => {
    assert.deepEqual([5e3, 65e3, 7.3e6, 2e8].map(age), ["5 s", "1 min", "2 h", "2 d"]);
    assert.deepEqual([5, 1310, 48_234_496].map(bytes), ["5 B", "1.3 KB", "48 MB"]);
    assert.deepEqual([null, "a", { text: "b" }, { c: 1 }].map(text), ["—", "a", "b", '{"c":1}']);
  });
});

describe("topics", () => {
  const message = (offset, data, more) => ({ topic: "a", offset, data, ts: T0, ...more });

  it("counts by offsets, so that what was skipped counts too", () => {
    const topic = new Topic("a");
    topic.receive(message(5, 1, { retained: true }), T0);
    assert.equal(topic.rate(SECOND), 0);
    topic.receive(message(25, 2), T0);
    assert.equal(topic.rate(SECOND), 2);
    topic.receive(message(1, 1), T0); // another life
    assert.equal(topic.rate(SECOND), 2.1);
  });

  it("draws a quiet number as a line from when it was first seen", () => {
    const topic = new Topic("a");
    topic.receive(message(5, 7, { retained: true }), T0);
    assert.deepEqual(topic.points(SECOND + 10), [[SPAN - 10, 7], [SPAN, 7]]);
    topic.receive(message(6, 8), T0 + 5000);
    assert.deepEqual(topic.points(SECOND + 10), [[SPAN - 11, 7], [SPAN - 6, 8], [SPAN, 8]]);
  });

  it("tells windows that stand from one that slides", () => {
    const window = (start, end, final = false) => ({ window: { start, end, final, partial: false } });
    const tumbling = new Topic("a");
    tumbling.receive(message(1, 1, window(0, 10)), T0);
    tumbling.receive(message(2, 3, window(0, 10, true)), T0);
    tumbling.receive(message(3, 2, window(10, 20)), T0);
    assert.equal(tumbling.kind, "windows");
    assert.deepEqual(tumbling.windows.map(({ value, final }) => [value, final]), [[3, true], [2, false]]);
    const sliding = new Topic("b");
    sliding.receive(message(1, 1, window(0, 10)), T0);
    sliding.receive(message(2, 1, window(1, 11)), T0);
    assert.equal(sliding.kind, "number");
  });

  it("lets go of what is not there any more after a reconnect, but not of events", () => {
    const topics = new Topics();
    topics.receive({ ...message(1, 1), topic: "kept", retained: true }, T0);
    topics.receive({ ...message(1, 1), topic: "gone", retained: true }, T0);
    topics.receive({ ...message(1, { a: "b" }), topic: "event" }, T0);
    topics.begin();
    topics.receive({ ...message(2, 1), topic: "kept", retained: true }, T0);
    topics.complete();
    assert.deepEqual([...topics.all.keys()], ["kept", "event"]);
    assert.deepEqual(topics.gone.map(({ name }) => name), ["gone"]);
  });

  it("are in the order of their levels, and of the numbers in them", () => {
    const names = ["m/10/x", "m/9", "m", "m/9/a", "M/1", "clicks-per-10s", "clicks/a"];
    const sorted = names.map((name) => new Topic(name)).sort(inOrder).map(({ name }) => name);
    assert.deepEqual(sorted, ["clicks/a", "clicks-per-10s", "m", "m/9", "m/9/a", "m/10/x", "M/1"]);
  });
});

describe("alerts", () => {
  const told = (state, n, more) => ({
    topic: "factory/alerts", ts: T0 + n, data: { text: `text ${n}` }, ...more,
    alert: { name: "overpower", key: "press", state, value: 612, limit: 500, n },
  });

  it("stand from their raising to their clearing, and are told once", () => {
    const alerts = new Alerts();
    assert.ok(alerts.receive(told("raised", 1)));
    const command = told("raised", 1, { topic: "factory/press/cmd", data: { cmd: "shutdown" } });
    assert.equal(alerts.receive(command), undefined);
    assert.deepEqual([...alerts.standing.values()].map(({ key, text }) => [key, text]), [["press", "text 1"]]);
    assert.ok(alerts.receive(told("cleared", 2)));
    assert.equal(alerts.standing.size, 0);
    assert.deepEqual(alerts.history.map(({ state, n }) => [state, n]), [["cleared", 2], ["raised", 1]]);
  });

  it("do not stand by a retained message that is older than what is known", () => {
    const alerts = new Alerts();
    alerts.receive(told("cleared", 2, { retained: true }));
    alerts.receive(told("raised", 1, { retained: true, topic: "factory/press/cmd" }));
    assert.equal(alerts.standing.size, 0);
  });

  it("do not stand any more when a reconnect does not tell them", () => {
    const alerts = new Alerts();
    alerts.receive(told("raised", 1));
    alerts.begin();
    alerts.complete();
    assert.equal(alerts.standing.size, 0);
    alerts.receive(told("raised", 3));
    alerts.begin();
    alerts.receive(told("raised", 3, { retained: true }));
    alerts.complete();
    assert.equal(alerts.standing.size, 1);
  });

  it("stand as the broker lists them, where it does", () => {
    const alerts = new Alerts();
    alerts.receive(told("raised", 1));
    const listed = { name: "overpower", key: "press", value: 612, limit: 500, since: T0, topic: "factory/power/max" };
    alerts.list([listed]);
    assert.deepEqual([...alerts.standing.values()], [{ ...listed, text: "text 1" }]);
    const topics = ["factory/power/max", "factory/alerts", "clicks"].map((name) => new Topic(name));
    topics[1].alert = told("raised", 1).alert;
    alerts.markRaised(topics);
    assert.deepEqual(topics.map(({ isRaised }) => isRaised), [true, true, false]);
    alerts.list([]);
    assert.equal(alerts.standing.size, 0);
  });

  it("say what they are about", () => {
    assert.equal(wordsOf({ key: "press", value: 612, limit: 500, state: "raised" }), "press at 612, limit 500");
    assert.equal(wordsOf({ value: 3, limit: [5, 9], state: "raised" }), "at 3, limit 5 to 9");
    assert.equal(wordsOf({ key: "pump", value: null, limit: 30, state: "raised" }), "pump is silent");
    assert.equal(wordsOf({ key: "pump", value: null, limit: 30, state: "cleared" }), "pump is back");
  });
});
