// Conversation: the turns so far, and what of them the model is sent.

/**
 * A turn is {question, answer, reasoning, state, ...}: what a person said and what came back.
 * state: "waiting", "thinking", "answering", "done", "stopped" or "failed"
 */
export class Conversation {
  constructor() {
    this.turns = [];
  }

  get last() {
    return this.turns.at(-1);
  }

  get isRunning() {
    return ["waiting", "thinking", "answering"].includes(this.last?.state);
  }

  add(question) {
    const turn = {
      question,
      answer: "",
      reasoning: "",
      state: "waiting",
      section: null,
      hiddenTokens: 0,
      startedMs: performance.now(),
      thoughtS: null,
      finishReason: null,
      budgetHits: [],
      usage: null,
      error: null,
    };
    this.turns.push(turn);
    return turn;
  }

  removeLast() {
    return this.turns.pop();
  }

  /** The messages of a request that ends with the last question; turns without an answer are out. */
  messages(systemPrompt) {
    const answered = this.turns.slice(0, -1).filter((turn) => turn.answer.trim());
    return [
      ...(systemPrompt ? [{ role: "system", content: systemPrompt }] : []),
      ...answered.flatMap((turn) => [
        { role: "user", content: turn.question },
        { role: "assistant", content: turn.answer },
      ]),
      { role: "user", content: this.last.question },
    ];
  }
}

/** Take one chunk of the stream into the turn. */
export function takeChunk(turn, chunk) {
  if (chunk.progress) {
    turn.section = chunk.progress.section;
    turn.hiddenTokens = chunk.progress.hidden_tokens;
    if (turn.state === "waiting") turn.state = "thinking";
  }
  if (chunk.usage) {
    turn.usage = chunk.usage;
    turn.hiddenTokens = chunk.usage.completion_tokens_details?.reasoning_tokens ?? turn.hiddenTokens;
  }
  const choice = chunk.choices?.[0];
  if (!choice) return;
  const reasoning = choice.delta?.reasoning ?? choice.delta?.reasoning_content;
  if (reasoning) {
    turn.reasoning += reasoning;
    if (turn.state === "waiting") turn.state = "thinking";
  }
  if (choice.delta?.content) {
    turn.answer += choice.delta.content;
    turn.thoughtS ??= (performance.now() - turn.startedMs) / 1000;
    turn.state = "answering";
  }
  turn.finishReason = choice.finish_reason ?? turn.finishReason;
  turn.budgetHits = choice.budget_hits ?? turn.budgetHits;
}
