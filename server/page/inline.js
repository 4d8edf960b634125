// The text inside a block: emphasis, code, links, line breaks. Linear in its length, of bounded depth.

import { h } from "./dom.js";

const MAX_DEPTH = 12;
const MAX_URL = 2048;
const MAX_URL_DEPTH = 8; // parentheses in a link's address
const PROTOCOLS = new Set(["http:", "https:", "mailto:"]);
const PLAIN = /(?:[^\\`*_~[\]!<&\nh]|h(?!ttps?:\/\/)|!(?!\[))+/y;
const BARE_URL = /https?:\/\/[^\s<>[\]"`\\^{}|]{1,2048}/y;
const ANGLE_URL = /<((?:https?:\/\/|mailto:)[^\s<>]+)>/iy;
const ENTITY = /&(?:(amp|lt|gt|quot|apos|nbsp)|#([0-9]{1,7})|#x([0-9a-f]{1,6}));/iy;
const NAMED = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: "\u00a0" };
const ESCAPABLE = /[!-/:-@[-`{-~]/;
const SPACE = /\s/;
const PUNCTUATION = /[\p{P}\p{S}]/u;

/** Parse a block's text; while it `isOpen`, more of it will come and what is begun counts as done. */
export function parseInline(text, isOpen = false) {
  const scanner = new Scanner(isOpen ? hideBegun(text) : text, isOpen);
  return tree(scanner.scan());
}

/** The address as the browser reads it, or null unless it is absolute and of a harmless kind. */
export function safeUrl(address) {
  if (address.length > MAX_URL || !URL.canParse(address)) return null;
  const url = new URL(address);
  return PROTOCOLS.has(url.protocol) ? url.href : null;
}

/** Leave out the end of a text that is the beginning of a mark or of a link's address. */
function hideBegun(text) {
  const link = /!?\[([^[\]\n]{1,300})\]\([^()\s]{0,600}$/.exec(text.slice(-1000));
  if (link) return text.slice(0, text.length - link[0].length) + link[1];
  let end = text.length;
  while (end > 0 && "*_~`".includes(text[end - 1])) end--;
  return text.slice(0, end);
}

/** Turns a text into tokens: {text}, {node}, marks, brackets and {end: bracket}. */
class Scanner {
  constructor(text, isOpen) {
    this.text = text;
    this.isOpen = isOpen;
    this.at = 0;
    this.tokens = [];
    this.marks = [];
    this.brackets = [];
    this.runs = null; // of backticks: length -> positions, in order
  }

  scan() {
    while (this.at < this.text.length) this.step();
    matchMarks(this.marks, this.isOpen ? this.tokens : null);
    return this.tokens;
  }

  step() {
    const plain = this.match(PLAIN);
    if (plain) return this.say(plain[0]);
    const { text, at } = this;
    switch (text[at]) {
      case "\\": return this.escape();
      case "\n": return this.breakLine();
      case "`": return this.code();
      case "*": case "_": case "~": return this.mark();
      case "!": return this.open(true);
      case "[": return this.open(false);
      case "]": return this.close();
      case "<": return this.angleUrl();
      case "&": return this.entity();
      default: return this.bareUrl();
    }
  }

  match(pattern) {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (found) this.at += found[0].length;
    return found;
  }

  say(text) {
    this.tokens.push({ text });
  }

  sayNext(length = 1) {
    this.say(this.text.slice(this.at, this.at + length));
    this.at += length;
  }

  escape() {
    const next = this.text[this.at + 1] ?? "";
    if (next === "\n") {
      this.at += 1;
      return this.breakLine();
    }
    if (ESCAPABLE.test(next)) this.at += 1;
    return this.sayNext();
  }

  breakLine() {
    this.match(/\n[ \t]*/y);
    this.tokens.push({ node: h("br") });
  }

  code() {
    const [run] = this.match(/`+/y);
    const end = this.nextRun(run.length);
    if (end < 0 && !(this.isOpen && run.length === 1)) return this.say(run);
    const inside = this.text.slice(this.at, end < 0 ? undefined : end).replaceAll("\n", " ");
    const isPadded = inside.startsWith(" ") && inside.endsWith(" ") && inside.trim();
    this.tokens.push({ node: h("code", {}, isPadded ? inside.slice(1, -1) : inside || " ") });
    this.at = end < 0 ? this.text.length : end + run.length;
  }

  /** Find the next run of so many backticks; positions passed are dropped, so this is linear. */
  nextRun(length) {
    if (!this.runs) {
      this.runs = new Map();
      for (const { 0: run, index } of this.text.matchAll(/`+/g)) {
        if (!this.runs.has(run.length)) this.runs.set(run.length, { next: 0, at: [] });
        this.runs.get(run.length).at.push(index);
      }
    }
    const runs = this.runs.get(length);
    if (!runs) return -1;
    while (runs.next < runs.at.length && runs.at[runs.next] < this.at) runs.next++;
    return runs.at[runs.next] ?? -1;
  }

  mark() {
    const start = this.at;
    const [run] = this.match(/\*+|_+|~+/y);
    if (run[0] === "~" && run.length !== 2) return this.say(run);
    const [before, after] = [this.text[start - 1] ?? " ", this.text[this.at] ?? " "];
    const isSpaced = [before, after].map((c) => SPACE.test(c));
    const isPunctuated = [before, after].map((c) => PUNCTUATION.test(c));
    const isLeft = !isSpaced[1] && (!isPunctuated[1] || isSpaced[0] || isPunctuated[0]);
    const isRight = !isSpaced[0] && (!isPunctuated[0] || isSpaced[1] || isPunctuated[1]);
    const isWord = run[0] === "_";
    const mark = {
      mark: run[0],
      length: run.length,
      left: run.length,
      canOpen: isLeft && (!isWord || !isRight || isPunctuated[0]),
      canClose: isRight && (!isWord || !isLeft || isPunctuated[1]),
      opens: [],
      closes: 0,
    };
    this.tokens.push(mark);
    this.marks.push(mark);
  }

  open(isImage) {
    const bracket = { bracket: isImage ? "![" : "[", href: null, numMarks: this.marks.length };
    this.at += bracket.bracket.length;
    this.tokens.push(bracket);
    this.brackets.push(bracket);
  }

  close() {
    const bracket = this.brackets.pop();
    const address = bracket && this.address();
    if (!address) return this.sayNext();
    this.at = address.end;
    bracket.href = address.href;
    matchMarks(this.marks.splice(bracket.numMarks), null);
    this.tokens.push({ end: bracket });
    this.brackets = []; // a link stands in no other link
  }

  /** Read "](address "title")"; null unless it is whole and safe. */
  address() {
    const { text } = this;
    if (text[this.at + 1] !== "(") return null;
    const start = this.at + 2;
    let depth = 0;
    let end = start;
    for (; end < text.length && end - start <= MAX_URL && !SPACE.test(text[end]); end++) {
      if (text[end] === "(" && ++depth > MAX_URL_DEPTH) return null;
      if (text[end] === ")" && --depth < 0) break;
    }
    const href = safeUrl(text.slice(start, end).replace(/^<(.*)>$/, "$1"));
    const title = /[ \t]{1,8}(?:"[^"\n]{0,300}"|'[^'\n]{0,300}')(?=\))/y;
    title.lastIndex = end;
    end += title.exec(text)?.[0].length ?? 0;
    return href !== null && text[end] === ")" ? { href, end: end + 1 } : null;
  }

  angleUrl() {
    const start = this.at;
    const found = this.match(ANGLE_URL);
    const href = found && safeUrl(found[1]);
    if (href) return this.tokens.push({ node: link(href, [found[1]]) });
    this.at = start;
    return this.sayNext();
  }

  bareUrl() {
    const isWord = /[\p{L}\p{N}]/u.test(this.text[this.at - 1] ?? " ");
    const start = this.at;
    const found = isWord ? null : this.match(BARE_URL);
    const shown = found && found[0].length <= MAX_URL ? trimUrl(found[0]) : null;
    const href = shown && safeUrl(shown);
    this.at = start;
    if (!href) return this.sayNext(4);
    this.tokens.push({ node: link(href, [shown]) });
    this.at += shown.length;
  }

  entity() {
    const found = this.match(ENTITY);
    if (!found) return this.sayNext();
    const code = found[2] ? Number.parseInt(found[2], 10) : Number.parseInt(found[3], 16);
    return this.say(found[1] ? NAMED[found[1].toLowerCase()] : character(code));
  }
}

