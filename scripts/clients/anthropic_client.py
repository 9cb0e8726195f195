"""Anthropic's official Python client against the simulator: words, and message batches."""

import json
import sys
import time

from anthropic import Anthropic

address = json.loads(open(sys.argv[1]).readline())["url"].removesuffix("/v1")
client = Anthropic(base_url=address, api_key="test-key", max_retries=0)
done = []

message = {"role": "user", "content": "Say something."}
answer = client.messages.create(model="sim-text", max_tokens=100, messages=[message])
done.append(("messages.create", answer.content[0].text != "" and answer.usage.output_tokens > 0))

requests = [
    {"custom_id": f"task-{number}", "params": {
        "model": "sim-text" if number else "err:500", "max_tokens": 100, "messages": [message]}}
    for number in range(4)
]
batch = client.messages.batches.create(requests=requests)
done.append(("batches.list", [found.id for found in client.messages.batches.list()] == [batch.id]))
for _ in range(100):
    batch = client.messages.batches.retrieve(batch.id)
    if batch.processing_status == "ended":
        break
    time.sleep(0.1)
done.append(("batches.retrieve", (batch.request_counts.succeeded, batch.request_counts.errored) == (3, 1)))
results = {result.custom_id: result.result for result in client.messages.batches.results(batch.id)}
kinds = {name: result.type for name, result in results.items()}
done.append(("batches.results", kinds == {
    "task-0": "errored", "task-1": "succeeded", "task-2": "succeeded", "task-3": "succeeded"}))
done.append(("batches message", results["task-2"].message.content[0].text != ""))
done.append(("batches.cancel", client.messages.batches.cancel(batch.id).id == batch.id))

failed = [name for name, ok in done if not ok]
print(f"official anthropic client: {len(done) - len(failed)} of {len(done)} ok" + (f", failed: {failed}" if failed else ""))
sys.exit(1 if failed else 0)
