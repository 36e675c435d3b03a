"""Regions with the truth of what they are, for training and measuring words: never part of a running robot.

In:  features of the regions of scenes, and the true object of each.
Out: WordRegions, a row for each scene, padded; files of them, read with torch alone.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import torch
from jaxtyping import Bool, Float, Int
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from ..types import ObjectState
from .attributes import COLORS, SHAPES, Things
from .towers import Layout

MOST_REGIONS = 12
SENSES = ("all", "cameras", "lidar")
"""Which sensors a scene was seen with."""


@dataclass(frozen=True, slots=True)
class WordRegions:
    """Scenes side by side; `sense` is a place in SENSES. What has no truth is there, but `things.is_known` is false."""

    features: Float[Tensor, "scenes regions features"]
    is_there: Bool[Tensor, "scenes regions"]
    things: Things
    seed: Int[Tensor, "scenes"]
    sense: Int[Tensor, "scenes"]
    layout: Layout

    def __len__(self) -> int:
        return len(self.seed)

    def take(self, index: Tensor) -> WordRegions:
        """Some of the scenes."""
        things = Things(*(getattr(self.things, f.name)[index] for f in fields(Things)))
        return WordRegions(
            self.features[index], self.is_there[index], things, self.seed[index], self.sense[index], self.layout
        )


def make_scene(
    features: Float[Tensor, "regions features"],
    true: Sequence[ObjectState | None],
    seed: int,
    sense: str,
    layout: Layout,
) -> WordRegions:
    """One scene; regions beyond MOST_REGIONS are left out."""
    num = min(len(true), MOST_REGIONS)
    padded = torch.zeros(1, MOST_REGIONS, features.shape[1])
    padded[0, :num] = features[:num]
    is_there, is_known = torch.zeros(2, 1, MOST_REGIONS, dtype=torch.bool)
    shape, color = torch.zeros(2, 1, MOST_REGIONS, dtype=torch.long)
    size_m = torch.full((1, MOST_REGIONS, 3), 0.05)
    is_there[0, :num] = True
    for number, item in enumerate(true[:num]):
        if item is not None:
            is_known[0, number] = True
            shape[0, number], color[0, number] = SHAPES.index(item.shape.value), COLORS.index(item.color)
            size_m[0, number] = torch.as_tensor(item.size_m)
    things = Things(shape, color, size_m, is_known)
    seeds, senses = torch.tensor([seed]), torch.tensor([SENSES.index(sense)])
    return WordRegions(padded, is_there, things, seeds, senses, layout)


def stack(scenes: Sequence[WordRegions]) -> WordRegions:
    """As one."""
    things = Things(*(torch.cat([getattr(s.things, f.name) for s in scenes]) for f in fields(Things)))
    return WordRegions(
        torch.cat([s.features for s in scenes]),
        torch.cat([s.is_there for s in scenes]),
        things,
        torch.cat([s.seed for s in scenes]),
        torch.cat([s.sense for s in scenes]),
        scenes[0].layout,
    )


def save_word_regions(path: Path, regions: WordRegions) -> None:
    """One file."""
    arrays = {f.name: getattr(regions.things, f.name) for f in fields(Things)}
    arrays |= {name: getattr(regions, name) for name in ("features", "is_there", "seed", "sense")}
    told = {"layout": json.dumps(asdict(regions.layout))}
    save_file({name: array.contiguous() for name, array in arrays.items()}, str(path), told)


def load_word_regions(path: Path) -> WordRegions:
    """What `save_word_regions` wrote."""
    arrays = load_file(str(path))
    things = Things(*(arrays[f.name] for f in fields(Things)))
    with safe_open(str(path), "pt") as file:
        layout = Layout(**json.loads(file.metadata()["layout"]))
    return WordRegions(arrays["features"], arrays["is_there"], things, arrays["seed"], arrays["sense"], layout)
