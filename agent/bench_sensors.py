"""`verbot bench sensors`: our camera and LiDAR beside PyBullet's own.

In:  how many frames.
Out: rows: RGB-D at two resolutions and a LiDAR sweep, each against what PyBullet's users call; then the same with
     equal meshes, and how far the depths differ there. Measured in a process of its own, on one thread.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator

from .bench import Row, measure_apart

FRAMES = 60
MAX_DEPTH_MM = 3.0
# What is measured, the peer's name in Comparison, the row, what it is against, how many times faster it must be
# (None: stated only).
SPEEDS: tuple[tuple[str, str, str, str, float | None], ...] = (
    ("camera_128", "own", "RGB-D 128×128", "TinyRenderer, robot drawn from its URDF's visual meshes", 6.0),
    ("camera_640", "own", "RGB-D 640×480", "TinyRenderer, robot drawn from its URDF's visual meshes", 1.5),
    ("lidar", "arrays", "LiDAR 64×1024", "rayTestBatch of 8192, arrays in, physical world", 60.0),
    ("camera_128", "same", "RGB-D 128×128, equal meshes", "TinyRenderer, our simplified meshes", None),
    ("camera_640", "same", "RGB-D 640×480, equal meshes", "TinyRenderer, our simplified meshes", None),
    (
        "lidar",
        "lists",
        "LiDAR 64×1024, lists",
        "rayTestBatch of 8192, lists in as in its examples, physical world",
        None,
    ),
    ("lidar", "same", "LiDAR 64×1024, equal meshes", "rayTestBatch of 8192, arrays in, our meshes as triangles", None),
)


def bench(num_episodes: int) -> Iterator[Row]:
    """Every row; fewer frames when fewer episodes are asked for."""
    found = measure_apart("verbot.sim.bench_sensors", min(FRAMES, num_episodes))
    pybullet = f"PyBullet {importlib.metadata.version('pybullet')}"
    about = f"{found['objects']} objects and a Panda, {found['triangles']} triangles, arm moved, shadows, noise"
    for key, peer, name, against, bar in SPEEDS:
        ours_ms, peer_ms = found[key]["ours_ms"], found[key]["peers_ms"][peer]
        ratio = peer_ms / ours_ms
        yield Row(
            f"{name}: CPU time a frame ({about})",
            round(ours_ms, 2),
            f"{pybullet} {against}: {peer_ms:.1f}",
            "ms",
            "stated" if bar is None else f"≥ {bar:g}×",
            bar is None or ratio >= bar,
            round(ratio, 2),
        )
    p95_mm = found["depth_p95_mm"]
    yield Row(
        "depth difference on robot and object pixels at equal meshes, p95 (640×480, no noise)",
        round(p95_mm, 2),
        f"{pybullet} TinyRenderer; median {found['depth_p50_mm']:.2f} mm",
        "mm",
        f"< {MAX_DEPTH_MM:g}",
        p95_mm < MAX_DEPTH_MM,
    )
