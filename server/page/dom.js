// Nodes of the document from plain values, and the least change from one such tree to the next.
//
// A tree is a text or {tag, attributes, children}. Nothing here ever parses markup: elements come
// from createElement, texts from createTextNode, and only the tags and attributes named below exist.

const TAGS = new Set(
  ("a article blockquote br button code del details div em figcaption figure h3 h4 h5 h6 hr li ol " +
    "p pre span strong summary table tbody td th thead tr ul").split(" "),
);
const ATTRIBUTES = new Set(
  "aria-label class data-action data-align href open rel role scope start tabindex target title type".split(
    " ",
  ),
);
const SVG = "http://www.w3.org/2000/svg";

export function h(tag, attributes = {}, ...children) {
  return { tag, attributes, children: children.flat() };
}

export function build(tree) {
  if (typeof tree === "string") return document.createTextNode(tree);
  if (!TAGS.has(tree.tag)) throw new TypeError(`no element <${tree.tag}> is built here`);
  const element = document.createElement(tree.tag);
  setAttributes(element, {}, tree.attributes);
  element.append(...tree.children.map(build));
  return element;
}

/** Make `parent`'s children from number `start` on, which show `before`, show `after`. */
export function patch(parent, before, after, start = 0) {
  const numShared = Math.min(before.length, after.length);
  for (let i = 0; i < numShared; i++) {
    if (before[i] !== after[i]) patchNode(parent.childNodes[start + i], before[i], after[i]);
  }
  for (let i = before.length; i > numShared; i--) parent.childNodes[start + i - 1].remove();
  parent.append(...after.slice(numShared).map(build));
}

function patchNode(node, before, after) {
  if (typeof before === "string" && typeof after === "string") {
    if (after.startsWith(before)) {
      if (after.length > before.length) node.appendData(after.slice(before.length));
    } else node.data = after;
  } else if (typeof before === "object" && before.tag === after.tag) {
    setAttributes(node, before.attributes, after.attributes);
    patch(node, before.children, after.children);
  } else {
    node.replaceWith(build(after));
  }
}

function setAttributes(element, before, after) {
  for (const name of Object.keys(before)) if (!(name in after)) element.removeAttribute(name);
  for (const [name, value] of Object.entries(after)) {
    if (!ATTRIBUTES.has(name)) throw new TypeError(`no attribute ${name} is set here`);
    if (before[name] !== value) element.setAttribute(name, value);
  }
}

/** One of the drawings in index.html. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#icon-${name}`);
  svg.append(use);
  return svg;
}
