// What a value is, so that it can be drawn: by its form, because not every broker tells who made it.

const isNumber = (x) => typeof x === "number" && Number.isFinite(x);

/**
 * `kind` says how to draw it: "number", "bars" (some named numbers on one scale), "histogram", "ranking" or "event".
 * `value` is the number that stands for it, `note` what has to be said beside it, `bars` are [label, number].
 */
export function shapeOf(data) {
  if (isNumber(data)) return { kind: "number", value: data };
  if (data === null || typeof data !== "object") return { kind: "event" };
  if (Array.isArray(data.buckets)) return histogram(data);
  if (Array.isArray(data.items)) return ranking(data.items.map(({ key, count }) => [key, count]), data.total);
  const quantiles = Object.entries(data).filter(([name]) => /^p\d/.test(name));
  if (quantiles.length) return { kind: "bars", value: quantiles[0][1], note: quantiles[0][0], bars: quantiles };
  if (isNumber(data.value)) return { kind: "number", value: data.value, note: noteOf(data) };
  if ("stddev" in data || "avg" in data) return stats(data);
  const entries = Object.entries(data);
  if (entries.length && !Array.isArray(data) && entries.every(([, x]) => isNumber(x))) return ranking(entries);
  return { kind: "event" };
}

function noteOf(data) {
  if (data.key !== undefined) return String(data.key);
  if (data.error > 0) return `±${(data.error * 100).toPrecision(2)} %`;
  return undefined;
}

function stats(data) {
  const name = ["avg", "last", "sum", "count"].find((field) => isNumber(data[field]));
  return name ? { kind: "number", value: data[name], note: name } : { kind: "event" };
}

/** Buckets count everything up to their bound; a bar is what is between two bounds. */
function histogram({ buckets, count }) {
  let before = 0;
  const bars = buckets.map(([bound, upTo]) => {
    const bar = [bound === "inf" ? "∞" : `≤ ${bound}`, upTo - before];
    before = upTo;
    return bar;
  });
  return { kind: "histogram", value: count, note: "samples", bars };
}

function ranking(entries, total) {
  const bars = entries.filter(([, x]) => isNumber(x)).sort((a, b) => b[1] - a[1]);
  const sum = total ?? bars.reduce((all, [, x]) => all + x, 0);
  return { kind: "ranking", value: sum, note: bars.length === 1 ? "one key" : `of ${bars.length} keys`, bars };
}
