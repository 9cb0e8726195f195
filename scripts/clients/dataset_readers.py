"""Data sets written by `imagemill export`, read by the programs that they are for: pyarrow, Hugging Face's datasets, webdataset.
With no argument but the simulator's file, everything is made in a temporary workspace."""

import csv
import hashlib
import json
import os
import struct
import subprocess
import tempfile
import zlib

# Before the import that reads it: what an earlier run cached names pictures that are gone.
CACHE = tempfile.TemporaryDirectory()
os.environ["HF_HOME"] = CACHE.name

import datasets
import pyarrow.parquet as parquet
import webdataset

IMAGEMILL = os.environ["IMAGEMILL"]
COUNT = 8
done = []


def png(number):
    """A picture that looks like no other: blocks whose brightness the number tells."""
    draw = (number * 2654435761) & 0xFFFFFFFF
    rows = b""
    for y in range(64):
        cells = [255 * ((draw >> ((y // 16) * 8 + x // 8)) & 1) for x in range(64)]
        rows += b"\0" + bytes(value for cell in cells for value in (cell, 255 - cell, 90))

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", 64, 64, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


with tempfile.TemporaryDirectory() as root:
    datasets.disable_progress_bars()

    def mill(*arguments):
        ran = subprocess.run([IMAGEMILL, *arguments], cwd=root, capture_output=True, text=True)
        assert ran.returncode == 0, (arguments, ran.stdout, ran.stderr)
        return ran.stdout

    def export(kind, name, form, *more):
        to = os.path.join(root, f"{kind}-{form}")
        mill("export", kind, name, "--as", form, "--to", to, "--license", "cc-by-4.0", *more)
        mill("export", "check", to)
        return to

    def lines(path):
        with open(path) as file:
            return [json.loads(line) for line in file]

    os.makedirs(os.path.join(root, "photos"))
    for number in range(1, COUNT + 1):
        with open(os.path.join(root, "photos", f"{number:03}_start.png"), "wb") as file:
            file.write(png(number))
    mill("edit", "photos", "--prompt", "make it night", "--profile", "simulator", "--name", "night", "--no-save")
    mill("collections", "add", "korean", "photos")
    mill("collections", "run", "korean", "--profile", "simulator")
    mill("collections", "sync", "korean")

    # pyarrow: columns, types, and bytes that are those of the ledger.
    folder = export("pictures", "night", "parquet", "--validation", "0.25")
    table = parquet.read_table(os.path.join(folder, "data"))
    rows = table.to_pylist()
    done.append(("pyarrow: rows", len(rows) == COUNT and {row["split"] for row in rows} == {"train", "validation"}))
    done.append(("pyarrow: bytes", all(hashlib.sha256(row["image"]["bytes"]).hexdigest() == row["sha256"] for row in rows)))
    types = {field.name: str(field.type) for field in table.schema}
    done.append(("pyarrow: types", (types["caption"], types["width"], types["cost_usd"], types["sources"])
                 == ("string", "int64", "double", "list<element: string not null>")))

    # datasets: the card names the parts, the metadata say what is a picture.
    read = datasets.load_dataset(folder)
    done.append(("datasets: parquet parts", (len(read["train"]), len(read["validation"])) == (6, 2)))
    first = read["train"][0]
    done.append(("datasets: parquet shows pictures", first["image"].size == (64, 64) and first["control"].size == (64, 64)))
    done.append(("datasets: lists", isinstance(first["sources"], list) and first["sources"][0].endswith("_start.png")))
    read = datasets.load_dataset(export("pictures", "night", "imagefolder", "--validation", "0.25"))
    first = read["train"][0]
    done.append(("datasets: imagefolder", len(read["train"]) == 6 and len(read["validation"]) == 2
                 and first["image"].size == (64, 64) and first["caption"] == "make it night"))
    done.append(("datasets: imagefolder pairs", first["control"].size == (64, 64)))
    read = datasets.load_dataset(export("pictures", "night", "jsonl"))
    done.append(("datasets: lines", len(read["train"]) == COUNT and read["train"][0]["license"] == "cc-by-4.0"))
    read = datasets.load_dataset(export("pictures", "night", "csv"))
    done.append(("datasets: CSV", len(read["train"]) == COUNT))
    with open(os.path.join(root, "pictures-csv", "train.csv"), newline="") as file:
        done.append(("csv", [row["caption"] for row in csv.DictReader(file)] == ["make it night"] * COUNT))

    # webdataset: files of one key are one example.
    folder = export("pictures", "night", "webdataset", "--shard-mb", "1")
    shards = sorted(os.path.join(folder, name) for name in os.listdir(folder) if name.endswith(".tar"))
    examples = list(webdataset.WebDataset(shards, shardshuffle=False).decode("pil"))
    done.append(("webdataset: examples", len(examples) == COUNT))
    one = examples[0]
    done.append(("webdataset: pictures", one["png"].size == (64, 64) and one["control.png"].size == (64, 64)))
    done.append(("webdataset: words", one["txt"] == "make it night" and one["json"]["job"] == "night"))
    read = datasets.load_dataset(folder, split="train")
    done.append(("datasets: webdataset", len(read) == COUNT and read[0]["txt"] == "make it night"))

    # Critiques: the same rows everywhere.
    table = parquet.read_table(os.path.join(export("critiques", "korean", "parquet"), "data"))
    rows = table.to_pylist()
    done.append(("critiques: parquet", len(rows) == COUNT and all(len(row["covered_dimensions"]) >= 18 for row in rows)))
    written = lines(os.path.join(export("critiques", "korean", "jsonl", "--no-pictures"), "train.jsonl"))
    done.append(("critiques: lines", [{key: row[key] for key in written[0]} for row in rows] == written))
    read = datasets.load_dataset(os.path.join(root, "critiques-parquet"), split="train")
    done.append(("critiques: datasets", read[0]["image"].size == (64, 64) and read[0]["critique_zh"] == written[0]["critique_zh"]
                 and read[0]["covered_dimensions"] == written[0]["covered_dimensions"]))

failed = [name for name, good in done if not good]
print(f"readers of data sets: {len(done) - len(failed)} of {len(done)} as expected" + (f", failed: {failed}" if failed else ""))
raise SystemExit(bool(failed))
