"""Decks written by `imagemill deck`, opened by python-pptx: shape, pictures byte for byte, titles, alternative texts, notes. One is a folder
of another program, one is made from a topic against the simulator, with its own PDF. With LibreOffice on the machine both become PDFs, too."""

import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib

from pptx import Presentation

IMAGEMILL = os.environ["IMAGEMILL"]


def png(width, height, colour):
    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    rows = (b"\0" + bytes(colour) * width) * height
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def page(number, kind, title):
    body = ["one", "two", "three"] if kind in ("section", "content", "data") else []
    callouts = ["40 %", "3 天"] if kind == "data" else []
    return {"page_no": number, "page_type": kind, "title": title, "key_points": ["one", "two", "three"], "narrative": "告诉听众的话 <&>",
            "visual_hints": "a lighthouse", "on_page_text": {"headline": title, "body_points": body, "callouts": callouts}}


with tempfile.TemporaryDirectory() as root:
    deck = os.path.join(root, "灯塔")
    os.makedirs(os.path.join(deck, "pages"))
    kinds = ["title", "section", "content", "data", "closing"]
    pages = [page(number, kind, f"第 {number} 页 \"{kind}\" & <more>") for number, kind in enumerate(kinds, 1)]
    with open(os.path.join(deck, "task_pack.json"), "w") as file:
        json.dump({"deck_id": "灯塔", "params": {"page_count": 5, "language": "zh-Hans"}, "created_at": "2026-01-02T03:04:05Z"}, file)
    with open(os.path.join(deck, "outline.json"), "w") as file:
        json.dump({"ppt_title": "灯塔 & <light>", "language": "zh", "pages": pages}, file)
    shapes = {1: (320, 180), 2: (300, 300), 3: (640, 100), 5: (200, 400)}
    for number, (width, height) in shapes.items():
        with open(os.path.join(deck, "pages", f"page_{number:03}.png"), "wb") as file:
            file.write(png(width, height, (number * 40, 90, 160)))
    done = subprocess.run([IMAGEMILL, "deck", "pptx", deck, "--missing", "text", "--json"], capture_output=True, text=True)
    assert done.returncode == 1, done
    told = json.loads(done.stdout)
    assert told["total_slides"] == 5 and told["missing_pages"] == [4], told
    opened = Presentation(told["output"])
    assert (opened.slide_width, opened.slide_height) == (12192000, 6858000)
    assert opened.core_properties.title == "灯塔 & <light>" and opened.core_properties.language == "zh-CN"
    for number, slide in enumerate(opened.slides, 1):
        outline = pages[number - 1]
        assert slide.shapes.title.text == outline["title"], slide.shapes.title.text
        assert "告诉听众的话 <&>" in slide.notes_slide.notes_text_frame.text
        pictures = [shape for shape in slide.shapes if shape.shape_type is not None and "PICTURE" in str(shape.shape_type)]
        assert len(pictures) == (0 if number == 4 else 1), pictures
        for picture in pictures:
            with open(os.path.join(deck, "pages", f"page_{number:03}.png"), "rb") as file:
                assert picture.image.blob == file.read(), "byte for byte"
            assert (picture.left, picture.top, picture.width, picture.height) == (0, 0, 12192000, 6858000)
            seen = [1 - picture.crop_left - picture.crop_right, 1 - picture.crop_top - picture.crop_bottom]
            width, height = shapes[number]
            assert abs(seen[0] * width / (seen[1] * height) - 16 / 9) < 0.001, (number, seen)
            assert outline["title"] in picture._element.nvPicPr.cNvPr.get("descr")
    print("python-pptx opens the deck: 5 slides, 4 pictures byte for byte, titles, notes")
    made = os.path.join(root, "made")
    topic = "How green tea is made: pick the leaves, steam them for 90 seconds, roll them, dry them"
    run = lambda *arguments: subprocess.run([IMAGEMILL, "deck", *arguments], cwd=root, capture_output=True, text=True, timeout=240)
    done = run("new", topic, "--pages", "6", "--output", made)
    assert done.returncode == 0, done
    done = run("run", made, "--profile", "simulator", "--size", "320x180", "--pdf", "--yes")
    assert done.returncode == 0, done
    opened = Presentation(os.path.join(made, "made.pptx"))
    assert len(opened.slides) == 6
    for number, slide in enumerate(opened.slides, 1):
        [picture] = [shape for shape in slide.shapes if shape.shape_type is not None and "PICTURE" in str(shape.shape_type)]
        with open(os.path.join(made, "pages", f"page_{number:03}.png"), "rb") as file:
            assert picture.image.blob == file.read(), "byte for byte"
        assert slide.shapes.title.text and slide.notes_slide.notes_text_frame.text
    with open(os.path.join(made, "made.pdf"), "rb") as file:
        own = file.read()
    assert len(re.findall(rb"/Type\s*/Page[^s]", own)) == 6 and b"/MediaBox [0 0 960 540]" in own and b"/Outlines" in own
    print("a deck from a topic: 6 slides with pictures, titles and notes, and a PDF of 6 pages")
    office = shutil.which("soffice") or shutil.which("libreoffice")
    if office:
        subprocess.run([office, "--headless", "--convert-to", "pdf", "--outdir", root, told["output"]], check=True, capture_output=True,
                       timeout=240)
        target = os.path.join(root, "office")
        subprocess.run([office, "--headless", "--convert-to", "pdf", "--outdir", target, os.path.join(made, "made.pptx")], check=True,
                       capture_output=True, timeout=240)
        for name, pages in ((os.path.join(root, "灯塔.pdf"), 5), (os.path.join(target, "made.pdf"), 6)):
            with open(name, "rb") as file:
                counts = re.findall(rb"/Type\s*/Page[^s]", file.read())
            assert len(counts) == pages, (name, counts)
        print("LibreOffice makes PDFs of 5 and of 6 pages of them")
    else:
        print("SKIPPED LibreOffice: soffice is not installed (Debian: apt-get install libreoffice-impress)")
