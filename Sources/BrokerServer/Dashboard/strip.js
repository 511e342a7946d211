// The chart of a row: one SVG path on a time axis that all rows share, or a few bars with labels.
import { brokerTime } from "./clock.js";
import { brief } from "./format.js";
import { SPAN, spanAt } from "./history.js";

const HEIGHT = 100; // of the view box, which is stretched to the row; one unit across is a second, and SPAN is now
const BARS_MAX = 3;
const LABELS_MAX = 12; // of the columns of a histogram

export class Strip {
  #element;
  #area;
  #line;
  #high;
  #low;
  #bars;
  #rows = [];
  #svg;
  #span;

  /** `element` is a copy of the template "strip". */
  constructor(element) {
    this.#element = element;
    const part = (name) => element.querySelector(`.${name}`);
    [this.#area, this.#line, this.#bars] = [part("area"), part("line"), part("bars")];
    [this.#high, this.#low] = [part("high"), part("low")];
    this.#svg = element.querySelector("svg");
  }

  draw(topic, now) {
    const { kind } = topic;
    if (this.#element.dataset.kind !== kind) this.#element.dataset.kind = kind;
    if (kind === "ranking" || kind === "bars") return this.#drawBars(topic.shape.bars.slice(0, BARS_MAX));
    const second = Math.floor(now / 1000);
    const span = spanAt(now);
    if (span !== this.#span) this.#svg.setAttribute("viewBox", `${SPAN - span} 0 ${span} ${HEIGHT}`);
    this.#span = span;
    if (kind === "histogram") {
      this.#drawColumns(spread(topic.shape.bars, span));
      this.#drawBars(topic.shape.bars.length > LABELS_MAX ? [] : topic.shape.bars);
    } else if (kind === "windows") this.#drawColumns(onAxis(topic.windows, brokerTime(now), span));
    else if (kind === "event") this.#drawColumns(activity(topic.changes(second)));
    else this.#drawLine(topic.points(second));
  }

  #drawLine(points) {
    const values = points.map(([, y]) => y);
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const height = (y) => (high === low ? 50 : 88 - ((y - low) / (high - low)) * 76).toFixed(1);
    let path = "";
    // A value holds until the next one, so the line has steps.
    for (const [x, y] of points) path += path ? `H${x}V${height(y)}` : `M${x} ${height(y)}`;
    set(this.#line, path);
    set(this.#area, path && `${path}V${HEIGHT}H${points[0][0]}Z`);
    this.#scale(low, high, points.length > 0 && low !== high);
  }

  /** `columns` are {x, width, value, isOpen}. */
  #drawColumns(columns) {
    const values = columns.map(({ value }) => value);
    const [low, high] = [Math.min(0, ...values), Math.max(0, ...values)];
    const height = (y) => HEIGHT - ((y - low) / (high - low || 1)) * (HEIGHT - 12);
    const base = height(0).toFixed(1);
    let [closed, open] = ["", ""];
    for (const { x, width, value, isOpen } of columns) {
      const path = `M${x.toFixed(1)} ${base}V${height(value).toFixed(1)}h${width.toFixed(2)}V${base}Z`;
      if (isOpen) open += path;
      else closed += path;
    }
    set(this.#line, closed);
    set(this.#area, open);
    this.#scale(low, high, high > 0 || low < 0);
  }

  #scale(low, high, isTold) {
    show(this.#high, isTold ? brief(high) : "");
    show(this.#low, isTold && low !== 0 ? brief(low) : "");
  }

  #drawBars(shown) {
    const most = Math.max(...shown.map(([, value]) => Math.abs(value)), Number.MIN_VALUE);
    while (this.#rows.length < shown.length) this.#rows.push(this.#addBar());
    for (const [i, row] of this.#rows.entries()) {
      row.item.hidden = i >= shown.length;
      if (row.item.hidden) continue;
      const [label, value] = shown[i];
      show(row.label, label);
      show(row.value, brief(value));
      row.bar.style.transform = `scaleX(${Math.max(0.004, Math.abs(value) / most).toFixed(4)})`;
    }
  }

  #addBar() {
    const tags = ["li", "span", "span", "i", "span"];
    const [item, label, track, bar, value] = tags.map((tag) => document.createElement(tag));
    [label.className, track.className, value.className] = ["label", "track", "value"];
    track.append(bar);
    item.append(label, track, value);
    this.#bars.append(item);
    return { item, label, bar, value };
  }
}

function spread(bars, span) {
  const width = span / bars.length;
  return bars.map(([, value], i) => ({ x: SPAN - span + i * width + width * 0.06, width: width * 0.88, value }));
}

/** Windows stand where they are in time; those too long for that stand side by side. */
function onAxis(windows, now, span) {
  const known = windows.filter(({ value }) => Number.isFinite(value));
  if (known.length === 0) return [];
  const seconds = (known.at(-1).end - known.at(-1).start) / 1000;
  const isOpen = (i) => i === known.length - 1 && !known[i].final;
  if (seconds * 2 > span) {
    const width = span / 24;
    const shown = known.slice(-24);
    return shown.map(({ value }, i) => ({
      x: SPAN - (shown.length - i) * width, width: width * 0.86, value, isOpen: isOpen(known.length - shown.length + i),
    }));
  }
  return known.map(({ start, end, value }, i) => {
    // Windows that overlap are told apart by where they end.
    const begin = Math.max(start, known[i - 1]?.end ?? start);
    const [x, right] = [begin, Math.min(end, now)].map((ms) => SPAN - (now - ms) / 1000);
    return { x, width: Math.max(0, right - x - span / 400), value, isOpen: isOpen(i) };
  });
}

function activity(changes) {
  return changes.map((value, x) => ({ x, width: 0.8, value })).filter(({ value }) => value);
}

function set(path, d) {
  if (path.getAttribute("d") !== d) path.setAttribute("d", d);
}

/** Writes only what differs, because writing costs a layout. */
export function show(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
