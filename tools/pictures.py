"""Make the pictures of README and docs from real runs.

Usage: .venv/bin/python tools/pictures.py RUN_FOLDER
       a folder that `verbot run` wrote: film.jpg, a strip of its film, and (with chromium) report.jpg
       a folder that `verbot eval --suite tabletop` wrote: families.jpg, how one episode of each family ended
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import av
from PIL import Image, ImageDraw

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
MOMENTS = (0.02, 0.24, 0.36, 0.62, 0.78)


def make_film_strip(film: Path, target: Path, height: int = 300) -> None:
    """A few moments of the film beside each other."""
    with av.open(str(film)) as container:
        frames = [frame.to_image() for frame in container.decode(video=0)]
    chosen = [frames[int(moment * (len(frames) - 1))] for moment in MOMENTS]
    cropped = [f.crop((60, 20, f.width - 40, 480)) for f in chosen]
    small = [f.resize((f.width * height // f.height, height)) for f in cropped]
    strip = Image.new("RGB", (sum(f.width for f in small) + 6 * (len(small) - 1), height), "white")
    left = 0
    for frame in small:
        strip.paste(frame, (left, 0))
        left += frame.width + 6
    strip.save(target, quality=85)


def make_report_picture(report: Path, target: Path, height: int = 2350) -> None:
    """The report at desktop width."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        sys.exit("No chromium found. Install it (apt-get install chromium) to picture the report.")
    with tempfile.TemporaryDirectory() as folder:
        shot = Path(folder) / "report.png"
        subprocess.run(
            [
                browser, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars",
                "--disable-background-networking", f"--user-data-dir={folder}/profile",
                f"--window-size=1120,{height}", f"--screenshot={shot}", report.resolve().as_uri(),
            ],
            check=True, capture_output=True,
        )  # fmt: skip
        Image.open(shot).convert("RGB").save(target, quality=80)


def make_families_sheet(pictures: Path, target: Path, columns: int = 6, width: int = 220) -> None:
    """The last picture of the first episode of every family, with its name."""
    files = sorted(pictures.glob("*-0-geometric-fused-planner.jpg"))
    if not files:
        sys.exit(f"{pictures} holds no pictures of seed 0. Give the folder of a finished evaluation.")
    height = width * 3 // 4
    rows = -(-len(files) // columns)
    sheet = Image.new("RGB", (columns * (width + 4), rows * (height + 18)), "white")
    draw = ImageDraw.Draw(sheet)
    for number, file in enumerate(files):
        left, top = number % columns * (width + 4), number // columns * (height + 18)
        picture = Image.open(file)
        # The table, without floor and shoulder.
        cropped = picture.crop((0, picture.height // 5, picture.width, picture.height * 19 // 20))
        sheet.paste(cropped.resize((width, height)), (left, top + 15))
        draw.text((left + 2, top + 1), file.stem.split("-")[1].replace("_", " "), fill="black")
    sheet.save(target, quality=80)


if __name__ == "__main__":
    run = Path(sys.argv[1])
    PICTURES.mkdir(parents=True, exist_ok=True)
    if (run / "results.jsonl").exists():
        make_families_sheet(run / "pictures", PICTURES / "families.jpg")
        sys.exit()
    make_film_strip(run / "episode.mp4", PICTURES / "film.jpg")
    make_report_picture(run / "report.html", PICTURES / "report.jpg")
