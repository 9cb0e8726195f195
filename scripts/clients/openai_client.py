"""OpenAI's official Python client against the simulator: every way of getting a picture, as a user would write it."""

import base64
import io
import json
import sys

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

try:
    client.images.generate(model="err:429", prompt="too much")
    done.append(("429 is an error", False))
except APIStatusError as error:
    done.append(("429 is an error", error.status_code == 429))

for name, good in done:
    print(f"{'ok' if good else 'FAILED'}  {name}")
failed = sum(not good for _, good in done)
print(f"{len(done) - failed} passed, {failed} failed")
sys.exit(1 if failed else 0)
