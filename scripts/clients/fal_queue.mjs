// fal's official Node client against the simulator: submit, status, result, stream of states, cancel, errors.

import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const [folder, file] = process.argv.slice(2);
const { createFalClient, ApiError, ValidationError } = createRequire(`${folder}/`)("@fal-ai/client");
const address = JSON.parse(readFileSync(file, "utf8").split("\n")[0]).url.replace(/\/v1$/, "");
// The client's own way to another place: a fetch of the user's.
const client = createFalClient({
  credentials: "test-key",
  retry: { maxRetries: 0 },
  fetch: (url, options) => fetch(String(url).replace("https://queue.fal.run", `${address}/fal`), options),
});
const input = { prompt: "a lighthouse at night", image_size: { width: 64, height: 48 } };
const done = [];

const arePictures = async (result) => {
  for (const { url } of result.data.images) {
    const bytes = Buffer.from(await (await fetch(url)).arrayBuffer());
    if (bytes.subarray(1, 4).toString() !== "PNG") return false;
  }
  return result.data.images.length > 0;
};
const failure = (promise) => promise.then(() => undefined, (error) => error);

const taken = await client.queue.submit("imagemill/sim-image", { input });
const requestId = taken.request_id;
let state = taken;
while (state.status !== "COMPLETED") state = await client.queue.status("imagemill/sim-image", { requestId, logs: true });
done.push(["submit and status", taken.status === "IN_QUEUE" && state.request_id === requestId]);
const result = await client.queue.result("imagemill/sim-image", { requestId });
done.push(["result", (await arePictures(result)) && result.requestId === requestId]);

const updates = [];
const two = await client.subscribe("imagemill/sim-image", {
  input: { ...input, num_images: 2 }, pollInterval: 20, onQueueUpdate: (update) => updates.push(update.status),
});
done.push(["subscribe", two.data.images.length === 2 && (await arePictures(two)) && updates.at(-1) === "COMPLETED"]);

const states = await client.queue.streamStatus("imagemill/sim-image", { requestId, logs: false });
done.push(["stream of states", (await states.done()).status === "COMPLETED"]);

const stuck = await client.queue.submit("imagemill/stuck", { input });
await client.queue.cancel("imagemill/stuck", { requestId: stuck.request_id });
const cancelled = await failure(client.queue.result("imagemill/stuck", { requestId: stuck.request_id }));
done.push(["cancel", cancelled instanceof ApiError && cancelled.status === 400]);

const failed = await failure(client.subscribe("imagemill/job-fails", { input, pollInterval: 20 }));
done.push(["a run that failed", failed instanceof ApiError && failed.status === 500]);
const refused = await failure(client.queue.submit("imagemill/refuse", { input }));
done.push(["refusal", refused instanceof ValidationError && refused.fieldErrors[0].type === "content_policy_violation"]);
const wrong = await failure(client.queue.submit("imagemill/sim-image", { input: {} }));
done.push(["wrong input", wrong instanceof ValidationError && wrong.getFieldErrors("prompt").length === 1]);
const limited = await failure(client.queue.submit("imagemill/err:429", { input }));
done.push(["429", limited instanceof ApiError && limited.status === 429]);

const bad = done.filter(([, good]) => !good);
console.log(`official fal Node client: ${done.length - bad.length} of ${done.length} as expected`);
for (const [what] of bad) console.log(`  failed: ${what}`);
process.exit(bad.length ? 1 : 0);
