// OpenAI's own client for Node: a stream, a tool call, structured output, usage.
import assert from "node:assert/strict";
import OpenAI from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";

const [baseURL, model] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey: "none", maxRetries: 0 });
const messages = [{ role: "user", content: "How many apples?" }];
const parameters = {
  type: "object",
  properties: { city: { type: "string" } },
  required: ["city"],
  additionalProperties: false,
};
const tools = [{ type: "function", function: { name: "get_weather", parameters } }];

const stream = client.chat.completions.stream({
  model,
  messages,
  stream_options: { include_usage: true },
});
let text = "";
for await (const chunk of stream) text += chunk.choices[0]?.delta?.content ?? "";
assert.equal(text, "7 apples");
assert.equal(await stream.finalContent(), "7 apples");

const usage = (await stream.finalChatCompletion()).usage;
assert.equal(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens);
assert.ok(usage.completion_tokens_details.reasoning_tokens > 0);

const called = await client.chat.completions
  .stream({ model, messages, tools, tool_choice: "required" })
  .finalChatCompletion();
const [call] = called.choices[0].message.tool_calls;
assert.equal(call.function.name, "get_weather");
assert.deepEqual(JSON.parse(call.function.arguments), { city: "Rome" });
const answered = await client.chat.completions.create({
  model,
  messages: [
    ...messages,
    called.choices[0].message,
    { role: "tool", tool_call_id: call.id, content: "22 degrees" },
  ],
  tools,
});
assert.equal(answered.choices[0].message.content, "It is 22 degrees.");

const Person = z.object({ name: z.string(), age: z.number().int() });
const parsed = await client.chat.completions.parse({
  model,
  messages,
  response_format: zodResponseFormat(Person, "person"),
});
assert.deepEqual(parsed.choices[0].message.parsed, { name: "Mia", age: 7 });

const events = [];
const response = client.responses.stream({ model, input: "How many apples?" });
for await (const event of response) events.push(event.type);
assert.equal(events.at(-1), "response.completed");
assert.equal((await response.finalResponse()).output.at(-1).content[0].text, "7 apples");
