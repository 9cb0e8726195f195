"""Google's official Python client against the simulator: what the protocol `gemini` is made after."""

import json
import sys
import tempfile
import time

from google import genai
from google.genai import errors, types

address = json.loads(open(sys.argv[1]).readline())["url"].removesuffix("/v1")
# One try: the simulator's answers are to be seen as they are.
options = types.HttpOptions(base_url=address, api_version="v1beta", retry_options=types.HttpRetryOptions(attempts=1))
client = genai.Client(api_key="test-key", http_options=options)
done = []


def pictures(answer):
    return [part.inline_data for part in answer.candidates[0].content.parts if part.inline_data]


done.append(("models.list", any(model.name == "models/sim-image" for model in client.models.list())))

config = types.GenerateContentConfig(
    response_modalities=["TEXT", "IMAGE"], image_config=types.ImageConfig(aspect_ratio="16:9", image_size="1K"), seed=7)
answer = client.models.generate_content(model="sim-image", contents="a lighthouse at night", config=config)
[first] = pictures(answer)
done.append(("generate_content", first.data.startswith(b"\x89PNG") and first.mime_type == "image/png"))
details = answer.usage_metadata.candidates_tokens_details[0]
done.append(("usage", details.modality == types.MediaModality.IMAGE and details.token_count > 0))

source = types.Part.from_bytes(data=first.data, mime_type="image/png")
edited = client.models.generate_content(model="sim-image", contents=["make it snow", source])
done.append(("edit", pictures(edited)[0].data != first.data))

refused = client.models.generate_content(model="refuse", contents="x")
done.append(("refusal", refused.prompt_feedback.block_reason == types.BlockedReason.PROHIBITED_CONTENT))

none = client.models.generate_content(model="n-1", contents="x")
done.append(("no picture", none.candidates[0].finish_reason == types.FinishReason.NO_IMAGE))

try:
    client.models.generate_content(model="err:429", contents="x")
    done.append(("429", False))
except errors.ClientError as error:
    delays = [detail.get("retryDelay") for detail in error.details["error"]["details"]]
    done.append(("429", error.code == 429 and error.status == "RESOURCE_EXHAUSTED" and delays == ["2s"]))

with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as lines:
    for number in range(3):
        request = {"contents": [{"role": "user", "parts": [{"text": f"barn {number}"}]}],
                   "generationConfig": {"responseModalities": ["TEXT", "IMAGE"]}}
        lines.write(json.dumps({"key": f"task-{number}", "request": request}) + "\n")
    lines.flush()
    file = client.files.upload(file=lines.name, config=types.UploadFileConfig(mime_type="jsonl"))
job = client.batches.create(model="sim-image", src=file.name, config={"display_name": "nightly"})
done.append(("batches.list", [found.name for found in client.batches.list() if found.display_name == "nightly"] == [job.name]))
for _ in range(100):
    job = client.batches.get(name=job.name)
    if job.state == types.JobState.JOB_STATE_SUCCEEDED:
        break
    time.sleep(0.1)
results = [json.loads(line) for line in client.files.download(file=job.dest.file_name).decode().splitlines()]
shown = {line["key"]: line["response"]["candidates"][0]["content"]["parts"][1]["inlineData"]["data"] for line in results}
done.append(("batches", sorted(shown) == ["task-0", "task-1", "task-2"] and len(set(shown.values())) == 3))
inline = client.batches.create(model="refuse", src=[{"contents": "x"}])
client.batches.cancel(name=inline.name)
done.append(("batches.cancel", inline.name != job.name))

failed = [name for name, ok in done if not ok]
print(f"official google-genai client: {len(done) - len(failed)} of {len(done)} ok" + (f", failed: {failed}" if failed else ""))
sys.exit(1 if failed else 0)
