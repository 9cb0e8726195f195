// Replicate's official Node client against the simulator: create, wait, run, stream, list, cancel, errors.

import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const [folder, file] = process.argv.slice(2);
const Replicate = createRequire(`${folder}/`)("replicate");
const address = JSON.parse(readFileSync(file, "utf8").split("\n")[0]).url.replace(/\/v1$/, "");
const client = new Replicate({ auth: "test-key", baseUrl: `${address}/replicate/v1` });
const input = { prompt: "a lighthouse at night", width: 64, height: 48 };
const done = [];

const fetched = async (link) => {
  const bytes = Buffer.from(await (await fetch(link)).arrayBuffer());
  if (bytes.subarray(1, 4).toString() !== "PNG") throw new Error("not a PNG");
  return bytes;
};
const failure = (promise) => promise.then(() => undefined, (error) => error);

const created = await client.predictions.create({ model: "imagemill/sim-image", input });
const ended = await client.wait(created, { interval: 20 });
const picture = await fetched(ended.output[0]);
done.push(["create and wait", created.status === "starting" && ended.status === "succeeded"]);
done.push(["get", (await client.predictions.get(created.id)).output[0] === ended.output[0]]);
const held = await client.predictions.create({ version: "sim-image", input, wait: 5 });
done.push(["create and wait in one", held.status === "succeeded"]);
const pages = [];
for await (const page of client.paginate(client.predictions.list)) pages.push(page);
done.push(["list", pages[0].some((prediction) => prediction.id === created.id)]);

const edited = await client.run("imagemill/sim-image-edit", {
  input: { prompt: "make it snow", input_image: `data:image/png;base64,${picture.toString("base64")}` },
});
done.push(["run with a source", !(await fetched(edited[0])).equals(picture)]);
const polled = [];
await client.run("imagemill/sim-image", { input, wait: { mode: "poll", interval: 20 } }, ({ status }) => polled.push(status));
done.push(["run and poll", polled[0] === "starting" && polled.at(-1) === "succeeded"]);

const events = [];
for await (const event of client.stream("imagemill/sim-image", { input })) events.push(event.event);
done.push(["stream", events.join() === "output,done"]);

const stuck = await client.predictions.create({ model: "imagemill/stuck", input });
done.push(["cancel", (await client.predictions.cancel(stuck.id)).status === "canceled"]);

const refused = await failure(client.run("imagemill/nsfw", { input }));
done.push(["a run that was refused", /NSFW/.test(refused?.message)]);
const wrong = await failure(client.run("imagemill/sim-image", { input: { width: 64 } }));
done.push(["wrong input", wrong?.response.status === 422 && /prompt/.test(wrong.message)]);
const none = await failure(client.run("imagemill/none", { input }));
done.push(["no such model", none?.response.status === 404]);

const bad = done.filter(([, good]) => !good);
console.log(`official Replicate Node client: ${done.length - bad.length} of ${done.length} as expected`);
for (const [what] of bad) console.log(`  failed: ${what}`);
process.exit(bad.length ? 1 : 0);
