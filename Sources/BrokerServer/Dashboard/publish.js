// The box to publish from. It has a client of its own, made at the first publish: only who publishes needs a
// producer, and who only watches is served on a full disk too.
import { connect } from "../wsbroker.js";
import { number } from "./format.js";
import { show } from "./strip.js";

export class PublishBox {
  #form = document.getElementById("publish");
  #answer = document.getElementById("answer");
  #options;
  #client;

  /** `options` are those of the client, asked for when it is made. */
  constructor(options) {
    this.#options = options;
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#publish();
    });
  }

  fill(topic) {
    const { topic: name, data } = this.#form.elements;
    name.value = topic;
    data.focus();
  }

  /** Offers topics to choose from. */
  offer(names) {
    document.getElementById("topics-known").replaceChildren(...names.map((name) => new Option("", name)));
  }

  async #publish() {
    const { topic, data, retain } = this.#form.elements;
    data.removeAttribute("aria-invalid");
    try {
      JSON.parse(data.value);
    } catch {
      data.setAttribute("aria-invalid", "true");
      data.focus();
      const text = JSON.stringify(data.value);
      return this.#say("error", `This is not JSON. Text goes in quotes: ${text}`);
    }
    this.#client ??= connect(undefined, {
      ...this.#options(),
      onstate: (state, { error }) => {
        if (state === "waiting") this.#say("wait", `No connection (${error.reason}); it is sent when there is one.`);
        if (state === "closed") this.#client = undefined;
      },
    });
    this.#say("wait", "…");
    try {
      // As it was typed, because JSON.parse rounds long numbers.
      const ack = await this.#client.publish(topic.value.trim(), data.value, { raw: true, retain: retain.checked });
      this.#say("done", tell(topic.value.trim(), ack));
    } catch (error) {
      this.#say("error", `${error.reason ?? error.message} (${error.name}${error.why ? `, ${error.why}` : ""})`);
    }
  }

  #say(state, text) {
    this.#answer.dataset.state = state;
    show(this.#answer, text);
  }
}

function tell(topic, { data, exact, applied, why, offset }) {
  if (applied === false) return `Taken, and left out: ${why}.`;
  if (data === undefined) return `Published, change ${offset} of ${topic}.`;
  return `${topic} is now ${typeof data === "number" ? number(data, exact) : JSON.stringify(data)}`;
}
