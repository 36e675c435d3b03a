"""Write the figures and the picture of the real recordings: python tests/benchmarks/recordings.py --out docs."""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from verbot.agent.bench import make_report, measure_apart
from verbot.agent.bench_recordings import find_data, rows_of
from verbot.agent.recordings.picture import recordings_svg


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, default=Path("docs"))
    folder = parser.parse_args().out
    if find_data() is None:
        raise SystemExit(
            "No shared/data here or above: run this in the project's folder, with the recordings beside it."
        )
    found = measure_apart("verbot.agent.bench_recordings", 0)
    rows = list(rows_of(found))
    for row in rows:
        print("ok  " if row.holds else "FAIL", json.dumps(asdict(row), ensure_ascii=False))
    report = make_report("perception", rows) | {"found": found}
    text = json.dumps(report, indent=1, ensure_ascii=False) + "\n"
    (folder / "benchmarks" / "perception_recordings.json").write_text(text, encoding="utf-8")
    (folder / "pictures" / "recordings.svg").write_text(recordings_svg(found), encoding="utf-8")


if __name__ == "__main__":
    main()
