// The blocks of a Markdown text: paragraphs, headings, lists, code, quotes, tables, rules.
//
// Law: once a whole line has begun another block, no later line changes the blocks before it. So a
// text may be read in pieces, and only its last block again.

import { h } from "./dom.js";
import { parseInline } from "./inline.js";

const MAX_DEPTH = 8;
const MAX_COLUMNS = 64;
const FENCE = /^ {0,3}(`{3,}(?=[^`]*$)|~{3,})[ \t]*([^\s`]{0,64})/;
const HEADING = /^ {0,3}(#{1,6})(?=[ \t]|$)/;
const RULE = /^ {0,3}([-*_])[ \t]*(?:\1[ \t]*){2,}$/;
const QUOTE = /^ {0,3}> ?/;
const MARKER = /^( {0,3})([-*+]|(\d{1,9})[.)])(?:([ \t]+)(?=\S)|[ \t]*$)/;
const ALIGNMENT = /^[ \t]*:?-+:?[ \t]*$/;
const TASK = /^\[([ xX])\][ \t]+/;

/**
 * Cut lines into blocks {line, render}: the number of its first line, and a function that makes its
 * tree. While the text `isOpen`, its last block is one that still grows. `memo` keeps the trees of
 * items and rows by their text, so that a long list that grows by one costs one.
 */
export function parseBlocks(lines, { isOpen = false, depth = 0, memo = new Map() } = {}) {
  const blocks = [];
  let line = 0;
  while (line < lines.length) {
    if (isBlank(lines[line])) {
      line += 1;
      continue;
    }
    const read = KINDS.find(([begins]) => begins(lines, line, depth))[1];
    const { end, render } = read(lines, line, depth, isOpen, memo);
    blocks.push({ line, render });
    line = end;
  }
  return blocks;
}

const KINDS = [
  [(lines, at) => FENCE.test(lines[at]), readFence],
  [(lines, at) => HEADING.test(lines[at]), readHeading],
  [(lines, at) => RULE.test(lines[at]), readRule],
  [(lines, at, depth) => depth < MAX_DEPTH && QUOTE.test(lines[at]), readQuote],
  [(lines, at, depth) => depth < MAX_DEPTH && MARKER.test(lines[at]), readList],
  [(lines, at) => indentOf(lines[at]) >= 4, readIndented],
  [(lines, at) => isTable(lines, at), readTable],
  [() => true, readParagraph],
];

/** Tell whether a line ends the paragraph before it. */
function interrupts(lines, at, depth) {
  const line = lines[at];
  if (isBlank(line) || FENCE.test(line) || HEADING.test(line) || RULE.test(line)) return true;
  if (isTable(lines, at)) return true;
  if (depth >= MAX_DEPTH) return false;
  const marker = MARKER.exec(line);
  const isItem = marker && marker[4] && (marker[3] === undefined || Number(marker[3]) === 1);
  return Boolean(isItem) || QUOTE.test(line);
}

function readParagraph(lines, start, depth, isOpen) {
  let end = start + 1;
  while (end < lines.length && !interrupts(lines, end, depth)) end++;
  const isLast = isOpen && end === lines.length;
  const text = () => lines.slice(start, end).map((line) => line.trim()).join("\n");
  return { end, render: () => h("p", {}, parseInline(text(), isLast)) };
}

function readHeading(lines, start, depth, isOpen) {
  const [found, marks] = HEADING.exec(lines[start]);
  let text = lines[start].slice(found.length).trim();
  let end = text.length;
  while (end > 0 && text[end - 1] === "#") end--;
  if (end === 0 || " \t".includes(text[end - 1])) text = text.slice(0, end).trimEnd();
  const tag = `h${Math.min(marks.length + 2, 6)}`; // the page has h1 and h2
  const isLast = isOpen && start + 1 === lines.length;
  const render = () => h(tag, {}, parseInline(text, isLast));
  return { end: start + 1, render };
}

function readRule(lines, start) {
  return { end: start + 1, render: () => h("hr") };
}

function readFence(lines, start) {
  const [, marks, language] = FENCE.exec(lines[start]);
  const indent = indentOf(lines[start]);
  let end = start + 1;
  while (end < lines.length && !closesFence(lines[end], marks)) end++;
  const text = () => lines.slice(start + 1, end).map((line) => dedent(line, indent)).join("\n");
  return { end: Math.min(end + 1, lines.length), render: () => code(text(), language) };
}

function closesFence(line, marks) {
  const found = /^ {0,3}(`{3,}|~{3,})[ \t]*$/.exec(line);
  return found !== null && found[1][0] === marks[0] && found[1].length >= marks.length;
}

