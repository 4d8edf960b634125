// Vercel's AI SDK over its provider for compatible servers: a stream, a tool call, an object, usage.
import assert from "node:assert/strict";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, Output, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";

const [baseURL, name] = process.argv.slice(2);
const compatible = createOpenAICompatible({
  name: "reflect",
  baseURL,
  apiKey: "none",
  includeUsage: true,
  supportsStructuredOutputs: true,
});
const openai = createOpenAI({ baseURL, apiKey: "none" });
const prompt = "How many apples?";
// Items are sent back whole: references to stored items are not supported.
const providerOptions = { openai: { store: false } };

for (const model of [compatible(name), openai.chat(name), openai.responses(name)]) {
  const stream = streamText({ model, prompt, providerOptions, maxRetries: 0 });
  let text = "";
  for await (const piece of stream.textStream) text += piece;
  assert.equal(text, "7 apples");
  assert.equal(await stream.finishReason, "stop");
  const usage = await stream.usage;
  assert.ok(usage.inputTokens > 0 && usage.outputTokens > usage.reasoningTokens);
  assert.ok(usage.reasoningTokens > 0);

  const weather = tool({
    description: "Tell the weather.",
    inputSchema: z.object({ city: z.string() }),
    execute: async ({ city }) => (city === "Rome" ? "22 degrees" : "unknown"),
  });
  const stepped = await generateText({
    model,
    prompt,
    providerOptions,
    tools: { get_weather: weather },
    stopWhen: stepCountIs(3),
    maxRetries: 0,
  });
  assert.deepEqual(stepped.steps[0].toolCalls[0].input, { city: "Rome" });
  assert.equal(stepped.text, "It is 22 degrees.");

  const { output } = await generateText({
    model,
    prompt,
    providerOptions,
    output: Output.object({ schema: z.object({ name: z.string(), age: z.number().int() }) }),
    maxRetries: 0,
  });
  assert.deepEqual(output, { name: "Mia", age: 7 });
}
