"""Merges into LanceDB by `imagemill collections sync`, read by Python's lancedb: keyed rows, versions, undo, and what `kill -9` in the
midst of a merge leaves. Needs an imagemill that was built with the feature `lance`."""

import json
import os
import random
import signal
import struct
import subprocess
import sys
import tempfile
import time
import zlib

import lancedb

IMAGEMILL = os.environ["IMAGEMILL"]
COUNT = int(os.environ.get("COUNT", "24"))
done = []


def png(number):
    draw = random.Random(number)
    rows = b"".join(b"\0" + bytes(draw.randrange(256) for _ in range(16 * 3)) for _ in range(16))

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", 16, 16, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


with tempfile.TemporaryDirectory() as root:
    lake = os.path.join(root, "lake")

    def mill(*arguments, code=0):
        ran = subprocess.run([IMAGEMILL, *arguments], cwd=root, capture_output=True, text=True)
        assert ran.returncode == code, (arguments, ran.returncode, ran.stdout, ran.stderr)
        return ran.stdout

    def table():
        return lancedb.connect(lake).open_table("korean")

    def accept(first, last):
        """Takes pictures in and has their critiques written."""
        folder = os.path.join(root, f"photos-{first}")
        os.makedirs(folder)
        for number in range(first, last):
            with open(os.path.join(folder, f"{number:05}.png"), "wb") as file:
                file.write(png(number))
        mill("collections", "add", "korean", folder)
        mill("collections", "run", "korean", "--profile", "simulator", "--count", "1000")

    accept(0, COUNT)
    planned = json.loads(mill("collections", "sync", "korean", "--lance", "lake", "--dry-run", "--json"))
    done.append(("dry run", len(planned["new"]) == COUNT and planned["version"] == 0 and not os.path.exists(os.path.join(lake, "korean.lance"))))
    first = json.loads(mill("collections", "sync", "korean", "--lance", "lake", "--json"))
    rows = table().to_arrow().to_pylist()
    done.append(("merge", len(rows) == COUNT and first["version"] == table().version))
    done.append(("keys", len({(row["culture"], row["image_blake3"]) for row in rows}) == COUNT))
    done.append(("columns", all(len(row["covered_dimensions"]) >= 18 and row["critique_zh"] and row["authorship"] == "model" for row in rows)))
    mill("collections", "sync", "korean", "--lance", "lake", "--all")
    done.append(("upsert", table().count_rows() == COUNT))
    same = json.loads(mill("collections", "sync", "korean", "--lance", "lake", "--dry-run", "--json"))
    done.append(("difference", (same["same"], same["new"], same["changed"]) == (COUNT, [], [])))

    # A second merge, taken back and made again.
    accept(COUNT, COUNT + 6)
    mill("collections", "sync", "korean", "--lance", "lake")
    done.append(("second merge", table().count_rows() == COUNT + 6))
    ids = lambda: {row["image_blake3"]: (row["pair_id"], row["ulid"]) for row in table().to_arrow().to_pylist()}
    minted = ids()
    undone = json.loads(mill("collections", "undo", "korean", "--json"))
    done.append(("undo", undone["rows"] == 6 and table().count_rows() == COUNT))
    mill("collections", "sync", "korean", "--lance", "lake")
    done.append(("again", table().count_rows() == COUNT + 6))
    done.append(("ids are minted once", ids() == minted))

    # A row that a person changed after its merge goes with the next one, and nothing else does.
    with open(os.path.join(root, "checkpoints", "korean_accepted.jsonl")) as file:
        row = json.loads(file.readline())
    row["critique_en"] += " The seal is red."
    with open(os.path.join(root, "changed.json"), "w") as file:
        json.dump([row], file)
    mill("collections", "edit", "korean", "changed.json", "--author", "ann")
    told = json.loads(mill("collections", "sync", "korean", "--lance", "lake", "--json"))
    changed = [row for row in table().to_arrow().to_pylist() if row["critique_en"].endswith("The seal is red.")]
    done.append(("an edited row goes again", (told["merged"], len(changed), table().count_rows()) == (1, 1, COUNT + 6)))
    done.append(("and keeps its ids", ids() == minted))

    # Kill -9 at many moments of a merge: the table is the old or the new one, and the next merge goes on.
    known = COUNT + 6
    accept(known, known + 4)
    timed = time.monotonic()
    mill("collections", "sync", "korean", "--lance", "lake")
    length = time.monotonic() - timed
    known += 4
    states = set()
    for turn in range(int(os.environ.get("KILLS", "12"))):
        accept(known, known + 4)
        merge = subprocess.Popen([IMAGEMILL, "collections", "sync", "korean", "--lance", "lake"], cwd=root,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(length * (turn + 1) / 12)
        merge.send_signal(signal.SIGKILL)
        merge.wait()
        found = table().count_rows()
        assert found in (known, known + 4), (turn, found, known)
        states.add(found - known)
        mill("collections", "sync", "korean", "--lance", "lake")
        known += 4
        assert table().count_rows() == known, turn
    done.append(("kill -9 leaves the old or the new version", True))
    undone = json.loads(mill("collections", "undo", "korean", "--json"))
    done.append(("a merge that was cut and done again can be taken back", table().count_rows() == known - 4 and undone["rows"] == 4))

    # A collection that says where its rows go merges by itself; vectors are a column as soon as a row has one.
    with open(os.path.join(root, "imagemill.toml"), "w") as file:
        file.write('[collections.indian]\nlance = "lake"\n')
    mill("collections", "add", "indian", os.path.join(root, "photos-0"))
    mill("collections", "run", "indian", "--profile", "simulator", "--count", "1000")
    indian = lancedb.connect(lake).open_table("indian")
    done.append(("a run merges at its end", indian.count_rows() == COUNT))
    path = os.path.join(root, "checkpoints", "indian_accepted.jsonl")
    with open(path) as file:
        edited = [json.loads(line) for line in file]
    for at, row in enumerate(edited):
        row["embedding"] = [float(at), 1.0, 0.5]
    with open(os.path.join(root, "edited.json"), "w") as file:
        json.dump(edited, file)
    mill("collections", "import", "indian", "edited.json")
    planned = json.loads(mill("collections", "sync", "indian", "--dry-run", "--json"))
    done.append(("changed rows are told", len(planned["changed"]) == COUNT))
    mill("collections", "sync", "indian")
    indian = lancedb.connect(lake).open_table("indian")
    nearest = indian.search([5.1, 1.0, 0.5], vector_column_name="embedding").limit(1).to_list()
    done.append(("vectors are searched", nearest[0]["embedding"] == [5.0, 1.0, 0.5] and indian.count_rows() == COUNT))

failed = [name for name, good in done if not good]
print(f"lancedb: {len(done) - len(failed)} of {len(done)} as expected, killed merges left {sorted(states)} of 4 rows" + (f", failed: {failed}" if failed else ""))
sys.exit(bool(failed))