function character(code) {
  const isText = code >= 32 && code <= 0x10ffff && !(code >= 0x7f && code < 0xa0);
  return isText && !(code >= 0xd800 && code < 0xe000) ? String.fromCodePoint(code) : "\ufffd";
}

/** Leave out what ends the sentence rather than the address. */
function trimUrl(address) {
  let end = address.length;
  const numOf = (mark) => address.slice(0, end).split(mark).length;
  for (let numTrimmed = 0; end > 0 && numTrimmed < 8; numTrimmed++, end--) {
    const last = address[end - 1];
    if (last === ")" ? numOf(")") <= numOf("(") : !"!?.,:;*_~'\"[]".includes(last)) break;
  }
  return address.slice(0, end);
}

function link(href, children) {
  const rel = "noopener noreferrer nofollow";
  return h("a", { href, rel, target: "_blank", title: href }, children);
}

/** Pair the marks that open with those that close; `tokens`, if any, get ends for the bold text. */
function matchMarks(marks, tokens) {
  let open = [];
  const floors = new Map(); // what was searched for in vain -> below which place
  for (const mark of marks) {
    while (mark.canClose && mark.left) {
      const key = `${mark.mark}${mark.canOpen}${mark.length % 3}`;
      const floor = Math.min(floors.get(key) ?? 0, open.length);
      let at = open.length - 1;
      while (at >= floor && !fits(open[at], mark)) at--;
      if (at < floor) {
        floors.set(key, open.length);
        break;
      }
      pair(open[at], mark);
      open.length = open[at].left ? at + 1 : at;
      for (const [each, place] of floors) floors.set(each, Math.min(place, open.length));
    }
    if (mark.canOpen && mark.left) open.push(mark);
  }
  open = open.filter((mark) => tokens && mark.mark === "*" && mark.left === 2);
  for (const mark of open) {
    const end = { mark: "*", left: 2, opens: [], closes: 0 };
    pair(mark, end);
    tokens.push(end);
  }
}

