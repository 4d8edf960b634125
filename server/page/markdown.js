// MarkdownView: a Markdown text in an element, as far as it has come.

import { patch } from "./dom.js";
import { parseBlocks } from "./blocks.js";

/**
 * Shows one text that only grows. Blocks after which another has begun are never looked at again;
 * of the last one only what has changed is changed in the document, so selections there survive.
 */
export class MarkdownView {
  constructor(element) {
    this.element = element;
    this.start = 0; // of the last block that had begun on a whole line
    this.numFinal = 0;
    this.memo = new Map(); // of the last block
    this.tail = []; // the trees of the children after the final ones
  }

  /** Show the text, which begins with the one shown before; `isDone` says that it is whole. */
  show(source, isDone = true) {
    const text = source.includes("\r") ? source.replace(/\r\n?/g, "\n") : source;
    const end = isDone ? text.length : text.lastIndexOf("\n") + 1;
    const lines = split(text.slice(this.start, end));
    const whole = parseBlocks(lines);
    const finals = whole.slice(0, -1).map((block) => block.render());
    if (finals.length) {
      this.start += lengthOf(lines, whole.at(-1).line);
      this.memo.clear();
    }
    const rest = parseBlocks(split(text.slice(this.start)), { isOpen: !isDone, memo: this.memo });
    const after = [...finals, ...rest.map((block) => block.render())];
    patch(this.element, this.tail, after, this.numFinal);
    this.numFinal += finals.length;
    this.tail = after.slice(finals.length);
  }
}

function split(text) {
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines;
}

function lengthOf(lines, count) {
  return lines.slice(0, count).reduce((sum, line) => sum + line.length + 1, 0);
}
