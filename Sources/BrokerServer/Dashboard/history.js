// The last minutes of one number, a place for each second.

export const SPAN = 240; // seconds
const opened = Date.now();

/** How many seconds the charts show: at first few, because there are no more. */
export function spanAt(now) {
  return [60, 120].find((seconds) => now - opened < seconds * 1000) ?? SPAN;
}

export class History {
  #values = new Float64Array(SPAN).fill(NaN); // the last value of each second; NaN where nothing came
  #changes = new Uint32Array(SPAN);
  #second; // the newest place
  #before = NaN; // the value that the oldest place follows

  record(second, value, changes) {
    this.#advance(second);
    const place = second % SPAN;
    if (Number.isFinite(value)) this.#values[place] = value;
    this.#changes[place] += changes;
  }

  #advance(second) {
    // A clock that was set back is a time in which nothing comes.
    const from = Math.max((this.#second ?? second - SPAN) + 1, second - SPAN + 1);
    for (let s = from; s <= second; s++) {
      const place = s % SPAN;
      if (!Number.isNaN(this.#values[place])) this.#before = this.#values[place];
      this.#values[place] = NaN;
      this.#changes[place] = 0;
    }
    this.#second = Math.max(second, this.#second ?? second);
  }

  /** [place from 0 to SPAN, value] wherever the value changed, and its ends. */
  points(now) {
    this.#advance(now);
    const points = [];
    let value = this.#before;
    if (!Number.isNaN(value)) points.push([0, value]);
    for (let x = 0; x < SPAN; x++) {
      const next = this.#values[(now - SPAN + 1 + x) % SPAN];
      if (!Number.isNaN(next)) points.push([x, (value = next)]);
    }
    if (points.length) points.push([SPAN, value]);
    return points;
  }

  /** Changes in each second, the oldest first. */
  changes(now) {
    this.#advance(now);
    return Array.from({ length: SPAN }, (_, x) => this.#changes[(now - SPAN + 1 + x) % SPAN]);
  }

  /** Changes per second over the last ten. */
  rate(now) {
    this.#advance(now);
    let sum = 0;
    for (let s = now - 9; s <= now; s++) sum += this.#changes[s % SPAN];
    return sum / 10;
  }
}
