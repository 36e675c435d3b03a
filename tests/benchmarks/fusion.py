"""Write the figures and the picture of fusion: python tests/benchmarks/fusion.py --looks 300 --out docs."""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from verbot.agent.bench import make_report, measure_apart
from verbot.agent.bench_fusion_rows import rows_of
from verbot.agent.recordings.curves import Curve, Panel, picture_svg

SHARES = tuple(float(10 * tenth) for tenth in range(1, 10))


def fusion_svg(found: dict) -> str:
    """How many objects are placed how well: each kind of fusion; one kind alone and together."""
    kinds = found["kinds"]

    def curve(label: str, row: dict, dashed: bool = False) -> Curve:
        return Curve(label, SHARES, tuple(row["deciles_mm"]), dashed)

    every = tuple(curve(kind, rows["everything there"], kind == "weighted") for kind, rows in kinds.items())
    rig = "moving, sensors as they come, "
    alone = tuple(curve(s, kinds["gated"][rig + s], s != "all") for s in ("all", "cameras only", "lidar only"))
    panels = [
        Panel("all looks, by kind of fusion", "% of the objects", "error at most, mm", every, is_log=True),
        Panel("gated, wrist in motion", "% of the objects", "error at most, mm", alone, is_log=True),
    ]
    return picture_svg("Fusion of cameras and LiDAR", panels)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--looks", type=int, default=300)
    parser.add_argument("--out", type=Path, default=Path("docs"))
    args = parser.parse_args()
    found = measure_apart("verbot.agent.bench_fusion", args.looks)
    rows = list(rows_of(found))
    for row in rows:
        print("ok  " if row.holds else "FAIL", json.dumps(asdict(row), ensure_ascii=False))
    text = json.dumps(make_report("fusion", rows) | {"found": found}, indent=1, ensure_ascii=False) + "\n"
    (args.out / "benchmarks" / "perception_fusion.json").write_text(text, encoding="utf-8")
    (args.out / "pictures" / "fusion.svg").write_text(fusion_svg(found), encoding="utf-8")


if __name__ == "__main__":
    main()
