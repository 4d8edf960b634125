// TurnView: one question and its answer in the document, in every state that they can be in.

import { MarkdownView } from "./markdown.js";
import { numReflections, ReasoningView } from "./reasoning.js";

const SECTIONS = { reflection: "Reflecting", output: "Answering" };

export class TurnView {
  constructor(turn, reflectionTag) {
    this.turn = turn;
    this.tag = reflectionTag;
    this.element = document.getElementById("turn").content.cloneNode(true).firstElementChild;
    this.find(".question .words").textContent = turn.question;
    this.markdown = new MarkdownView(this.find(".markdown"));
    this.reasoning = new ReasoningView(this.find(".passages"), reflectionTag);
    this.find("summary").addEventListener("click", () => (this.isFoldChosen = true));
    this.isFoldChosen = false;
    this.shown = { answer: "", reasoning: "", isDone: false };
  }

  find(selector) {
    return this.element.querySelector(selector);
  }

  get isRunning() {
    return ["waiting", "thinking", "answering"].includes(this.turn.state);
  }

  /** Bring the document to what the turn is now. */
  update() {
    const { turn } = this;
    this.element.dataset.state = turn.state;
    this.find(".answer").setAttribute("aria-busy", String(this.isRunning));
    this.updateThinking();
    this.updateReasoning();
    const isDone = !this.isRunning;
    if (turn.answer !== this.shown.answer || isDone !== this.shown.isDone) {
      this.markdown.show(turn.answer, isDone);
      this.shown.answer = turn.answer;
      this.shown.isDone = isDone;
    }
    if (isDone) this.updateEnd();
  }

  /** Only the line that says how long it has thought; it ticks between the chunks. */
  updateThinking() {
    const { turn } = this;
    const isHidden = !["waiting", "thinking"].includes(turn.state);
    const hasReasoning = Boolean(turn.reasoning);
    this.find(".thinking").hidden = isHidden || hasReasoning;
    const words = isHidden ? this.thought() : this.progress();
    const place = hasReasoning ? "summary .words" : ".thinking .words";
    if (!isHidden || hasReasoning) this.find(place).textContent = words;
  }

  progress() {
    const { turn } = this;
    const seconds = ((performance.now() - turn.startedMs) / 1000).toFixed(1);
    if (turn.state === "waiting") return `Waiting … ${seconds} s`;
    const word = SECTIONS[turn.section] ?? "Thinking";
    const tokens = turn.hiddenTokens ? `, ${count(turn.hiddenTokens, "token")}` : "";
    return `${word} … ${seconds} s${tokens}`;
  }

  thought() {
    const { turn } = this;
    const parts = [turn.thoughtS === null ? "Thought" : `Thought for ${turn.thoughtS.toFixed(1)} s`];
    if (turn.hiddenTokens) parts.push(count(turn.hiddenTokens, "token"));
    const num = numReflections(turn.reasoning, this.tag);
    if (num) parts.push(count(num, "reflection"));
    return parts.join(", ");
  }

  updateReasoning() {
    const { turn, shown } = this;
    const fold = this.find(".reasoning");
    fold.hidden = !turn.reasoning;
    if (turn.reasoning !== shown.reasoning) this.reasoning.show(turn.reasoning);
    shown.reasoning = turn.reasoning;
    if (!this.isFoldChosen) fold.open = turn.state === "thinking";
  }

  updateEnd() {
    const { turn } = this;
    this.find(".foot").hidden = false;
    this.find(".foot [data-action=copy]").hidden = !turn.answer;
    this.find(".meta").textContent = this.meta();
    const notice = this.notice();
    this.find(".notice").hidden = !notice;
    this.find(".notice").textContent = notice;
    this.find(".failure").hidden = !turn.error;
    this.find(".foot [data-action=retry]").hidden = Boolean(turn.error);
    if (turn.error) this.find(".failure .words").textContent = turn.error.message;
  }

  meta() {
    const { turn } = this;
    const parts = [];
    if (turn.thoughtS !== null && !turn.reasoning) parts.push(`thought ${turn.thoughtS.toFixed(1)} s`);
    if (turn.usage) {
      const answer = turn.usage.completion_tokens - turn.hiddenTokens;
      parts.push(
        `${turn.usage.prompt_tokens} prompt + ${turn.hiddenTokens} thinking + ${count(answer, "answer token")}`,
      );
    }
    if (turn.finishReason) parts.push(turn.finishReason);
    return parts.join(" · ");
  }

  notice() {
    const { turn } = this;
    if (turn.state === "stopped") return turn.answer ? "Stopped." : "Stopped before the answer began.";
    if (turn.finishReason === "length" || turn.budgetHits.includes("answer")) {
      return "The answer was cut short by the budget. More tokens, under Settings, leave it more room.";
    }
    if (turn.budgetHits.includes("thinking")) return "The thinking was cut short by its budget.";
    return "";
  }

  /** Count down to when the server wants to be asked again; returns whether that time has come. */
  updateRetry(leftS) {
    const button = this.find(".failure [data-action=retry]");
    button.disabled = leftS > 0;
    button.textContent = leftS > 0 ? `Try again in ${Math.ceil(leftS)} s` : "Try again";
    return leftS <= 0;
  }

  /** Turn the question into a field; `send` gets the new text. */
  edit(send) {
    const form = this.find(".edit");
    const area = form.querySelector("textarea");
    const close = () => {
      this.element.classList.remove("editing");
      form.hidden = true;
      this.find("[data-action=edit]").focus();
    };
    this.element.classList.add("editing");
    form.hidden = false;
    area.value = this.turn.question;
    area.focus();
    form.querySelector(".cancel").onclick = close;
    form.onkeydown = (event) => {
      if (event.key === "Escape") {
        event.stopPropagation();
        close();
      } else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        form.requestSubmit();
      }
    };
    form.onsubmit = (event) => {
      event.preventDefault();
      if (area.value.trim()) send(area.value.trim());
    };
  }
}

export function count(number, noun) {
  return `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
}
