// OpenAI's official Node client against the simulator: every way of getting a picture, as a user would write it.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const [folder, address] = process.argv.slice(2);
const { OpenAI, toFile } = createRequire(`${folder}/`)("openai");
const client = new OpenAI({
  baseURL: JSON.parse(readFileSync(address, "utf8").split("\n")[0]).url,
  apiKey: "test-key",
  maxRetries: 0,
});

const picture = (base64) => {
  const bytes = Buffer.from(base64, "base64");
  if (bytes.subarray(1, 4).toString() !== "PNG") throw new Error("not a PNG");
  return bytes;
};
const done = [];

const made = await client.images.generate({ model: "gpt-image-2", prompt: "a lighthouse at night", size: "1024x1024" });
const start = picture(made.data[0].b64_json);
done.push(["images.generate", made.usage.total_tokens > 0]);

const edited = await client.images.edit({
  model: "gpt-image-2",
  image: await toFile(start, "start.png", { type: "image/png" }),
  prompt: "make it snow",
});
done.push(["images.edit multipart", !picture(edited.data[0].b64_json).equals(start)]);

let last;
for await (const event of await client.images.generate({
  model: "gpt-image-2", prompt: "a bridge", size: "1024x1024", stream: true, partial_images: 1,
})) last = event.type;
done.push(["images.generate stream", last === "image_generation.completed"]);

const url = `data:image/png;base64,${start.toString("base64")}`;
const messages = [{ role: "user", content: [{ type: "text", text: "make it night" }, { type: "image_url", image_url: { url } }] }];
const chat = await client.chat.completions.create({ model: "sim-image-edit", messages });
done.push(["chat.completions", JSON.stringify(chat).includes("base64,")]);

let words = "";
for await (const part of await client.chat.completions.create({ model: "sim-image-edit", messages, stream: true })) {
  words += part.choices[0]?.delta?.content ?? "";
}
done.push(["chat.completions stream", words.includes("base64,")]);

const response = await client.responses.create({
  model: "gpt-5", input: "a harbour", tools: [{ type: "image_generation" }],
});
const call = response.output.find((item) => item.type === "image_generation_call");
done.push(["responses", picture(call.result).length > 0]);

try {
  await client.images.generate({ model: "refuse", prompt: "anything" });
  done.push(["refusal", false]);
} catch (error) {
  done.push(["refusal", error.status === 400 && error.code === "moderation_blocked"]);
}

const failed = done.filter(([, good]) => !good);
console.log(`official OpenAI Node client: ${done.length - failed.length} of ${done.length} as expected`);
for (const [what] of failed) console.log(`  failed: ${what}`);
process.exit(failed.length ? 1 : 0);
