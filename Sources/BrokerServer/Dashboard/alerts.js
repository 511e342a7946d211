// Which alerts stand, and what they did; from the messages that carry one, and from the broker's own list where the
// viewer may read it.

const HISTORY_MAX = 200;

export class Alerts {
  standing = new Map(); // by name and key: {name, key, value, limit, since, topic, n}
  history = []; // the newest first
  version = 0;
  #isListed = false; // whether the broker tells by itself what stands
  #unconfirmed;

  /** What is there will be told now; what is not told any more does not stand. */
  begin() {
    this.#isListed = false;
    this.#unconfirmed = new Set(this.standing.keys());
  }

  complete() {
    if (!this.#isListed) for (const id of this.#unconfirmed ?? []) this.standing.delete(id);
    this.#unconfirmed = undefined;
    this.version++;
  }

  /** A message that an alert published; returns the transition if it is news. */
  receive({ topic, ts, data, alert }) {
    const id = idOf(alert);
    const text = typeof data?.text === "string" ? data.text : undefined;
    const known = this.history.find((entry) => entry.id === id && entry.n === alert.n && entry.state === alert.state);
    // One transition may be told on several topics; one of them may say it in words.
    if (known) known.text ??= text;
    else this.#add({ ...alert, id, text, topic, ts });
    this.#unconfirmed?.delete(id);
    this.version++;
    const stands = this.standing.get(id);
    if (!this.#isListed && !(stands?.n > alert.n) && !this.#isOver(id, alert)) {
      const raised = { since: ts, ...stands, ...alert, topic, text: stands?.text ?? text };
      if (alert.state === "raised") this.standing.set(id, raised);
      else this.standing.delete(id);
    }
    return known ? undefined : alert;
  }

  /** The broker's list of what stands. */
  list(alerts) {
    this.#isListed = true;
    const wordsFor = (id) => this.history.find((entry) => entry.id === id && entry.state === "raised")?.text;
    this.standing = new Map(alerts.map((alert) => [idOf(alert), { ...alert, text: wordsFor(idOf(alert)) }]));
    this.version++;
  }

  /** The topics to be shown in red: those that alerts watch, and those that they last spoke on. */
  markRaised(topics) {
    const watched = new Set(Array.from(this.standing.values(), ({ topic }) => topic));
    for (const topic of topics) {
      const isRaised = watched.has(topic.name) || (topic.alert !== undefined && this.standing.has(idOf(topic.alert)));
      if (topic.isRaised === isRaised) continue;
      topic.isRaised = isRaised;
      topic.version++;
    }
  }

  /** A retained message may be older than a transition that was told on another topic. */
  #isOver(id, { n }) {
    return this.history.some((entry) => entry.id === id && entry.n > n);
  }

  #add(entry) {
    const at = this.history.findIndex(({ ts }) => ts <= entry.ts);
    this.history.splice(at < 0 ? this.history.length : at, 0, entry);
    this.history.length = Math.min(this.history.length, HISTORY_MAX);
  }
}

const idOf = ({ name, key }) => JSON.stringify([name, key]);

/** What an alert says, in a few words. */
export function wordsOf({ key, value, limit, state }) {
  const of = key === undefined ? "" : `${key} `;
  if (value === null) return `${of}${state === "cleared" ? "is back" : "is silent"}`;
  if (state === "cleared") return `${of}is back at ${value}`;
  return `${of}at ${value}, limit ${[limit].flat().join(" to ")}`;
}
