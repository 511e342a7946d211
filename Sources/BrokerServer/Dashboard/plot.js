// The large chart of one topic: by Chart.js, which the broker serves where the system has it, else a large strip.
import { time } from "./format.js";
import { SPAN, spanAt } from "./history.js";
import { Strip } from "./strip.js";

const BARS_MAX = 20;
let library; // a promise of Chart.js, or of nothing

function load() {
  library ??= new Promise((resolve) => {
    const script = document.createElement("script");
    script.src = "dashboard/chart.js";
    script.onload = () => resolve(globalThis.Chart);
    script.onerror = () => resolve(undefined);
    document.head.append(script);
  });
  return library;
}

export class Plot {
  #container;
  #strip;
  #chart;
  #kind;
  #Chart;
  #open; // the place of a bar that is not final

  constructor(container) {
    this.#container = container;
    addEventListener("themechange", () => this.clear());
  }

  async prepare() {
    this.#Chart = await load();
  }

  draw(topic, now) {
    if (!this.#Chart) return this.#drawStrip(topic, now);
    const { kind } = topic;
    if (kind !== this.#kind) this.clear();
    const content = contentOf(topic, now);
    this.#kind = kind;
    this.#chart ??= this.#make(kind);
    this.#chart.data.labels = content.labels;
    this.#chart.data.datasets[0].data = content.data;
    this.#open = content.open;
    if (kind === "number" || kind === "event") this.#chart.options.scales.x.min = -spanAt(now);
    this.#chart.update("none");
  }

  clear() {
    this.#chart?.destroy();
    this.#chart = this.#kind = this.#strip = undefined;
    this.#container.replaceChildren();
  }

  #drawStrip(topic, now) {
    if (!this.#strip) {
      this.#container.append(document.getElementById("strip").content.cloneNode(true));
      this.#strip = new Strip(this.#container.querySelector(".strip"));
    }
    this.#strip.draw(topic, now);
  }

  #make(kind) {
    const canvas = document.createElement("canvas");
    this.#container.replaceChildren(canvas);
    const { ink, muted, rule, data, wash } = colors();
    const isLine = kind === "number";
    const isFlat = kind === "ranking" || kind === "bars";
    const scale = { grid: { color: rule, borderColor: rule }, ticks: { color: muted, maxRotation: 0 } };
    const seconds = {
      ...scale, type: "linear", max: 0,
      ticks: { ...scale.ticks, stepSize: 30, callback: (s) => (s ? `${-s} s` : "now") },
    };
    const line = {
      borderColor: data, borderWidth: 1.75, backgroundColor: wash, fill: true, pointRadius: 0, stepped: true,
    };
    const bars = { maxBarThickness: 40, backgroundColor: ({ dataIndex }) => (dataIndex === this.#open ? wash : data) };
    return new this.#Chart(canvas, {
      type: isLine ? "line" : "bar",
      data: { labels: [], datasets: [{ data: [], ...(isLine ? line : bars) }] },
      options: {
        animation: false, responsive: true, maintainAspectRatio: false, normalized: true,
        indexAxis: isFlat ? "y" : "x",
        font: { family: getComputedStyle(document.body).fontFamily },
        scales: {
          x: isLine || kind === "event" ? seconds : scale,
          y: { ...scale, beginAtZero: !isLine, ...(isFlat && { ticks: { color: ink } }) },
        },
        plugins: { legend: { display: false }, tooltip: { animation: false, displayColors: false } },
        interaction: { mode: "nearest", intersect: false },
      },
    });
  }
}

function contentOf(topic, now) {
  const second = Math.floor(now / 1000);
  const from = SPAN - spanAt(now);
  if (topic.kind === "number") {
    return { data: topic.points(second).map(([x, y]) => ({ x: Math.max(x, from) - SPAN, y })) };
  }
  if (topic.kind === "event") {
    return { data: topic.changes(second).map((y, x) => ({ x: x - SPAN + 1, y })).slice(from) };
  }
  if (topic.kind === "windows") {
    const { windows } = topic;
    const open = windows.at(-1).final ? undefined : windows.length - 1;
    return { labels: windows.map(({ start }) => time(start)), data: windows.map(({ value }) => value), open };
  }
  const bars = topic.shape.bars.slice(0, topic.kind === "histogram" ? Infinity : BARS_MAX);
  return { labels: bars.map(([label]) => label), data: bars.map(([, value]) => value) };
}

/** The colours of the page as they are now; a canvas does not know its variables. */
function colors() {
  const probe = document.getElementById("detail");
  const style = getComputedStyle(probe);
  const [ink, muted, rule, data, wash] = ["ink", "muted", "rule", "data", "wash"].map((name) => {
    probe.style.outlineColor = `var(--${name})`; // a colour that nobody sees, computed
    return style.outlineColor;
  });
  return { ink, muted, rule, data, wash };
}
