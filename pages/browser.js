// The browser of samples: a filtered list on pages. What models wrote is only ever put on the
// page as text. A report calls `browser.start` with what is its own:
//   found()         the samples that its filters leave, in order
//   told(samples)   what stands above the list
//   line(sample)    the nodes of a sample's line
//   body(sample)    the node that opening it shows
//   chosen(name)    after another choice in the filter of that name; may be left out
"use strict";
const browser = (() => {
  const PER_PAGE = 25, PAUSE_MS = 120;
  const form = document.getElementById("filters");
  const list = document.getElementById("list");
  const shown = { report: null, samples: [], page: 0 };

  const element = (name, className, text) => {
    const node = document.createElement(name);
    if (className) node.className = className;
    if (text !== undefined) node.textContent = text;
    return node;
  };

  const chosen = (name) => form.elements[name].value;
  const needle = () => chosen("text").trim().toLowerCase();

  // How many samples have each name, the most frequent first.
  const count = (samples, namesOf) => {
    const counts = new Map();
    for (const sample of samples) for (const name of namesOf(sample)) counts.set(name, (counts.get(name) ?? 0) + 1);
    return [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  };

  // What a filter offers; one choice is none.
  const fill = (name, options) => {
    const select = form.elements[name];
    select.replaceChildren(...options.map(([value, label]) => {
      const option = element("option", "", label);
      option.value = value;
      return option;
    }));
    select.closest("label").hidden = options.length < 2;
  };

  const choices = (counts) => [["", "any"], ...counts.map(([name, number]) => [`=${name}`, `${name || "(none)"} (${number})`])];
  const admits = (name, names) => chosen(name) === "" || names.includes(chosen(name).slice(1));

  // A text with what is searched for marked in it.
  const marked = (className, text) => {
    const node = element("div", className), wanted = needle();
    const lower = text.toLowerCase();
    if (wanted === "" || lower.length !== text.length) {
      node.textContent = text;
      return node;
    }
    let from = 0;
    for (let at = lower.indexOf(wanted); at >= 0; at = lower.indexOf(wanted, from)) {
      node.append(text.slice(from, at), element("mark", "", text.slice(at, at + wanted.length)));
      from = at + wanted.length;
    }
    node.append(text.slice(from));
    return node;
  };

  const row = (sample) => {
    const item = element("li"), details = element("details", "sample"), summary = element("summary");
    summary.append(...shown.report.line(sample));
    details.append(summary);
    details.addEventListener("toggle", () => { if (details.open && !details.querySelector(".body")) details.append(shown.report.body(sample)); });
    item.append(details);
    return item;
  };

  const show = () => {
    const { samples, page } = shown;
    const pages = Math.max(1, Math.ceil(samples.length / PER_PAGE));
    document.getElementById("found").textContent = shown.report.told(samples);
    list.replaceChildren(...samples.slice(page * PER_PAGE, (page + 1) * PER_PAGE).map(row));
    document.getElementById("page").textContent = `page ${page + 1} of ${pages.toLocaleString("en")}`;
    for (const button of document.querySelectorAll("#pager button")) {
      const other = page + Number(button.dataset.step);
      button.disabled = other < 0 || other >= pages;
    }
  };

  const apply = () => {
    shown.samples = shown.report.found();
    shown.page = 0;
    show();
  };

  const start = (report) => {
    shown.report = report;
    apply();
    document.getElementById("browser").hidden = false;
  };

  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("change", (event) => {
    if (event.target.name === "text") return;
    shown.report.chosen?.(event.target.name);
    apply();
  });
  let waiting;
  form.elements.text.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(apply, PAUSE_MS); });
  document.getElementById("pager").addEventListener("click", (event) => {
    const step = Number(event.target.dataset.step);
    if (!step) return;
    shown.page += step;
    show();
    document.getElementById("found").scrollIntoView({ block: "start" });
  });
  // Paper shows every table; the screen gets back what was open.
  let closed = [];
  addEventListener("beforeprint", () => { closed = [...document.querySelectorAll("details.table:not([open])")]; for (const one of closed) one.open = true; });
  addEventListener("afterprint", () => { for (const one of closed) one.open = false; });

  return { element, chosen, needle, count, fill, choices, admits, marked, start };
})();
