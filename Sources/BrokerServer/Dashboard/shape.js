// What a value is, so that it can be drawn: by its form, because not every broker tells who made it. Anybody may
// publish anything, so whatever does not look right all the way through is an event.

const BARS_MAX = 1000; // as many as the longest ranking has

const isNumber = (x) => typeof x === "number" && Number.isFinite(x);
const isObject = (x) => typeof x === "object" && x !== null && !Array.isArray(x);
const isCount = ([, x]) => isNumber(x);

/**
 * `kind` says how to draw it: "number", "bars" (some named numbers on one scale), "histogram", "ranking" or "event".
 * `value` is the number that stands for it, `note` what has to be said beside it, `bars` are [label, number].
 */
export function shapeOf(data) {
  if (isNumber(data)) return { kind: "number", value: data };
  if (!isObject(data)) return { kind: "event" };
  const entries = Object.entries(data);
  return histogram(data) ?? topk(data) ?? quantiles(entries) ?? single(data) ?? stats(data) ?? keyed(entries)
    ?? { kind: "event" };
}

/** Buckets count everything up to their bound; a bar is what is between two bounds. */
function histogram({ buckets, count }) {
  if (!isNumber(count) || !Array.isArray(buckets) || buckets.length > BARS_MAX) return undefined;
  if (!buckets.every((bucket) => Array.isArray(bucket) && isCount(bucket))) return undefined;
  let before = 0;
  const bars = buckets.map(([bound, upTo]) => {
    const bar = [bound === "inf" ? "∞" : `≤ ${bound}`, upTo - before];
    before = upTo;
    return bar;
  });
  return { kind: "histogram", value: count, note: "samples", bars };
}

function topk({ items, total }) {
  if (!isNumber(total) || !Array.isArray(items) || !items.every(isObject)) return undefined;
  return ranking(items.map(({ key, count }) => [String(key), count]), total);
}

function quantiles(entries) {
  const bars = entries.filter(([name]) => /^p\d/.test(name));
  if (bars.length === 0 || !bars.every(isCount)) return undefined;
  return { kind: "bars", value: bars[0][1], note: bars[0][0], bars };
}

function single({ value, key, error }) {
  if (!isNumber(value)) return undefined;
  const note = key !== undefined ? String(key) : error > 0 ? `±${(error * 100).toPrecision(2)} %` : undefined;
  return { kind: "number", value, note };
}

function stats(data) {
  if (!("stddev" in data || "avg" in data)) return undefined;
  const name = ["avg", "last", "sum", "count"].find((field) => isNumber(data[field]));
  return name && { kind: "number", value: data[name], note: name };
}

function keyed(entries) {
  return ranking(entries, entries.filter(isCount).reduce((sum, [, x]) => sum + x, 0));
}

function ranking(entries, total) {
  if (entries.length === 0 || entries.length > BARS_MAX || !entries.every(isCount)) return undefined;
  const bars = entries.sort((a, b) => b[1] - a[1]);
  return { kind: "ranking", value: total, note: bars.length === 1 ? "one key" : `of ${bars.length} keys`, bars };
}
