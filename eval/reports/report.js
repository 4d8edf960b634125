// The browser of samples. What models wrote is only ever put on the page as text.
"use strict";
(() => {
  const PER_PAGE = 25, CUT = 140, PAUSE_MS = 120;
  const read = (selector) => JSON.parse(document.querySelector(selector).textContent);
  const form = document.getElementById("filters");
  const list = document.getElementById("list");
  const runs = [], sets = {};
  const shown = { run: null, samples: [], page: 0 };

  const runAt = (number) => {
    if (!runs[number]) {
      const run = read(`script[data-run="${number}"]`);
      sets[run.set] ??= read(`script[data-set="${run.set}"]`);
      run.questions = sets[run.set];
      runs[number] = run;
    }
    return runs[number];
  };

  const element = (name, className, text) => {
    const node = document.createElement(name);
    if (className) node.className = className;
    if (text !== undefined) node.textContent = text;
    return node;
  };

  const outcomeOf = (sample) => (sample.value === 1 ? "right" : sample.value === 0 ? "wrong" : "between");
  const isJudged = (run) => run.samples.some((sample) => sample.value > 1);
  const nameOf = (run) => `${run.task} · ${run.name}`;

  // Everything in which a text is looked for, made once a sample.
  const haystack = (run, sample) => {
    if (sample.haystack === undefined) {
      const question = run.questions[sample.question];
      const turns = (sample.turns ?? []).flatMap((turn) => [turn.content, turn.reasoning ?? ""]);
      const parts = [question.id, ...question.turns, question.gold, sample.extracted ?? "", ...turns, sample.failure ?? ""];
      sample.haystack = parts.join("\n").toLowerCase();
    }
    return sample.haystack;
  };

  // The mean score of each question in another run, for "right here, wrong there".
  const meansOf = (run) => {
    if (!run.means) {
      const sums = new Map();
      for (const sample of run.samples) {
        const id = run.questions[sample.question].id;
        const [sum, count] = sums.get(id) ?? [0, 0];
        sums.set(id, [sum + sample.value, count + 1]);
      }
      run.means = new Map([...sums].map(([id, [sum, count]]) => [id, sum / count]));
    }
    return run.means;
  };

  const isChosen = (sample, chosen, run) => {
    const [kind, other] = chosen.split(" ");
    if (kind === "all") return true;
    if (other === undefined) return outcomeOf(sample) === kind;
    const there = meansOf(runAt(Number(other))).get(run.questions[sample.question].id);
    return there !== undefined && (kind === "better" ? sample.value > there : sample.value < there);
  };

  const count = (samples, namesOf) => {
    const counts = new Map();
    for (const sample of samples) for (const name of namesOf(sample)) counts.set(name, (counts.get(name) ?? 0) + 1);
    return [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  };

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

  const chooseRun = (number) => {
    const run = runAt(number);
    shown.run = run;
    const others = headers.map((header, index) => [index, header]).filter(([index, header]) => index !== number && header.task === run.task);
    const outcomes = count(run.samples, (sample) => [outcomeOf(sample)]).map(([name, total]) => [name, `${name} (${total})`]);
    const pairs = others.flatMap(([index, header]) => [
      [`better ${index}`, `better than ${header.name}`], [`worse ${index}`, `worse than ${header.name}`],
    ]);
    fill("outcome", [["all", `all (${run.samples.length})`], ...(isJudged(run) ? [] : outcomes), ...pairs]);
    fill("flag", choices(count(run.samples, (sample) => sample.flags ?? [])));
    fill("rule", choices(count(run.samples, (sample) => [sample.rule ?? ""])));
    const groups = count(run.samples, (sample) => [run.questions[sample.question].group]);
    fill("group", groups.length > 1 ? choices(groups.sort((a, b) => (a[0] < b[0] ? -1 : 1))) : [["", "any"]]);
  };

  const isNamed = (chosen, names) => chosen === "" || names.includes(chosen.slice(1));

  const apply = () => {
    const { run } = shown, { outcome, flag, rule, group, text } = form.elements;
    const needle = text.value.trim().toLowerCase();
    shown.samples = run.samples.filter((sample) =>
      isChosen(sample, outcome.value, run)
      && isNamed(flag.value, sample.flags ?? [])
      && isNamed(rule.value, [sample.rule ?? ""])
      && isNamed(group.value, [run.questions[sample.question].group])
      && (needle === "" || haystack(run, sample).includes(needle)));
    shown.page = 0;
    show();
  };

  const show = () => {
    const { samples, run } = shown;
    const pages = Math.max(1, Math.ceil(samples.length / PER_PAGE));
    const start = shown.page * PER_PAGE;
    const part = samples.slice(start, start + PER_PAGE);
    const mean = samples.reduce((sum, sample) => sum + sample.value, 0) / (samples.length || 1);
    const score = samples.length === 0 ? "" : isJudged(run) ? `, mean ${mean.toFixed(2)}` : `, ${(100 * mean).toFixed(1)} % right`;
    document.getElementById("found").textContent = `${samples.length.toLocaleString("en")} of ${run.samples.length.toLocaleString("en")} samples${score}`;
    list.replaceChildren(...part.map((sample) => row(run, sample)));
    document.getElementById("page").textContent = `page ${shown.page + 1} of ${pages.toLocaleString("en")}`;
    for (const button of document.querySelectorAll("#pager button")) {
      const page = shown.page + Number(button.dataset.step);
      button.disabled = page < 0 || page >= pages;
    }
  };

  const row = (run, sample) => {
    const question = run.questions[sample.question];
    const item = element("li"), details = element("details", "sample"), summary = element("summary");
    const kind = isJudged(run) ? "between" : outcomeOf(sample);
    const mark = element("span", `outcome ${kind}`, kind === "right" ? "✓" : kind === "wrong" ? "✗" : String(Number(sample.value.toFixed(2))));
    mark.setAttribute("aria-label", kind === "between" ? `score ${sample.value}` : kind);
    const asked = question.turns[question.turns.length > 1 ? 0 : question.turns.length - 1].replace(/\s+/g, " ").trim();
    summary.append(mark, element("span", "title", asked.length > CUT ? `${asked.slice(0, CUT)}…` : asked), answersOf(question, sample), factsOf(question, sample));
    details.append(summary);
    details.addEventListener("toggle", () => { if (details.open && !details.querySelector(".body")) details.append(body(question, sample)); });
    item.append(details);
    return item;
  };

  const answersOf = (question, sample) => {
    const found = sample.extracted === undefined ? "no answer" : sample.extracted;
    const gold = question.gold.length > 40 ? "" : question.gold;
    return element("span", "answers", gold === "" ? found : `${found} / ${gold}`);
  };

  const factsOf = (question, sample) => {
    const line = element("span", "facts-line");
    const facts = [question.id, question.group, sample.epoch ? `answer ${sample.epoch + 1}` : "", sample.rule ?? ""];
    line.append(...facts.filter((fact) => fact !== "").map((fact) => element("span", "", fact)));
    line.append(...(sample.flags ?? []).map((flag) => element("span", flag === "error" ? "chip bad-chip" : "chip", flag)));
    return line;
  };

  const body = (question, sample) => {
    const node = element("div", "body");
    const add = (title, text, kind) => { if (text !== undefined && text !== null && text !== "") node.append(element("h4", "", title), marked(`text ${kind}`, text)); };
    const many = question.turns.length > 1;
    question.turns.forEach((asked, number) => {
      const turn = (sample.turns ?? [])[number];
      const shots = question.shots ? `, after ${question.shots} messages of examples` : "";
      add(many ? `question, turn ${number + 1}` : `question${shots}`, asked, "question");
      if (number === 0 && question.choices.length && !asked.includes(question.choices[0])) add("choices", question.choices.join("\n"), "question");
      if (!turn) return;
      add("reasoning (hidden from clients)", turn.reasoning, "thoughts");
      add("answer", turn.content === "" ? "(empty)" : turn.content, "answer");
      node.append(element("p", "note", usage(turn)));
    });
    add("failure", sample.failure, "failure");
    add("right answer", question.gold, "gold");
    add("found", [sample.extracted ?? "no answer", sample.rule ? `by the rule “${sample.rule}”` : "", sample.compat === undefined ? "" : `lm-eval's filter: ${sample.compat}`].filter((part) => part !== "").join("\n"), "found");
    if (sample.details) add("parts of the score", JSON.stringify(sample.details, null, 1), "found");
    (sample.verdicts ?? []).forEach((verdict, number) => add(`verdict ${number + 1} of the judge`, verdict, "verdict"));
    return node;
  };

  const usage = (turn) => {
    const told = [[turn.tokens, "tokens"], [turn.thinking, "of them thinking"], [turn.seconds, "s"]];
    const parts = told.filter(([value]) => value !== null && value !== undefined).map(([value, name]) => `${value.toLocaleString("en")} ${name}`);
    return [...parts, turn.finish ? `finish: ${turn.finish}` : ""].filter((part) => part !== "").join(" · ");
  };

  // A text with what is searched for marked in it.
  const marked = (className, text) => {
    const node = element("div", className), needle = form.elements.text.value.trim().toLowerCase();
    const lower = text.toLowerCase();
    if (needle === "" || lower.length !== text.length) {
      node.textContent = text;
      return node;
    }
    let from = 0;
    for (let at = lower.indexOf(needle); at >= 0; at = lower.indexOf(needle, from)) {
      node.append(text.slice(from, at), element("mark", "", text.slice(at, at + needle.length)));
      from = at + needle.length;
    }
    node.append(text.slice(from));
    return node;
  };

  const headers = [...document.querySelectorAll("script[data-run]")].map((script) => ({ name: script.dataset.name, task: script.dataset.task }));
  fill("run", headers.map((header, number) => [String(number), nameOf(header)]));
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("change", (event) => {
    if (event.target.name === "text") return;
    if (event.target.name === "run") chooseRun(Number(event.target.value));
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

  chooseRun(0);
  apply();
  document.getElementById("browser").hidden = false;
})();
