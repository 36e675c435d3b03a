"""Draw what the segmenter learns from: pieces of one colour as perception sees them, with the truth for every point.

In:  seeds.
Out: shards (safetensors): points of each piece, their colours, which object each lies on, the objects' centres.

The looks are those of `labelled_looks` (mounts off, strange places, noise), strewn with groups of one colour; seeds are
of its stream: training from 1,500,000, choosing from 2,500,000. `python -m verbot.sim.segment_samples --out FOLDER`.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Float
from safetensors.numpy import save_file

from ..perception.align import align_views
from ..perception.furniture import Furniture
from ..perception.health import HealthMonitor
from ..perception.look import Look, LookSettings
from ..perception.proprioception import Proprioception
from ..perception.segments import Segment, split_segments
from ..planning.robot_description import load_robot
from ..planning.robot_model import RobotModel
from .labelled_looks import LookSettings as DrawSettings
from .labelled_looks import draw_look
from .loose_layout import StrewnObject
from .sensors import load_composition
from .strewn_groups import Strewing

TRAINING, CHOOSING = 1_500_000, 2_500_000
FAR_M = 0.006
MOST_POINTS = 1500
DRAWN = DrawSettings(moving=0.0, another_camera=0.15, strange_places=0.15, absent=0.06, worse=0.06, mount_m=0.001)
SEEN = LookSettings(0.0, 0.40, 0.004, 0.02, 0.0007, True)


def draw_samples(seed: int) -> list[dict[str, np.ndarray]]:
    """The pieces of one look."""
    strewing = Strewing()
    things: list[StrewnObject] = []

    def strew(rng: np.random.Generator) -> list[StrewnObject]:
        things[:] = strewing(rng)
        return things

    drawn = draw_look(seed, DRAWN, strew)
    specs = load_composition(DRAWN.composition).specs
    health, body = HealthMonitor(specs), Proprioception(RobotModel(load_robot("panda")))
    look = Look(SEEN, body, health, Furniture(()), "cpu")
    frame = replace(health.observe(drawn.frame), imu=())
    body.observe(frame)
    fused = look.fuse(look.place(frame), None)
    if fused is None:
        return []
    quality = fused.quality
    pieces = split_segments(fused.cloud, quality.voxel_m, quality.min_points)
    aligned, _ = align_views(pieces, fused.cloud.spacing_m)
    return [sample for piece in aligned if (sample := _label(piece, things, strewing.owner)) is not None]


def _label(piece: Segment, things: list[StrewnObject], owner: list[int]) -> dict[str, np.ndarray] | None:
    """Each point belongs to the thing on whose surface it lies; the piece of nothing known is left out."""
    few = slice(None, None, max(1, -(-len(piece.points) // MOST_POINTS)))
    points = piece.points[few]
    distances = np.stack([np.abs(_off(thing, points)) for thing in things], axis=1)
    nearest = distances.argmin(axis=1)
    is_near = distances.min(axis=1) < FAR_M
    if is_near.mean() < 0.9:
        return None
    objects = np.array(owner)[nearest]
    names = sorted({int(name) for name in objects[is_near]})
    boxes = [_box([t for t, of in zip(things, owner, strict=True) if of == name]) for name in names]
    index = {name: number for number, name in enumerate(names)}
    labels = np.array([index.get(int(name), -1) for name in objects])
    labels[~is_near] = -1
    return {
        "points": points.astype(np.float32),
        "colors": piece.colors[few].astype(np.float32),
        "labels": labels.astype(np.int16),
        "centers": np.array(boxes, dtype=np.float32),
    }


def _off(thing: StrewnObject, points: Float[np.ndarray, "points 3"]) -> Float[np.ndarray, " points"]:
    """About how far the points are from a thing's surface: of a box exactly, of other things from its box."""
    local = (points - thing.pose_world[:3, 3]) @ thing.pose_world[:3, :3]
    beyond = np.abs(local) - thing.size_m / 2
    outside = np.sqrt((np.maximum(beyond, 0.0) ** 2).sum(axis=1))
    inside = np.minimum(beyond.max(axis=1), 0.0)
    # Within something open or round any point may be on it, but less surely than on a block's face.
    return outside + (np.abs(inside) if thing.kind == "block_small" else 0.3 * FAR_M)


def _box(parts: list[StrewnObject]) -> list[float]:
    """Middle of the thing, or of all the parts of a letter."""
    corners = np.array([(x, y, z) for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)])
    world = np.concatenate(
        [(corners * part.size_m) @ part.pose_world[:3, :3].T + part.pose_world[:3, 3] for part in parts]
    )
    if len(parts) == 1:
        return parts[0].pose_world[:3, 3].tolist()
    return ((world.min(axis=0) + world.max(axis=0)) / 2).tolist()


def main() -> int:
    """Fill shards."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--first", type=int, default=TRAINING)
    parser.add_argument("--looks", type=int, default=2000)
    parser.add_argument("--shard", type=int, default=50, help="looks in each file")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    for start in range(args.first, args.first + args.looks, args.shard):
        path = args.out / f"pieces_{start}.safetensors"
        if path.exists():
            continue
        samples = [sample for seed in range(start, start + args.shard) for sample in draw_samples(seed)]
        save_file({f"{k:05d}/{name}": value for k, s in enumerate(samples) for name, value in s.items()}, str(path))
        print(path, len(samples), flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
