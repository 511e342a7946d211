// All topics that the viewer may read, and what is known of each; nothing of this is on the screen.
import { History, SPAN } from "./history.js";
import { shapeOf } from "./shape.js";

const WINDOWS_MAX = 60;
export const TOPICS_MAX = 10_000; // more than anybody scrolls through, and about as many as a browser bears

export class Topic {
  isDescribed = false; // whether the broker told
  aggregate; // the aggregator's name, if there is one
  data;
  exact;
  offset = 0;
  ts;
  window;
  windows = []; // {start, end, value, final}, the oldest first
  isSliding = false; // windows that move with every value are no columns
  alert; // what its last message said of one
  isRaised = false;
  isRetained = false;
  shape = { kind: "event" };
  version = 0; // goes up with every change, so that a row knows whether it is up to date
  #history;
  #seenAt;

  constructor(name) {
    this.name = name;
    this.levels = name.split("/");
    this.leaf = this.levels.at(-1);
    this.path = name.slice(0, name.length - this.leaf.length);
  }

  receive(message, now) {
    const { data, exact, offset, ts, window, alert, retained } = message;
    // Offsets count what was skipped too. One that goes back is of another life of the topic.
    const changes = retained ? 0 : offset > this.offset && this.offset > 0 ? offset - this.offset : 1;
    const before = this.shape.value;
    Object.assign(this, { data, exact, offset, window, ts: ts ?? this.ts ?? now });
    this.alert = alert ?? this.alert;
    this.isRetained ||= retained === true;
    this.shape = shapeOf(data);
    if (window) this.#note(window);
    this.#record(now, changes, before);
    this.version++;
  }

  /** Is drawn by what it is now, whatever it has been. */
  get kind() {
    return this.shape.kind === "number" && this.window && !this.isSliding ? "windows" : this.shape.kind;
  }

  /** How the value went, as [place, value]. */
  points(second) {
    if (this.#history) return this.#history.points(second);
    const from = Math.max(0, SPAN - (second - this.#seenAt));
    return this.shape.value === undefined ? [] : [[from, this.shape.value], [SPAN, this.shape.value]];
  }

  /** How often it changed in each second. */
  changes(second) {
    return this.#history?.changes(second) ?? [];
  }

  rate(second) {
    return this.#history?.rate(second) ?? 0;
  }

  /** There is a history only where something happens, because of ten thousand topics most are quiet. */
  #record(now, changes, before) {
    const second = Math.floor(now / 1000);
    this.#seenAt ??= second;
    if (!this.#history && changes === 0) return;
    if (!this.#history) (this.#history = new History()).record(this.#seenAt, before, 0);
    this.#history.record(second, this.shape.value, changes);
  }

  #note({ start, end, final }) {
    const last = this.windows.at(-1);
    if (last && start !== last.start && start < last.end && !last.final && !final) this.isSliding = true;
    const entry = { start, end, final, value: this.shape.value };
    if (last?.start === start) this.windows[this.windows.length - 1] = entry;
    else this.windows.push(entry);
    if (this.windows.length > WINDOWS_MAX) this.windows.shift();
  }
}

export class Topics {
  all = new Map();
  added = []; // since somebody last took them
  gone = [];
  isFull = false;
  #seen; // while what is there is told after a reconnect

  /** Everything that is there will be told now; what is not told any more is gone. */
  begin() {
    this.#seen = new Set();
  }

  complete() {
    for (const topic of this.all.values()) {
      if (!(topic.isRetained || topic.aggregate) || this.#seen.has(topic.name)) continue;
      this.all.delete(topic.name);
      this.gone.push(topic);
    }
    this.#seen = undefined;
  }

  receive(message, now) {
    this.#seen?.add(message.topic);
    const topic = this.#find(message.topic);
    topic?.receive(message, now);
    return topic;
  }

  /** What the broker says of a topic over HTTP. */
  describe({ topic: name, aggregate }) {
    const topic = this.all.get(name);
    if (!topic) return;
    Object.assign(topic, { aggregate, isDescribed: true });
    topic.version++;
  }

  #find(name) {
    let topic = this.all.get(name);
    if (!topic && this.all.size < TOPICS_MAX) {
      this.all.set(name, (topic = new Topic(name)));
      this.added.push(topic);
    }
    this.isFull ||= !topic;
    return topic;
  }
}

const collator = new Intl.Collator("en", { numeric: true });

/** By level, numbers in the order of numbers. */
export function inOrder(a, b) {
  const [x, y] = [a.levels, b.levels];
  for (let i = 0; i < Math.min(x.length, y.length); i++) {
    const order = collator.compare(x[i], y[i]) || (x[i] < y[i] ? -1 : x[i] > y[i] ? 1 : 0);
    if (order) return order;
  }
  return x.length - y.length;
}