function readIndented(lines, start) {
  let end = start;
  for (let at = start; at < lines.length && (isBlank(lines[at]) || indentOf(lines[at]) >= 4); at++) {
    if (!isBlank(lines[at])) end = at + 1;
  }
  const text = () => lines.slice(start, end).map((line) => dedent(line, 4)).join("\n");
  return { end, render: () => code(text(), "") };
}

function code(text, language) {
  const copy = h("button", { type: "button", class: "quiet small", "data-action": "copy-code" }, "Copy");
  const head = h("figcaption", {}, h("span", {}, language || "text"), copy);
  const attributes = { tabindex: "0", role: "region", "aria-label": `Code, ${language || "text"}` };
  const body = h("pre", attributes, h("code", {}, text ? [text] : []));
  return h("figure", { class: "code" }, head, body);
}

function readQuote(lines, start, depth, isOpen, memo) {
  let end = start;
  const inside = [];
  while (end < lines.length) {
    if (QUOTE.test(lines[end])) inside.push(lines[end].replace(QUOTE, ""));
    else if (isBlank(inside.at(-1)) || interrupts(lines, end, depth)) break;
    else inside.push(lines[end].trimStart());
    end++;
  }
  const isLast = isOpen && end === lines.length;
  return { end, render: () => h("blockquote", {}, render(inside, { isOpen: isLast, depth: depth + 1, memo })) };
}

function render(lines, context) {
  return parseBlocks(lines, context).map((block) => block.render());
}

/** Make a tree, or return the one that was made of the same text before. */
function recall(memo, key, make) {
  if (!memo.has(key)) memo.set(key, make());
  return memo.get(key);
}

function readList(lines, start, depth, isOpen, memo) {
  const kind = kindOf(lines[start]);
  const items = [];
  let end = start;
  let isLoose = false;
  while (end < lines.length && kindOf(lines[end]) === kind && !RULE.test(lines[end])) {
    const item = readItem(lines, end, depth);
    items.push(item.lines);
    let next = item.end;
    while (next < lines.length && isBlank(lines[next])) next++;
    const goesOn = next < lines.length && kindOf(lines[next]) === kind && !RULE.test(lines[next]);
    isLoose ||= goesOn && next > item.end;
    end = goesOn ? next : item.end;
    if (!goesOn) break;
  }
  const number = Number(MARKER.exec(lines[start])[3] ?? 1);
  const attributes = isLoose ? { class: "loose" } : {};
  if (kind !== "ordered." && kind !== "ordered)") {
    return { end, render: () => h("ul", attributes, renderItems()) };
  }
  if (number !== 1) attributes.start = String(number);
  return { end, render: () => h("ol", attributes, renderItems()) };

  function renderItems() {
    const isLast = isOpen && end === lines.length;
    return items.map((item, i) => {
      const context = { isOpen: isLast && i === items.length - 1, depth: depth + 1, memo };
      if (context.isOpen) return renderItem(item, context);
      return recall(memo, `item ${depth} ${item.join("\n")}`, () => renderItem(item, context));
    });
  }
}

function kindOf(line) {
  const marker = MARKER.exec(line);
  return marker && (marker[3] === undefined ? marker[2] : `ordered${marker[2].at(-1)}`);
}

/** Read the lines of one item, its indentation taken off; blank lines after it are not its own. */
function readItem(lines, start, depth) {
  const [found, indent, mark, , space] = MARKER.exec(lines[start]);
  const isCode = (space ?? "").length > 4;
  const width = indent.length + mark.length + (isCode || !space ? 1 : space.length);
  const inside = [isCode ? space.slice(1) + lines[start].slice(found.length) : lines[start].slice(found.length)];
  let fence = fenceAfter(null, inside[0]);
  let end = start + 1;
  for (let at = end; at < lines.length; at++) {
    const line = lines[at];
    if (isBlank(line)) {
      inside.push("");
      continue;
    }
    const isDeep = indentOf(line) >= width;
    const isLazy = !fence && !isBlank(inside.at(-1)) && !kindOf(line) && !interrupts(lines, at, depth);
    if (!isDeep && !isLazy) break;
    inside.push(isDeep ? dedent(line, width) : line.trimStart());
    fence = fenceAfter(fence, inside.at(-1));
    end = at + 1;
  }
  return { lines: inside.slice(0, end - start), end };
}

