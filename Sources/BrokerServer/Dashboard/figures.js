// The broker's own figures, from the topics `$sys/...`. Nothing is shown until one has come: not everybody may read
// them, and not every broker has them.
import { brokerTime } from "./clock.js";
import { age, brief, bytes, rate } from "./format.js";
import { History } from "./history.js";
import { Strip, show } from "./strip.js";

const STALE_MS = 2500; // counters are told once a second while they change

export class Figures {
  #section = document.getElementById("figures");
  #values = new Map();
  #counters = new Map(); // name -> {value, at, perSecond}
  #cells = [];
  #second;

  constructor() {
    for (const element of this.#section.querySelectorAll("[data-figure]")) this.#cells.push(new Cell(element));
  }

  receive({ topic, data }, now) {
    const name = topic.slice("$sys/".length);
    this.#values.set(name, data);
    if (typeof data !== "number") return;
    const last = this.#counters.get(name);
    // A counter that went back is that of a broker that was restarted.
    const isNext = last && now > last.at && data >= last.value;
    this.#counters.set(name, {
      value: data, at: now, perSecond: isNext ? ((data - last.value) * 1000) / (now - last.at) : undefined,
    });
  }

  forget() {
    this.#values.clear();
    this.#counters.clear();
    this.#section.hidden = true;
  }

  draw(now) {
    const second = Math.floor(now / 1000);
    if (second === this.#second || this.#values.size === 0) return;
    this.#second = second;
    this.#section.hidden = false;
    for (const cell of this.#cells) cell.draw(this, now);
    this.#drawStore(now);
    const [version, uptime] = [this.#values.get("version"), this.#values.get("uptime")];
    show(document.getElementById("about"), [
      version && `wsbroker ${version}`,
      uptime !== undefined && `up ${age(uptime * 1000)}`,
      `${tell(this.perSecond("refusals", now), "rate")} refused`,
      `${tell(this.perSecond("conflated", now), "rate")} skipped by conflation`,
    ].filter(Boolean).join(" · "));
  }

  number(name) {
    return this.#values.get(name);
  }

  perSecond(name, now) {
    const counter = this.#counters.get(name);
    if (!counter) return undefined;
    return now - counter.at < STALE_MS ? counter.perSecond : 0;
  }

  #drawStore(now) {
    const [state, wal, backup] = ["state", "wal/bytes", "backup"].map((name) => this.#values.get(`store/${name}`));
    const element = document.getElementById("store-state");
    show(element, state ?? "–");
    element.dataset.state = state ?? "";
    show(document.getElementById("store-note"), [
      backup ? `backup ${age(brokerTime(now) - backup.ts)} ago, ${bytes(backup.bytes)}` : "no backup yet",
      wal !== undefined && `log ${bytes(wal)}`,
    ].filter(Boolean).join(" · "));
  }
}

/** One figure: `data-figure` is its topic, `data-as` how to tell it; `data-note` and `data-noteas` the same beside. */
class Cell {
  #history = new History();
  #strip;
  #value;
  #note;

  constructor(element) {
    this.element = element;
    this.#value = element.querySelector(".figure");
    this.#note = element.querySelector(".note");
    const strip = document.getElementById("strip").content.cloneNode(true);
    element.append(strip);
    this.#strip = new Strip(element.querySelector(".strip"));
  }

  draw(figures, now) {
    const { figure, as, note, noteas } = this.element.dataset;
    const value = read(figures, figure, as, now);
    if (value !== undefined && value !== null) this.#history.record(Math.floor(now / 1000), value, 0);
    show(this.#value, tell(value, as));
    const { before = "", unit = "" } = this.#note.dataset;
    if (note) show(this.#note, `${before} ${tell(read(figures, note, noteas, now), noteas)} ${unit}`);
    this.#strip.draw({ kind: "number", points: (second) => this.#history.points(second) }, now);
  }
}

function read(figures, name, as, now) {
  return as === "rate" || as === "bytes" ? figures.perSecond(name, now) : figures.number(name);
}

function tell(value, as) {
  if (value === undefined || value === null) return "–";
  if (as === "bytes") return `${bytes(value)}/s`;
  if (as === "ms") return `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
  return as === "rate" ? `${rate(value)}/s` : brief(value);
}
