// Numbers and times as people read them.

const plain = new Intl.NumberFormat("en", { maximumFractionDigits: 4 });
const small = new Intl.NumberFormat("en", { maximumSignificantDigits: 4 });
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const clock = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });

/** A number to look at; `exact` is its text where it has more digits than a double. */
export function number(value, exact) {
  if (exact !== undefined) return grouped(exact);
  const size = Math.abs(value);
  if (size >= 1e15) return value.toExponential(6);
  return (size < 1 ? small : plain).format(value);
}

/** A number where there is little room. */
export function brief(value) {
  const size = Math.abs(value);
  if (size >= 1e15) return value.toExponential(1);
  return size >= 10_000 ? short.format(value) : number(Number(value.toPrecision(4)));
}

function grouped(text) {
  return text.replace(/^-?\d+/, (digits) => digits.replace(/\B(?=(\d{3})+$)/g, ","));
}

export function rate(perSecond) {
  if (perSecond >= 100) return brief(Math.round(perSecond));
  return perSecond.toFixed(perSecond >= 10 ? 0 : 1);
}

/** A stretch of milliseconds, roughly. */
export function age(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

export function bytes(count) {
  for (const unit of ["B", "KB", "MB", "GB"]) {
    if (count < 1000) return `${count < 10 && unit !== "B" ? count.toFixed(1) : Math.round(count)} ${unit}`;
    count /= 1000;
  }
  return `${count.toFixed(1)} TB`;
}

export const time = (ms) => clock.format(ms);

const TEXT_MAX = 200; // nobody reads more of it in passing

/** Any value on one line; of what is said in words, the words. */
export function text(data) {
  if (data === null || data === undefined) return "—";
  const words = typeof data === "string" ? data : data.text;
  return (typeof words === "string" ? words : JSON.stringify(data)).slice(0, TEXT_MAX);
}
