"""Replicate's official Python client against the simulator: what the protocol `replicate` is made after."""

import base64
import io
import json
import sys
import urllib.request

import replicate
from replicate.exceptions import ModelError, ReplicateError

address = json.loads(open(sys.argv[1]).readline())["url"].removesuffix("/v1")
client = replicate.Client(api_token="test-key", base_url=f"{address}/replicate")
asked = {"prompt": "a lighthouse at night", "width": 64, "height": 48}
done = []


def fetch(link):
    data = urllib.request.urlopen(link).read()
    assert data.startswith(b"\x89PNG"), data[:16]
    return data


def create(name, **options):
    return client.models.predictions.create(model=("imagemill", name), input=asked, **options)


def raised(kind, call):
    try:
        call()
    except kind as error:
        return error
    return None


made = create("sim-image")
started = made.status
made.wait()
picture = fetch(made.output[0])
done.append(("create, wait, output", started == "starting" and made.status == "succeeded" and made.error is None))
done.append(("get", client.predictions.get(made.id).output == made.output))
done.append(("create and wait in one", create("sim-image", wait=5).status == "succeeded"))
done.append(("by version", client.predictions.create(version="sim-image", input=asked).status == "starting"))
done.append(("list", client.predictions.list().results[0].input["prompt"] == asked["prompt"]))

source = "data:image/png;base64," + base64.b64encode(picture).decode()
two = client.run("imagemill/sim-image-edit", input={"prompt": "make it snow", "input_image": source, "num_outputs": 2})
done.append(("run with a source", len(two) == 2 and fetch(str(two[0])) != picture))
given = client.run("imagemill/sim-image-edit", input={"prompt": "night", "image": io.BytesIO(picture)},
                   file_encoding_strategy="base64")
done.append(("run with a file", fetch(str(given[0])) != picture))

events = [event.event.value for event in create("sim-image").stream()]
done.append(("stream", events == ["output", "done"]))

stuck = create("stuck")
stuck.cancel()
done.append(("cancel", stuck.status == "canceled"))

error = raised(ModelError, lambda: client.run("imagemill/nsfw", input=asked))
done.append(("a run that was refused", error is not None and "NSFW" in error.prediction.error))
error = raised(ModelError, lambda: client.run("imagemill/job-fails", input=asked))
done.append(("a run that failed", error is not None and "on purpose" in error.prediction.error))
error = raised(ReplicateError, lambda: client.run("imagemill/sim-image", input={"width": 64}))
done.append(("wrong input", error is not None and error.status == 422 and "prompt" in error.detail))
done.append(("no such model", raised(ReplicateError, lambda: create("none")).status == 404))

failed = [name for name, ok in done if not ok]
print(f"official Replicate Python client: {len(done) - len(failed)} of {len(done)} ok"
      + (f", failed: {failed}" if failed else ""))
sys.exit(1 if failed else 0)
