// Runs in the browser of samples.
(() => {
  const CUT = 140;
  const { element, chosen, needle, count, fill, choices, admits, marked } = browser;
  const read = (selector) => JSON.parse(document.querySelector(selector).textContent);
  const runs = [], sets = {};
  let run = null; // that is shown

  const runAt = (number) => {
    if (!runs[number]) {
      const run = read(`script[data-run="${number}"]`);
      sets[run.set] ??= read(`script[data-set="${run.set}"]`);
      run.questions = sets[run.set];
      runs[number] = run;
    }
    return runs[number];
  };

  const outcomeOf = (sample) => (sample.value === 1 ? "right" : sample.value === 0 ? "wrong" : "between");
  const isJudged = (run) => run.samples.some((sample) => sample.value > 1);
  const nameOf = (run) => `${run.task} · ${run.name}`;

  // Everything in which a text is looked for, made once a sample.
  const haystack = (sample) => {
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

  const isChosen = (sample, outcome) => {
    const [kind, other] = outcome.split(" ");
    if (kind === "all") return true;
    if (other === undefined) return outcomeOf(sample) === kind;
    const there = meansOf(runAt(Number(other))).get(run.questions[sample.question].id);
    return there !== undefined && (kind === "better" ? sample.value > there : sample.value < there);
  };

  const chooseRun = (number) => {
    run = runAt(number);
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

  const found = () => {
    const wanted = needle();
    return run.samples.filter((sample) =>
      isChosen(sample, chosen("outcome"))
      && admits("flag", sample.flags ?? [])
      && admits("rule", [sample.rule ?? ""])
      && admits("group", [run.questions[sample.question].group])
      && (wanted === "" || haystack(sample).includes(wanted)));
  };

  const told = (samples) => {
    const mean = samples.reduce((sum, sample) => sum + sample.value, 0) / (samples.length || 1);
    const score = samples.length === 0 ? "" : isJudged(run) ? `, mean ${mean.toFixed(2)}` : `, ${(100 * mean).toFixed(1)} % right`;
    return `${samples.length.toLocaleString("en")} of ${run.samples.length.toLocaleString("en")} samples${score}`;
  };

  const line = (sample) => {
    const question = run.questions[sample.question];
    const kind = isJudged(run) ? "between" : outcomeOf(sample);
    const mark = element("span", `outcome ${kind}`, kind === "right" ? "✓" : kind === "wrong" ? "✗" : String(Number(sample.value.toFixed(2))));
    mark.setAttribute("aria-label", kind === "between" ? `score ${sample.value}` : kind);
    const asked = question.turns[question.turns.length > 1 ? 0 : question.turns.length - 1].replace(/\s+/g, " ").trim();
    const title = element("span", "title", asked.length > CUT ? `${asked.slice(0, CUT)}…` : asked);
    return [mark, title, answersOf(question, sample), factsOf(question, sample)];
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

  const body = (sample) => {
    const question = run.questions[sample.question];
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

  const headers = [...document.querySelectorAll("script[data-run]")].map((script) => ({ name: script.dataset.name, task: script.dataset.task }));
  fill("run", headers.map((header, number) => [String(number), nameOf(header)]));
  chooseRun(0);
  browser.start({ found, told, line, body, chosen: (name) => { if (name === "run") chooseRun(Number(chosen("run"))); } });
})();
