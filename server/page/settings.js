// Settings: the form beside the conversation, as the fields of a request; kept for this tab only.

const PLACE = "reflect.settings";
const NUMBERS = ["max_tokens", "temperature", "seed"];
const REFLECTION = ["max_thinking_tokens", "min_reflections", "max_reflections"];

export class Settings {
  constructor(form) {
    this.form = form;
    this.models = [];
    for (const kind of ["input", "change"]) form.addEventListener(kind, () => this.save());
    // Controls elsewhere on the page belong to the form, but their events do not pass through it.
    for (const field of form.elements) field.addEventListener("change", () => this.save());
    form.elements.model.addEventListener("change", () => this.describe());
    form.addEventListener("reset", () => setTimeout(() => this.describe() || this.save()));
  }

  get model() {
    return this.models.find((model) => model.id === this.form.elements.model.value) ?? null;
  }

  get showsReasoning() {
    return Boolean(this.model?.may_see_reasoning) && this.form.elements.include_reasoning.checked;
  }

  get systemPrompt() {
    return this.form.elements.system.value.trim();
  }

  /** Offer these models; what was chosen in this tab before is chosen again. */
  offer(models) {
    const chosen = this.saved().model ?? this.model?.id;
    this.models = models;
    const select = this.form.elements.model;
    select.replaceChildren(...models.map(({ id }) => new Option(id, id, false, id === chosen)));
    select.disabled = models.length === 0;
    this.describe();
    this.restore();
    this.describe();
  }

  /** Show what the chosen model has: its efforts, its defaults, whether reasoning may be seen. */
  describe() {
    const { elements } = this.form;
    const model = this.model ?? {};
    const effort = elements.effort.value;
    const efforts = model.efforts ?? [];
    elements.effort.replaceChildren(
      new Option("default", ""),
      ...efforts.map((name) => new Option(name, name, false, name === effort)),
    );
    for (const name of [...REFLECTION, "max_tokens", "temperature"]) {
      const usual = model.defaults?.[name];
      elements[name].placeholder = usual === undefined ? "" : String(usual);
      elements[name].max = model.limits?.[name] ?? elements[name].dataset.max ?? "";
    }
    document.getElementById("reveal").hidden = !model.may_see_reasoning;
  }

  hideReasoning() {
    this.form.elements.include_reasoning.checked = false;
    this.save();
  }

  /** The fields of a request apart from its messages. */
  options() {
    const fields = Object.fromEntries(new FormData(this.form));
    const numbers = (names) =>
      Object.fromEntries(names.filter((name) => fields[name]).map((name) => [name, Number(fields[name])]));
    const { max_tokens: maxTokens, ...sampling } = numbers(NUMBERS);
    const reflection = numbers(REFLECTION);
    return {
      model: fields.model,
      ...sampling,
      ...(maxTokens && { max_completion_tokens: maxTokens }),
      ...(fields.effort && { reasoning_effort: fields.effort }),
      ...(Object.keys(reflection).length && { reflection }),
      ...(this.showsReasoning && { include_reasoning: true }),
    };
  }

  saved() {
    try {
      return JSON.parse(sessionStorage.getItem(PLACE)) ?? {};
    } catch {
      return {};
    }
  }

  save() {
    sessionStorage.setItem(PLACE, JSON.stringify(Object.fromEntries(new FormData(this.form))));
  }

  restore() {
    for (const [name, value] of Object.entries(this.saved())) {
      const field = this.form.elements[name];
      if (field?.type === "checkbox") field.checked = true;
      else if (field && name !== "model") field.value = value;
    }
  }
}
