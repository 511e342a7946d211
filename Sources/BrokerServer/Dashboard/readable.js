// Who may not read everything reads each topic by itself that the broker says it may.

const AGAIN_MS = 10_000;
const TOPICS_MAX = 100; // a connection has 128 subscriptions, and the page has others

export class ReadableTopics {
  #subscribe;
  #read = new Set();
  #timer;

  /** `subscribe(topic)` is called once for each. */
  constructor(subscribe) {
    this.#subscribe = subscribe;
  }

  /** Asks now, and again and again for what has come since. `done` is called when it was answered. */
  start(token, done) {
    this.stop();
    const ask = async () => {
      try {
        const headers = token ? { Authorization: `Bearer ${token}` } : {};
        const response = await fetch(`topics?limit=${TOPICS_MAX}`, { headers });
        if (!response.ok) return;
        for (const { topic } of (await response.json()).topics) {
          if (this.#read.has(topic) || this.#read.size >= TOPICS_MAX) continue;
          this.#read.add(topic);
          this.#subscribe(topic);
        }
        done();
      } catch {
        // The connection is gone; it is asked again.
      }
    };
    this.#timer = setInterval(ask, AGAIN_MS);
    ask();
  }

  has(topic) {
    return this.#read.has(topic);
  }

  stop() {
    clearInterval(this.#timer);
    this.#read.clear();
  }
}
