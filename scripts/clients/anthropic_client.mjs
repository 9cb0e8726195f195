// Anthropic's official Node client against the simulator: messages, pictures, a tool, streams, errors.

import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const [folder, file] = process.argv.slice(2);
const Anthropic = createRequire(`${folder}/`)("@anthropic-ai/sdk");
const baseURL = JSON.parse(readFileSync(file, "utf8").split("\n")[0]).url.replace(/\/v1$/, "");
const client = new Anthropic({ apiKey: "test-key", baseURL, maxRetries: 0 });
const asked = (more = {}) => ({
  model: "sim-image", max_tokens: 200, messages: [{ role: "user", content: "What is in a mill?" }], ...more,
});
const failure = (more) => client.messages.create(asked(more)).then(() => undefined, (error) => error);
const done = [];

const said = await client.messages.create(asked());
done.push(["create", said.stop_reason === "end_turn" && said.content[0].text.includes("What is in a mill?")]);
done.push(["usage and request id", said.usage.output_tokens > 0 && said._request_id.startsWith("req_")]);
const models = [];
for await (const model of client.models.list()) models.push(model.id);
done.push(["models.list", models.includes("sim-image")]);

const made = await fetch(`${baseURL}/v1/images/generations`, {
  method: "POST", headers: { "Content-Type": "application/json" },
  body: JSON.stringify({ model: "sim-image", prompt: "a fox", size: "64x48" }),
});
const data = (await made.json()).data[0].b64_json;
const picture = { type: "image", source: { type: "base64", media_type: "image/png", data } };
const seen = await client.messages.create(asked({
  messages: [{ role: "user", content: [picture, { type: "text", text: "What is this?" }] }],
}));
done.push(["picture", seen.content[0].text.includes(`png of ${Buffer.from(data, "base64").length} bytes`)]);

const tools = [{ name: "answer", description: "The verdict.", input_schema: {
  type: "object", required: ["keep"], properties: { keep: { type: "boolean" } } } }];
const tool_choice = { type: "tool", name: "answer" };
const called = await client.messages.create(asked({ tools, tool_choice }));
done.push(["tool", called.stop_reason === "tool_use" && typeof called.content[0].input.keep === "boolean"]);

const stream = client.messages.stream(asked());
let words = "";
stream.on("text", (text) => { words += text; });
const last = await stream.finalMessage();
done.push(["stream", words === said.content[0].text && last.usage.output_tokens === said.usage.output_tokens]);
const streamed = await client.messages.stream(asked({ tools, tool_choice })).finalMessage();
done.push(["streamed tool", streamed.content[0].input.keep === called.content[0].input.keep]);

done.push(["refusal", (await client.messages.create(asked({ model: "refuse" }))).stop_reason === "refusal"]);
done.push(["token limit", (await client.messages.create(asked({ model: "truncated" }))).stop_reason === "max_tokens"]);
done.push(["429", (await failure({ model: "err:429" })) instanceof Anthropic.RateLimitError]);
done.push(["no such model", (await failure({ model: "none" })) instanceof Anthropic.NotFoundError]);
done.push(["wrong request", (await failure({ messages: [] })) instanceof Anthropic.BadRequestError]);

const bad = done.filter(([, good]) => !good);
console.log(`official Anthropic Node client: ${done.length - bad.length} of ${done.length} as expected`);
for (const [what] of bad) console.log(`  failed: ${what}`);
process.exit(bad.length ? 1 : 0);
