// The playground: wires the conversation, the settings and the server's API to the document.

import { Api, ApiError } from "./api.js";
import { copy } from "./clipboard.js";
import { Conversation, takeChunk } from "./conversation.js";
import { icon } from "./dom.js";
import { KeyDialog } from "./key_dialog.js";
import { Scroller } from "./scroller.js";
import { Settings } from "./settings.js";
import { setUpPanel } from "./panel.js";
import { setUpTheme } from "./theme.js";
import { Toasts } from "./toasts.js";
import { TurnView } from "./turn_view.js";
import { Welcome } from "./welcome.js";

const TICK_MS = 100;
const COPIED_MS = 1500;
const RENDER_SHARE = 4; // at most one part in so many of the time goes into rendering

const $ = (id) => document.getElementById(id);

class Page {
  constructor() {
    this.toasts = new Toasts($("toasts"));
    this.settings = new Settings($("settings"));
    this.conversation = new Conversation();
    this.views = new Map();
    this.scroller = new Scroller($("transcript"), $("to-end"));
    this.keyDialog = new KeyDialog(() => this.loadModels());
    this.welcome = new Welcome((question) => this.send(question));
    this.controller = null;
    this.pending = 0;
    setUpTheme($("theme"));
    setUpPanel();
    this.listen();
  }

  get api() {
    return new Api(this.keyDialog.key);
  }

  async start() {
    $("question").focus();
    await this.welcome.waitUntilReady(this.api);
    await this.loadModels();
  }

  async loadModels() {
    try {
      this.settings.offer(await this.api.models());
      this.welcome.offerExamples(this.settings.model);
    } catch (error) {
      if (error.status === 401) this.keyDialog.require();
      else this.report(error);
    }
  }

  listen() {
    $("composer").addEventListener("submit", (event) => {
      event.preventDefault();
      this.send($("question").value.trim());
    });
    $("question").addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      $("composer").requestSubmit();
    });
    $("question").addEventListener("input", () => this.fit());
    $("stop").addEventListener("click", () => this.stop());
    $("new-chat").addEventListener("click", () => this.begin());
    $("turns").addEventListener("click", (event) => this.act(event));
    document.addEventListener("keydown", (event) => this.press(event));
  }

  press(event) {
    if (document.querySelector("dialog[open]")) return;
    const isTyping = event.target.matches("input, textarea, select");
    if (event.key === "Escape" && this.controller) {
      event.preventDefault();
      this.stop();
    } else if (event.key === "/" && !isTyping && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      $("question").focus();
    }
  }

  /** Do what a button in a turn is for. */
  async act(event) {
    const button = event.target.closest("[data-action]");
    const element = event.target.closest(".turn");
    if (!button || !element) return;
    const [turn, view] = [...this.views].find(([, each]) => each.element === element);
    switch (button.dataset.action) {
      case "copy": return this.copy(button, turn.answer);
      case "copy-code": return this.copy(button, button.closest("figure").querySelector("code").textContent);
      case "retry": return this.again(turn.question);
      case "edit": return view.edit((question) => this.again(question));
    }
  }

  async copy(button, text) {
    if (!(await copy(text))) return this.toasts.show("The browser does not allow copying here.");
    this.announce("Copied");
    const drawing = button.querySelector(".icon");
    if (drawing) drawing.replaceWith(icon("done"));
    else button.textContent = "Copied";
    setTimeout(() => {
      if (drawing) button.querySelector(".icon")?.replaceWith(drawing);
      else button.textContent = "Copy";
    }, COPIED_MS);
  }

  /** Empty the conversation. */
  begin() {
    this.stop();
    this.conversation = new Conversation();
    this.views.clear();
    $("turns").replaceChildren();
    this.welcome.show();
    $("question").focus();
  }

  /** Ask in the place of the last question. */
  again(question) {
    if (this.controller) return;
    const turn = this.conversation.removeLast();
    this.views.get(turn).element.remove();
    this.views.delete(turn);
    this.ask(question);
  }

  send(question) {
    if (!question || this.controller) return;
    if (!this.settings.model) {
      this.toasts.show("There is no model to ask yet.", "note");
      return;
    }
    if (this.ask(question)) {
      $("question").value = "";
      this.fit();
    }
  }

  ask(question) {
    if (!$("settings").checkValidity()) {
      if ($("panel").hidden) $("open-panel").click();
      $("settings").reportValidity();
      return false;
    }
    const turn = this.conversation.add(question);
    const view = new TurnView(turn, this.settings.model.reflection_tag ?? "reflection");
    this.views.set(turn, view);
    $("turns").append(view.element);
    this.welcome.hide();
    this.scroller.follow();
    this.run(turn, view);
    return true;
  }

  async run(turn, view) {
    const controller = new AbortController();
    this.setRunning(controller);
    this.announce("Thinking");
    const ticking = setInterval(() => view.updateThinking(), TICK_MS);
    view.update();
    try {
      const body = {
        ...this.settings.options(),
        messages: this.conversation.messages(this.settings.systemPrompt),
        stream: true,
        stream_options: { include_usage: true, include_progress: true },
      };
      for await (const chunk of this.api.chat(body, controller.signal)) {
        takeChunk(turn, chunk);
        this.render(view);
      }
      turn.state = "done";
      this.announce("The answer is complete");
    } catch (error) {
      this.fail(turn, view, error, controller.signal.aborted);
    } finally {
      clearInterval(ticking);
      this.scroller.keep(() => view.update());
      if (this.controller === controller) this.setRunning(null);
    }
  }

  fail(turn, view, error, isStopped) {
    if (isStopped) {
      turn.state = "stopped";
      this.announce("Stopped");
      return;
    }
    turn.state = "failed";
    turn.error = error instanceof ApiError ? error : new ApiError("The page failed; please reload it.");
    this.report(error);
    if (error.retryAfterS > 0) this.countDown(view, performance.now() + error.retryAfterS * 1000);
  }

  countDown(view, untilMs) {
    if (!view.updateRetry((untilMs - performance.now()) / 1000) && view.turn === this.conversation.last) {
      setTimeout(() => this.countDown(view, untilMs), 250);
    }
  }

  /** Show a chunk at the next frame; a long text is shown less often, so that it stays cheap. */
  render(view) {
    if (this.pending) return;
    const draw = () => {
      const startedMs = performance.now();
      this.scroller.keep(() => view.update());
      const tookMs = performance.now() - startedMs;
      this.pending = setTimeout(() => (this.pending = 0), tookMs * RENDER_SHARE);
    };
    this.pending = requestAnimationFrame(draw);
  }

  stop() {
    this.controller?.abort();
  }

  setRunning(controller) {
    this.controller = controller;
    const hadFocus = document.activeElement === $("stop") || document.activeElement === $("send");
    $("send").hidden = controller !== null;
    $("stop").hidden = controller === null;
    document.body.classList.toggle("running", controller !== null);
    if (hadFocus) $("question").focus();
  }

  /** Say what went wrong, and offer what mends it. */
  report(error) {
    if (!(error instanceof ApiError)) console.error(error);
    if (error.status === 401) this.keyDialog.require();
    if (error.param === "include_reasoning") this.settings.hideReasoning();
    const wait = error.retryAfterS ? ` It can be asked again in ${Math.ceil(error.retryAfterS)} s.` : "";
    this.toasts.show(`${error.message}${wait}`);
  }

  announce(text) {
    $("announcer").textContent = text;
  }

  /** Give the message box the height of its text. */
  fit() {
    const area = $("question");
    area.style.height = "auto";
    area.style.height = `${area.scrollHeight}px`;
  }
}

new Page().start();
