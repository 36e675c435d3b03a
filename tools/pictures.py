"""Make the pictures of README and docs from one real run: a strip of film frames and the report as a browser shows it.

Usage: .venv/bin/python tools/pictures.py RUN_FOLDER   (a folder that `verbot run` wrote; chromium for the report)
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import av
from PIL import Image

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


if __name__ == "__main__":
    run = Path(sys.argv[1])
    PICTURES.mkdir(parents=True, exist_ok=True)
    make_film_strip(run / "episode.mp4", PICTURES / "film.jpg")
    make_report_picture(run / "report.html", PICTURES / "report.jpg")
