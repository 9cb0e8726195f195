"""Google's official Python client against the simulator: what the protocol `gemini` is made after."""

import json
import sys

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

failed = [name for name, ok in done if not ok]
print(f"official google-genai client: {len(done) - len(failed)} of {len(done)} ok" + (f", failed: {failed}" if failed else ""))
sys.exit(1 if failed else 0)
