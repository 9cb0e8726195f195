"""OpenAI's official Python client against the simulator: every way of getting a picture, as a user would write it."""

import base64
import io
import json
import sys
import time

from openai import APIStatusError, OpenAI

address = json.loads(open(sys.argv[1]).readline())["url"]
client = OpenAI(base_url=address, api_key="test-key", max_retries=0)
PNG = b"\x89PNG\r\n\x1a\n"
done = []


def picture(b64):
    data = base64.b64decode(b64)
    assert data.startswith(PNG), data[:16]
    return data


done.append(("models.list", len([model.id for model in client.models.list()]) > 0))

answer = client.images.generate(model="gpt-image-2", prompt="a lighthouse at night", size="1024x1024")
start = picture(answer.data[0].b64_json)
done.append(("images.generate", answer.usage.total_tokens > 0))

edited = client.images.edit(
    model="gpt-image-2", image=("start.png", io.BytesIO(start), "image/png"), prompt="make it snow"
)
done.append(("images.edit multipart", picture(edited.data[0].b64_json) != start))

events = [event.type for event in client.images.generate(
    model="gpt-image-2", prompt="a bridge", size="1024x1024", stream=True, partial_images=1)]
done.append(("images.generate stream", events[-1] == "image_generation.completed"))

data_url = "data:image/png;base64," + base64.b64encode(start).decode()
messages = [{"role": "user", "content": [
    {"type": "text", "text": "make it night"}, {"type": "image_url", "image_url": {"url": data_url}}]}]
chat = client.chat.completions.create(model="sim-image-edit", messages=messages)
done.append(("chat.completions", "](data:image/png;base64," in chat.choices[0].message.content))

text = "".join(
    chunk.choices[0].delta.content or ""
    for chunk in client.chat.completions.create(model="sim-image-edit", messages=messages, stream=True)
    if chunk.choices
)
done.append(("chat.completions stream", text.count("![image](") == 1))

response = client.responses.create(model="sim-image", input="a red barn", tools=[{"type": "image_generation"}])
calls = [item for item in response.output if item.type == "image_generation_call"]
picture(calls[0].result)
done.append(("responses.create", calls[0].status == "completed"))

kinds = [event.type for event in client.responses.create(
    model="sim-image", input="a red barn", tools=[{"type": "image_generation"}], stream=True)]
done.append(("responses.create stream", kinds[-1] == "response.completed"))

given = client.files.create(file=("start.png", start), purpose="vision",
                            expires_after={"anchor": "created_at", "seconds": 3600})
looked = client.responses.create(model="sim-image", tools=[{"type": "image_generation"}], input=[{"role": "user", "content": [
    {"type": "input_text", "text": "make it snow"}, {"type": "input_image", "file_id": given.id}]}])
drawn = [item.result for item in looked.output if item.type == "image_generation_call"]
done.append(("files, responses with file_id", picture(drawn[0]) != start and given.expires_at > time.time()))

try:
    client.images.generate(model="err:429", prompt="too much")
    done.append(("429 is an error", False))
except APIStatusError as error:
    done.append(("429 is an error", error.status_code == 429))

lines = "\n".join(json.dumps({
    "custom_id": f"task-{number}", "method": "POST", "url": "/v1/images/generations",
    "body": {"model": "gpt-image-2" if number else "refuse", "prompt": f"barn {number}", "size": "64x64"},
}) for number in range(4))
file = client.files.create(file=("tasks.jsonl", lines.encode()), purpose="batch")
batch = client.batches.create(input_file_id=file.id, endpoint="/v1/images/generations", completion_window="24h",
                              metadata={"ours": "nightly"})
done.append(("batches.list", [found.id for found in client.batches.list() if found.metadata == {"ours": "nightly"}] == [batch.id]))
for _ in range(100):
    batch = client.batches.retrieve(batch.id)
    if batch.status == "completed":
        break
    time.sleep(0.1)
results = [json.loads(line) for line in client.files.content(batch.output_file_id).text.splitlines()]
found = {line["custom_id"]: picture(line["response"]["body"]["data"][0]["b64_json"]) for line in results}
done.append(("batches output", sorted(found) == ["task-1", "task-2", "task-3"] and len(set(found.values())) == 3))
errors = [json.loads(line) for line in client.files.content(batch.error_file_id).text.splitlines()]
done.append(("batches errors", [(line["custom_id"], line["response"]["status_code"]) for line in errors] == [("task-0", 400)]))
done.append(("batches.cancel", client.batches.cancel(batch.id).id == batch.id))

for name, good in done:
    print(f"{'ok' if good else 'FAILED'}  {name}")
failed = sum(not good for _, good in done)
print(f"{len(done) - failed} passed, {failed} failed")
sys.exit(1 if failed else 0)