/** The marks of the fence that is open after a line, or null. */
function fenceAfter(fence, line) {
  if (fence) return closesFence(line, fence) ? null : fence;
  return FENCE.exec(line)?.[1] ?? null;
}

function renderItem(lines, context) {
  const task = TASK.exec(lines[0]);
  const inside = task ? [lines[0].slice(task[0].length), ...lines.slice(1)] : lines;
  const blocks = render(inside, context);
  const isText = blocks[0]?.tag === "p";
  const box = task ? [task[1] === " " ? "☐ " : "☑ "] : [];
  const first = isText ? blocks.shift().children : [];
  const text = box.length && typeof first[0] === "string" ? [box[0] + first.shift()] : box;
  return h("li", task ? { class: "task" } : {}, text, first, blocks);
}

function isTable(lines, at) {
  const [head, below] = [lines[at], lines[at + 1]];
  if (below === undefined || !head.includes("|") || !below.includes("-")) return false;
  if (!/^[ \t:|-]+$/.test(below) || indentOf(below) >= 4) return false;
  const alignments = cells(below);
  return alignments.every((cell) => ALIGNMENT.test(cell)) && alignments.length === cells(head).length;
}

function readTable(lines, start, depth, isOpen, memo) {
  let end = start + 2;
  while (end < lines.length && !interrupts(lines, end, depth)) end++;
  return { end, render: () => table(lines.slice(start, end), isOpen && end === lines.length, memo) };
}

function table([head, below, ...body], isOpen, memo) {
  const alignments = cells(below).map((cell) => {
    const [isStart, isEnd] = [cell.trim().startsWith(":"), cell.trim().endsWith(":")];
    return isEnd ? (isStart ? "center" : "right") : "left";
  });
  const row = (line, tag, isLast) => {
    const texts = cells(line);
    return h("tr", {}, alignments.map((align, i) => {
      const attributes = { "data-align": align, ...(tag === "th" && { scope: "col" }) };
      return h(tag, attributes, parseInline((texts[i] ?? "").trim(), isLast));
    }));
  };
  const rows = body.map((line, i) => {
    if (isOpen && i === body.length - 1) return row(line, "td", true);
    return recall(memo, `row ${alignments} ${line}`, () => row(line, "td", false));
  });
  const parts = [h("thead", {}, row(head, "th", false)), h("tbody", {}, rows)];
  const attributes = { class: "table", tabindex: "0", role: "region", "aria-label": "Table" };
  return h("div", attributes, h("table", {}, parts));
}

function cells(line) {
  const found = [""];
  let text = line.trim();
  if (text.startsWith("|")) text = text.slice(1);
  for (const piece of text.match(/\\\||\\|\||[^\\|]+/g) ?? []) {
    if (piece === "|") found.push("");
    else found[found.length - 1] += piece === "\\|" ? "|" : piece;
  }
  if (found.length > 1 && isBlank(found.at(-1))) found.pop();
  return found.slice(0, MAX_COLUMNS);
}

function isBlank(line) {
  return !/\S/.test(line);
}

/** Count the columns before a line's text; a tab goes to the next fourth. */
function indentOf(line) {
  let column = 0;
  for (const c of line) {
    if (c === " ") column += 1;
    else if (c === "\t") column += 4 - (column % 4);
    else break;
  }
  return column;
}

/** Take off up to `width` columns of white space. */
function dedent(line, width) {
  let column = 0;
  let at = 0;
  while (column < width && (line[at] === " " || line[at] === "\t")) {
    column += line[at] === " " ? 1 : 4 - (column % 4);
    at += 1;
  }
  return " ".repeat(Math.max(0, column - width)) + line.slice(at);
}
