"""Train the segmenter from a folder of pieces: torch, numpy and safetensors alone.

In:  shards of labelled pieces (points, colours, which object each point lies on, the objects' middles).
Out: weights (safetensors, half precision) and, printed, how far from the middle the offsets point.

`python -m verbot.perception.segmenter.train --pieces FOLDER --out weights.safetensors`
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from safetensors.numpy import load_file
from safetensors.torch import save_file
from torch import Tensor

from .network import SCALE_M, SegmenterNetwork

LATE_STEPS = 0.1
Piece = tuple[Float[np.ndarray, "points 3"], Float[np.ndarray, " points"], Float[np.ndarray, "points 3"]]
"""Points, brightness, and the middle of the object that each lies on (NaN: unknown)."""


def read_pieces(paths: list[Path]) -> list[Piece]:
    """Every piece of the shards."""
    pieces: list[Piece] = []
    for path in paths:
        arrays = load_file(str(path))
        for key in sorted({name.split("/")[0] for name in arrays}):
            points, colors = arrays[f"{key}/points"], arrays[f"{key}/colors"]
            centers = np.concatenate([arrays[f"{key}/centers"], np.full((1, 3), np.nan, np.float32)])
            pieces.append((points, relative_brightness(colors), centers[arrays[f"{key}/labels"]]))
    return pieces


def relative_brightness(colors: Float[np.ndarray, "points 3"]) -> Float[np.ndarray, " points"]:
    """Against the mean of the piece: faces turned another way are lit otherwise."""
    brightness = colors.sum(axis=1)
    return (brightness / max(float(brightness.mean()), 1e-3) - 1.0).astype(np.float32)


def draw_batch(
    pieces: list[Piece], size: int, num_points: int, rng: np.random.Generator, *, is_turned: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """Pieces turned and mirrored at will, a fixed number of points of each."""
    batch = []
    for number in rng.integers(0, len(pieces), size):
        points, brightness, middles = pieces[number]
        chosen = rng.choice(len(points), num_points, replace=len(points) < num_points)
        turn = np.eye(3, dtype=np.float32)
        if is_turned:
            angle = rng.uniform(-math.pi, math.pi)
            turn[:2, :2] = [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
            turn[:, 1] *= rng.choice([-1.0, 1.0])
        around = points.mean(axis=0)
        batch.append(((points[chosen] - around) @ turn.T, brightness[chosen], (middles[chosen] - around) @ turn.T))
    points, brightness, middles = (np.stack(column).astype(np.float32) for column in zip(*batch, strict=True))
    return torch.from_numpy(points), torch.from_numpy(brightness), torch.from_numpy(middles)


def loss_of(network: SegmenterNetwork, batch: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    """Mean distance between where the offsets point and the middles, in blocks."""
    points, brightness, middles = batch
    off = (points + network(points, brightness) - middles) / SCALE_M
    known = torch.isfinite(off).all(dim=-1)
    return torch.linalg.norm(off[known] + 1e-9, dim=-1).mean()


def train(pieces: list[Piece], choosing: list[Piece], num_steps: int, out: Path, seed: int = 0) -> float:
    """Adam with a cosine; weights are written every tenth of the way. Returns the last error in metres."""
    torch.manual_seed(seed)
    rng, network = np.random.default_rng(seed), SegmenterNetwork()
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=num_steps)
    num_points, error_m = network.config.num_points, math.nan
    for step in range(num_steps):
        loss = loss_of(network, draw_batch(pieces, 16, num_points, rng, is_turned=True))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if (step + 1) % max(1, round(LATE_STEPS * num_steps)) == 0:
            with torch.no_grad():
                fixed = draw_batch(
                    choosing, min(200, 4 * len(choosing)), num_points, np.random.default_rng(1), is_turned=False
                )
                error_m = SCALE_M * float(loss_of(network, fixed).detach())
            save_file({name: value.half() for name, value in network.state_dict().items()}, str(out))
            print(f"step {step + 1}: {1e3 * error_m:.2f} mm from the middle", flush=True)
    return error_m


def main() -> int:
    """Train and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pieces", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    paths = sorted(args.pieces.glob("pieces_*.safetensors"))
    split = max(1, len(paths) // 10)
    train(read_pieces(paths[split:]), read_pieces(paths[:split]), args.steps, args.out)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
