"""Anthropic's official Python client against the simulator: what the protocol `anthropic_messages` is made after."""

import base64
import json
import sys
import time
import urllib.request

import anthropic

url = json.loads(open(sys.argv[1]).readline())["url"]
client = anthropic.Anthropic(api_key="test-key", base_url=url.removesuffix("/v1"), max_retries=0)
done = []


def ask(model="sim-image", content="What is in a mill?", **options):
    messages = [{"role": "user", "content": content}]
    return client.messages.create(model=model, max_tokens=200, messages=messages, **options)


def failure(**options):
    try:
        ask(**options)
    except anthropic.APIStatusError as error:
        return error
    return None


said = ask()
done.append(("create", said.stop_reason == "end_turn" and "What is in a mill?" in said.content[0].text))
done.append(("usage", said.usage.input_tokens > 0 and said.usage.output_tokens > 0))
done.append(("request id", said._request_id.startswith("req_")))
done.append(("models.list", any(model.id == "sim-image" for model in client.models.list())))

body = {"model": "sim-image", "prompt": "a fox", "size": "64x48"}
request = urllib.request.Request(f"{url}/images/generations", json.dumps(body).encode(), {"Content-Type": "application/json"})
data = json.load(urllib.request.urlopen(request))["data"][0]["b64_json"]
picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}}
seen = ask(content=[picture, {"type": "text", "text": "What is this?"}])
done.append(("picture", f"png of {len(base64.b64decode(data))} bytes" in seen.content[0].text))

tool = {"name": "answer", "description": "The verdict.", "input_schema": {
    "type": "object", "required": ["keep"], "properties": {"keep": {"type": "boolean"}}}}
choice = {"type": "tool", "name": "answer"}
called = ask(tools=[tool], tool_choice=choice)
done.append(("tool", called.stop_reason == "tool_use" and isinstance(called.content[0].input["keep"], bool)))

with client.messages.stream(
        model="sim-image", max_tokens=200, messages=[{"role": "user", "content": "What is in a mill?"}]) as stream:
    text = "".join(stream.text_stream)
    last = stream.get_final_message()
done.append(("stream", text == said.content[0].text == last.content[0].text and last.usage == said.usage))
with client.messages.stream(model="sim-image", max_tokens=200, tools=[tool], tool_choice=choice,
                            messages=[{"role": "user", "content": "Keep it?"}]) as stream:
    done.append(("streamed tool", stream.get_final_message().content[0].input == called.content[0].input))

done.append(("token limit", ask(model="truncated").stop_reason == "max_tokens"))
done.append(("refusal", ask(model="refuse").stop_reason == "refusal"))
limited = failure(model="err:429")
done.append(("429", isinstance(limited, anthropic.RateLimitError) and limited.response.headers["retry-after"] == "2"))
done.append(("overloaded", failure(model="err:529").type == "overloaded_error"))
done.append(("no such model", isinstance(failure(model="none"), anthropic.NotFoundError)))
done.append(("wrong request", isinstance(failure(content=""), anthropic.BadRequestError)))

requests = [
    {"custom_id": f"task-{number}", "params": {"model": "sim-text" if number else "err:500", "max_tokens": 100,
                                              "messages": [{"role": "user", "content": "Say something."}]}}
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
print(f"official Anthropic Python client: {len(done) - len(failed)} of {len(done)} ok"
      + (f", failed: {failed}" if failed else ""))
sys.exit(1 if failed else 0)
