// The page before the first question: whether the model is ready, and what one could ask.

import { ApiError } from "./api.js";

const POLL_MS = 1000;
const GENERAL = [
  "Which is larger, 9.11 or 9.9?",
  "How many r are there in strawberry?",
  "Explain in three sentences why the sky is blue.",
];
const EXAMPLES = {
  demo: [
    "Make 50 from 4, 6 and 9.",
    "Anna has 12 pens. Then Ben gives Anna 5 more pens. How many pens are there at the end?",
  ],
};

export class Welcome {
  constructor(choose) {
    this.element = document.getElementById("welcome");
    this.status = document.getElementById("status");
    this.examples = document.getElementById("examples");
    this.choose = choose;
  }

  show() {
    this.element.hidden = false;
  }

  hide() {
    this.element.hidden = true;
  }

  /** Return once the server takes requests; meanwhile say why it does not. */
  async waitUntilReady(api) {
    const startedMs = performance.now();
    for (;;) {
      const { status, reason } = await look(api);
      this.element.dataset.status = status;
      if (status === "ready") break;
      const seconds = Math.round((performance.now() - startedMs) / 1000);
      const waited = status === "loading" && seconds > 1 ? ` (${seconds} s)` : "";
      this.say(`${sentence(reason)}${waited}`);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    this.say("");
  }

  say(text) {
    if (this.status.textContent !== text) this.status.textContent = text;
  }

  offerExamples(model) {
    const questions = EXAMPLES[model?.id] ?? GENERAL;
    this.examples.replaceChildren(...questions.map((question) => this.example(question)));
  }

  example(question) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "plain";
    button.textContent = question;
    button.addEventListener("click", () => this.choose(question));
    return button;
  }
}

async function look(api) {
  try {
    return await api.ready();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return { status: "unreachable", reason: "the server does not answer; trying again" };
  }
}

function sentence(reason) {
  return reason ? `${reason[0].toUpperCase()}${reason.slice(1)} …` : "The server is not ready …";
}
