// Short messages in a corner, read out by screen readers; they stay while they are looked at.

import { icon } from "./dom.js";

const SHOWN_MS = 9000;

export class Toasts {
  constructor(element) {
    this.element = element;
  }

  show(text, kind = "error") {
    const same = [...this.element.children].find((each) => each.firstChild.textContent === text);
    same?.remove();
    const toast = document.createElement("div");
    toast.className = `toast ${kind}`;
    toast.setAttribute("role", kind === "error" ? "alert" : "status");
    const words = document.createElement("p");
    words.textContent = text;
    const close = document.createElement("button");
    close.type = "button";
    close.className = "quiet";
    close.setAttribute("aria-label", "Dismiss");
    close.append(icon("close"));
    close.addEventListener("click", () => toast.remove());
    toast.append(words, close);
    this.element.append(toast);
    this.expire(toast);
  }

  expire(toast) {
    setTimeout(() => {
      if (toast.matches(":hover, :focus-within")) this.expire(toast);
      else toast.remove();
    }, SHOWN_MS);
  }
}
