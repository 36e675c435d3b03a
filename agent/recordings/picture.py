"""One picture of what the real recordings gave, made from the figures alone.

In:  what bench_recordings measured.
Out: SVG text; no frame of the recordings is in it.
"""

from __future__ import annotations

from typing import Any

from .curves import Curve, Panel, picture_svg

MILLIMETRES = 1000.0
LOG_NAMES: dict[str, str] = {"imu_trajectory": "hand-held IMU, 100 Hz", "road_imu_gnss": "phone IMU in a car"}


def recordings_svg(found: dict[str, Any]) -> str:
    """A panel for each part that was measured."""
    panels = [_inertia_panel(LOG_NAMES[name], log) for name, log in found.get("inertia", {}).items()]
    if "drive" in found:
        panels.append(_drive_panel(found["drive"]))
    if "deskew" in found:
        worst = max(found["deskew"], key=lambda sweep: sweep["raw_m"])
        panels.append(_deskew_panel(worst))
    return picture_svg("Perception on real recordings", panels)


def _inertia_panel(name: str, log: dict[str, Any]) -> Panel:
    kinds = (
        ("ours", "ours", False),
        ("gtsam", "gtsam", True),
        ("ours_unbiased", "ours, bias off", False),
        ("gtsam_unbiased", "gtsam, bias off", True),
    )
    curves = tuple(
        Curve(label, tuple(log["spans_s"]), tuple(MILLIMETRES * m for m in log[key]["mean_m"]), dashed)
        for key, label, dashed in kinds
    )
    return Panel(f"{name}: dead reckoning, {log['starts']} starts", "seconds", "mean error, mm", curves, is_log=True)


def _drive_panel(drive: dict[str, Any]) -> Panel:
    names = {"ours": "ours", "kiss": "KISS-ICP", "gicp": "small_gicp"}
    curves = []
    for key, label in names.items():
        path = drive[key]["path_m"]
        gone = tuple(float((x * x + y * y) ** 0.5) for x, y in path)
        curves.append(Curve(label, tuple(float(k) / 10.0 for k in range(len(path))), gone, key in ("kiss", "gicp")))
    return Panel("KITTI, creeping in traffic: way from the start", "seconds", "metres", tuple(curves))


def _deskew_panel(sweep: dict[str, Any]) -> Panel:
    names = {"raw": "raw", "even": "one even motion", "path": "ten moments"}
    curves = tuple(
        Curve(
            label,
            tuple(MILLIMETRES * s for s in sweep["times_s"]),
            tuple(max(MILLIMETRES * m, 0.1) for m in sweep[f"{key}_over_time_m"]),
        )
        for key, label in names.items()
    )
    degrees = sweep["turned_rad"] * 57.29578
    return Panel(f"Newer College: a sweep that turned by {degrees:.0f}°", "ms", "error, mm", curves, is_log=True)