function fits(opener, closer) {
  if (opener.mark !== closer.mark) return false;
  const isBoth = opener.canClose || closer.canOpen;
  const isOdd = (opener.length + closer.length) % 3 === 0;
  return !(isBoth && isOdd && (opener.length % 3 || closer.length % 3));
}

function pair(opener, closer) {
  const length = Math.min(opener.left, closer.left, 2);
  opener.left -= length;
  closer.left -= length;
  opener.opens.push(opener.mark === "~" ? "del" : length === 2 ? "strong" : "em");
  closer.closes += 1;
}

/** Nest the tokens; what stands deeper than MAX_DEPTH joins the level above. */
function tree(tokens) {
  const levels = [{ children: [], isLink: false }];
  const top = () => levels[levels.length - 1];
  const say = (text) => {
    const { children } = top();
    if (typeof children.at(-1) === "string") children.push(children.pop() + text);
    else if (text) children.push(text);
  };
  const enter = (node, isLink) => {
    const level = top();
    if (levels.length > MAX_DEPTH || (isLink && level.isLink)) return levels.push(level);
    level.children.push(node);
    return levels.push({ children: node.children, isLink: level.isLink || isLink });
  };
  for (const token of tokens) {
    if (token.node) {
      if (top().isLink && token.node.tag === "a") say(token.node.children[0]);
      else top().children.push(token.node);
    } else if (token.mark) {
      for (let i = 0; i < token.closes; i++) levels.pop();
      say(token.mark.repeat(token.left));
      for (const tag of token.opens.toReversed()) enter(h(tag), false);
    } else if (token.end) {
      levels.pop();
    } else if (token.bracket) {
      if (token.href === null) say(token.bracket);
      else enter(link(token.href, []), true);
    } else {
      say(token.text);
    }
  }
  return levels[0].children;
}
