// Samples of a run in the browser of samples, with what the teacher changed in them.
(() => {
  const CUT = 140, MAX_CELLS = 12e6, LEAST_KEPT = 3;
  const { element, chosen, needle, count, fill, choices, admits, marked } = browser;
  const script = document.getElementById("rows");
  const samples = JSON.parse(script.textContent), total = Number(script.dataset.total);
  const SCORES = { ifd: "IFD", rifd: "r-IFD", ppl: "ppl(y)", ppl_given: "ppl(y | x)" };

  const kept = (sample) => (sample.kept ? "kept" : "dropped");
  const FILTERS = {
    kept: (sample) => [kept(sample)], status: (sample) => [sample.status],
    outcome: (sample) => [sample.outcome], source: (sample) => [sample.source ?? ""],
  };
  for (const [name, namesOf] of Object.entries(FILTERS)) fill(name, choices(count(samples, namesOf)));
  fill("show", [["changes", "changes"], ["after", "after"], ["before", "before"]]);

  const haystack = (sample) => {
    if (sample.haystack === undefined) {
      const criticisms = Object.values(sample.calls ?? {}).map((call) => call.criticism ?? "");
      sample.haystack = [sample.id, ...Object.values(sample.variants).flat(), ...criticisms].join("\n").toLowerCase();
    }
    return sample.haystack;
  };

  const found = () => {
    const wanted = needle();
    return samples.filter((sample) =>
      Object.entries(FILTERS).every(([name, namesOf]) => admits(name, namesOf(sample)))
      && (wanted === "" || haystack(sample).includes(wanted)));
  };

  const told = (left) => {
    const share = left.length === 0 ? "" : `, ${(100 * left.filter((sample) => sample.kept).length / left.length).toFixed(1)} % kept`;
    const drawn = samples.length < total ? ` (of ${total.toLocaleString("en")} in the run: some of each kind, the rest drawn)` : "";
    return `${left.length.toLocaleString("en")} of ${samples.length.toLocaleString("en")} samples${share}${drawn}`;
  };

  const number = (value) => (value === undefined || value === null ? "–" : Math.abs(value) < 10 ? value.toFixed(3) : value.toLocaleString("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 }));

  const line = (sample) => {
    const mark = element("span", `outcome ${sample.kept ? "right" : "wrong"}`, sample.kept ? "✓" : "–");
    mark.setAttribute("aria-label", kept(sample));
    const asked = sample.variants.original[0].replace(/\s+/g, " ").trim();
    const ifds = [...new Set(["original", sample.final])].map((name) => sample.scores?.[name]?.ifd);
    const scores = element("span", "answers", ifds.every((value) => value === undefined || value === null) ? "" : `IFD ${ifds.map(number).join(" → ")}`);
    const facts = element("span", "facts-line");
    facts.append(element("span", "", sample.id), element("span", sample.status === "ok" ? "chip" : "chip bad-chip", sample.status), element("span", "", `from the teacher: ${sample.outcome}`));
    if (sample.rank) facts.append(element("span", "", `rank ${sample.rank}`));
    if (sample.reason) facts.append(element("span", "", sample.reason));
    return [mark, element("span", "title", asked.length > CUT ? `${asked.slice(0, CUT)}…` : asked), scores, facts];
  };

  const body = (sample) => {
    const node = element("div", "body");
    const others = Object.keys(sample.variants).filter((name) => name !== "original");
    if (others.length === 0) node.append(...texts(sample, "original", "before"));
    for (const name of others.sort((a, b) => (b === sample.final) - (a === sample.final))) node.append(variant(sample, name));
    if (sample.scores) node.append(scoresOf(sample));
    for (const [stage, decision] of Object.entries(sample.decisions ?? {}))
      node.append(element("p", "note", `choice of the ${stage}: ${decision.is_accepted ? "reflected" : "as it was"}, ${decision.reason}`));
    for (const [name, call] of Object.entries(sample.calls ?? {})) {
      const attempts = call.num_attempts > 1 ? `, ${call.num_attempts} attempts` : "";
      node.append(element("h4", "", `teacher on the ${name === "instruction" ? name : "response"}: ${call.status}${call.reason ? `, ${call.reason}` : ""}${attempts}`));
      if (call.criticism) node.append(marked("text criticism", call.criticism));
    }
    return node;
  };

  // A variant against the original; those that were not chosen are closed.
  const variant = (sample, name) => {
    const details = element("details", "variant"), isFinal = name === sample.final;
    details.append(element("summary", "", `variant “${name}”${isFinal ? ", chosen" : ", not chosen"}`));
    const open = () => { if (details.open && details.childElementCount === 1) details.append(...texts(sample, name, chosen("show"))); };
    details.addEventListener("toggle", open);
    details.open = isFinal;
    open();
    return details;
  };

  const texts = (sample, name, show) => ["instruction", "response"].flatMap((title, part) => {
    const before = sample.variants.original[part], after = sample.variants[name][part];
    const text = show === "changes" ? changes(before, after) : marked("text", show === "before" ? before : after);
    return [element("h4", "", show === "changes" && before === after ? `${title}, unchanged` : `${title}${show === "changes" ? "" : `, ${show}`}`), text];
  });

  const scoresOf = (sample) => {
    const table = element("table", "scores"), head = element("tr");
    head.append(element("th", "", ""), ...Object.values(SCORES).map((name) => element("th", "", name)));
    table.append(element("thead"), element("tbody"));
    table.tHead.append(head);
    for (const [name, scores] of Object.entries(sample.scores)) {
      const row = element("tr");
      row.append(element("td", "", name), ...Object.keys(SCORES).map((key) => element("td", "number", number(scores[key]))));
      table.tBodies[0].append(row);
    }
    return table;
  };

  const changes = (before, after) => {
    const node = element("div", "text changes");
    for (const [kind, text] of differences(before, after)) node.append(kind === "" ? text : element(kind, "", text));
    return node;
  };

  // What leads from one text to the other, as [kind, text] with kind "", "del" or "ins": by words,
  // a longest common subsequence of them; words alone among changes are no common ground.
  const differences = (before, after) => {
    const [a, b] = [before, after].map((text) => text.match(/[\p{L}\p{N}_']+|\s+|./gsu) ?? []);
    let head = 0, tail = 0;
    while (head < a.length && head < b.length && a[head] === b[head]) head += 1;
    while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail += 1;
    const middle = common(a.slice(head, a.length - tail), b.slice(head, b.length - tail));
    const runs = [["", a.slice(0, head)], ...middle, ["", a.slice(a.length - tail)]].filter(([, words]) => words.length);
    return joined(runs.flatMap(([kind, words], at) => {
      const isAlone = kind === "" && at > 0 && at < runs.length - 1 && words.filter((word) => word.trim() !== "").length < LEAST_KEPT;
      return isAlone ? [["del", words], ["ins", words]] : [[kind, words]];
    }));
  };

  const common = (a, b) => {
    if (a.length * b.length > MAX_CELLS) return [["del", a], ["ins", b]];
    const width = b.length + 1, lengths = new Uint16Array((a.length + 1) * width);
    for (let i = a.length - 1; i >= 0; i -= 1)
      for (let j = b.length - 1; j >= 0; j -= 1)
        lengths[i * width + j] = a[i] === b[j] ? lengths[(i + 1) * width + j + 1] + 1 : Math.max(lengths[(i + 1) * width + j], lengths[i * width + j + 1]);
    const runs = [];
    const add = (kind, word) => { if (runs.at(-1)?.[0] === kind) runs.at(-1)[1].push(word); else runs.push([kind, [word]]); };
    let i = 0, j = 0;
    while (i < a.length || j < b.length) {
      if (i < a.length && j < b.length && a[i] === b[j]) { add("", a[i]); i += 1; j += 1; }
      else if (j >= b.length || (i < a.length && lengths[(i + 1) * width + j] >= lengths[i * width + j + 1])) { add("del", a[i]); i += 1; }
      else { add("ins", b[j]); j += 1; }
    }
    return runs;
  };

  // Between two common runs, what went before what came.
  const joined = (runs) => {
    const parts = [];
    let gone = "", come = "";
    const flush = () => { if (gone) parts.push(["del", gone]); if (come) parts.push(["ins", come]); gone = come = ""; };
    for (const [kind, words] of runs) {
      if (kind === "del") gone += words.join("");
      else if (kind === "ins") come += words.join("");
      else { flush(); parts.push(["", words.join("")]); }
    }
    flush();
    return parts;
  };

  browser.start({ found, told, line, body });
})();
