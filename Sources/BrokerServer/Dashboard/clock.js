// The broker's time, which ages and windows are told in: a viewer's clock may be wrong, and the broker's counts.

let ahead = 0; // of the broker's clock

/** A live message says what time it is at the broker. */
export function hearTime(ts, now) {
  ahead = ts - now;
}

export function brokerTime(now) {
  return now + ahead;
}
