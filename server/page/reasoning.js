// The reasoning of an answer, where the key may see it: plain text, each reflection a fold of its own.

import { h, patch } from "./dom.js";

export class ReasoningView {
  /** tag: the name of the tag around a reflection */
  constructor(element, tag) {
    this.element = element;
    this.tag = tag;
    this.trees = [];
  }

  show(text) {
    const trees = passages(text, this.tag).map(({ isReflection, text: inside }) =>
      isReflection
        ? h("details", { class: "reflection", open: "" }, h("summary", {}, "Reflection"), h("p", {}, inside))
        : h("p", {}, inside),
    );
    patch(this.element, this.trees, trees);
    this.trees = trees;
  }
}

/** Cut reasoning into passages of thinking and reflection; a tag that is still open counts. */
export function passages(text, tag) {
  const found = [];
  const add = (isReflection, piece) => {
    const inside = piece.trim();
    if (inside) found.push({ isReflection, text: inside });
  };
  for (const [i, piece] of text.split(`<${tag}>`).entries()) {
    const [reflection, ...after] = i ? piece.split(`</${tag}>`) : ["", piece];
    add(true, reflection);
    add(false, after.join(""));
  }
  return found;
}

export function numReflections(text, tag) {
  return passages(text, tag).filter((passage) => passage.isReflection).length;
}
