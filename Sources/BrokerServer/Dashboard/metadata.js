// What the broker says of topics beside their values: which aggregator each has. Without it, the page goes by the form
// of the values.

const AGAIN_MS = 10_000;

export class Metadata {
  #askedAt = 0;
  #known = 0; // how many topics there were when it was asked
  #isMissing = false;
  #isAsking = false;

  forget() {
    this.#known = this.#askedAt = 0;
    this.#isMissing = false;
  }

  /** Asks when there are other topics than before, and not all the time. */
  async update(topics, filter, token, now) {
    const { size } = topics.all;
    if (size === this.#known || this.#isMissing || this.#isAsking || now - this.#askedAt < AGAIN_MS) return;
    [this.#askedAt, this.#known, this.#isAsking] = [now, size, true];
    const headers = token ? { Authorization: `Bearer ${token}` } : {};
    try {
      let after;
      do {
        const query = new URLSearchParams({ filter, limit: 1000, ...(after && { after }) });
        const response = await fetch(`topics?${query}`, { headers });
        if (!response.ok || !response.headers.get("Content-Type")?.includes("json")) {
          this.#isMissing = response.status === 404;
          return;
        }
        const page = await response.json();
        for (const description of page.topics) topics.describe(description);
        after = page.next;
      } while (after);
    } catch {
      // The connection is gone, and with the next one it is asked again.
    } finally {
      this.#isAsking = false;
    }
  }
}
