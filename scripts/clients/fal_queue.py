"""fal's official Python client against the simulator: what the protocol `fal` is made after."""

import json
import sys
import urllib.request

import fal_client
from fal_client import client as addresses

address = json.loads(open(sys.argv[1]).readline())["url"].removesuffix("/v1")
# The client takes another host from its environment, but only over TLS.
addresses.QUEUE_URL_FORMAT = f"{address}/fal/"
client = fal_client.SyncClient(key="test-key")
asked = {"prompt": "a lighthouse at night", "image_size": {"width": 64, "height": 48}}
done = []


def fetched(result):
    return all(urllib.request.urlopen(image["url"]).read().startswith(b"\x89PNG") for image in result["images"])


def failure(call):
    try:
        call()
    except fal_client.FalClientHTTPError as error:
        return error
    return None


handle = client.submit("imagemill/sim-image", asked)
events = list(handle.iter_events(with_logs=True))
done.append(("submit and status", isinstance(events[-1], fal_client.Completed) and events[-1].error is None))
done.append(("result", fetched(handle.get())))
done.append(("result by id", fetched(client.result("imagemill/sim-image", handle.request_id))))

seen = []
result = client.subscribe("imagemill/sim-image", {**asked, "num_images": 2}, with_logs=True, on_queue_update=seen.append)
done.append(("subscribe", len(result["images"]) == 2 and fetched(result) and isinstance(seen[-1], fal_client.Completed)))

waiting = client.submit("imagemill/stuck", asked)
before = isinstance(waiting.status(with_logs=True), fal_client.InProgress)
waiting.cancel()
done.append(("cancel", before and isinstance(waiting.status(), fal_client.Completed)))
done.append(("cancel twice", failure(waiting.cancel).status_code == 400))

failed = client.submit("imagemill/job-fails", asked)
error = failure(failed.get)
done.append(("a run that failed", failed.status().error is not None and error.error_type == "internal_error"))

error = failure(lambda: client.submit("imagemill/refuse", asked))
done.append(("refusal", error.status_code == 422 and error.message[0]["type"] == "content_policy_violation"))
error = failure(lambda: client.submit("imagemill/sim-image", {"image_size": "square"}))
done.append(("wrong input", error.status_code == 422 and error.message[0]["loc"] == ["body", "prompt"]))
done.append(("no such model", failure(lambda: client.submit("imagemill/none", asked)).status_code == 404))

failed = [name for name, ok in done if not ok]
print(f"official fal Python client: {len(done) - len(failed)} of {len(done)} ok" + (f", failed: {failed}" if failed else ""))
sys.exit(1 if failed else 0)
