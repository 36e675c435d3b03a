"""`verbot bench mapping`, and part of `verbot bench perception`: our map beside Open3D's.

In:  how many pictures at most.
Out: rows: CPU time and surface error against VoxelBlockGrid, what free space costs; CUDA times where there is CUDA.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .bench import Row, measure_apart

PICTURES = 40
PEERS = {"examples": "as in its examples", "tuned": "with our blocks and band"}
CUDA_BARS_MS = {"dense": ("64 robots × 128³ voxels", 1.2), "sparse": ("256 robots × 446 blocks at 1 cm", 4.0)}


def bench(num_episodes: int) -> Iterator[Row]:
    """Every row."""
    pictures = max(10, min(PICTURES, num_episodes))
    found = measure_apart("verbot.agent.bench_mapping", pictures)
    what = f"({pictures} pictures 640×480 of a room at 1 cm, with colour)"
    for peer, how in PEERS.items():
        name = f"open3d {found['version']} VoxelBlockGrid {how}"
        yield _ratio(f"mapping: CPU time a picture {what}", found["ours"], found[peer], name, "ms", 0.8)
        yield _ratio(f"mapping: surface error, mean {what}", found["ours"], found[peer], name, "mean_mm", 1.05)
        yield _ratio(
            f"mapping: CPU time a picture, free space too {what}",
            found["ours_with_space"],
            found[peer],
            name,
            "ms",
            0.8,
        )
    eager_ms = round(found["eager_ms"], 2)
    yield Row("mapping: CPU time a picture where nothing can be compiled", eager_ms, "CPU time", "ms", "none", True)
    for name, (sizes, bar_ms) in CUDA_BARS_MS.items():
        if "cuda_ms" in found:
            ms = round(found["cuda_ms"][name], 3)
            yield Row(f"mapping on CUDA: {sizes}", ms, "device time", "ms", f"<= {bar_ms:g}", ms <= bar_ms)


def _ratio(row: str, ours: dict[str, Any], theirs: dict[str, Any], name: str, key: str, most: float) -> Row:
    ratio = ours[key] / theirs[key]
    unit = key.removeprefix("mean_")
    return Row(
        row, round(ours[key], 3), f"{name}: {theirs[key]:.4g}", unit, f"<= {most:g}×", ratio <= most, round(ratio, 3)
    )
