"""What can truly be said of things, for training and measuring only: never part of a running robot.

In:  shape, colour and size of every thing of a scene, as truth gives them; which attributes hold of which shapes.
Out: for each thing and attribute 1 (it holds), 0 (it does not) or 0.5 (some would say so: counts neither way).

Small and large are meant among the things of one shape in the scene, as the planner means them
(planning/references.py); where all are alike, or a thing is alone, the word says nothing, so it holds.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from ..colors import PALETTE
from ..types import Shape

SHAPES = tuple(
    s.value
    for s in (Shape.BLOCK, Shape.CYLINDER, Shape.BOWL, Shape.MUG, Shape.PLATE, Shape.TRAY, Shape.BOX, Shape.THING)
)
COLORS = tuple(PALETTE)
MEASURED = ("small", "large", "smallest", "largest", "flat", "tall", "long")
UNCLEAR = 0.5
SAME_SIZE = 1.15
CLEARLY_FLAT, NOT_FLAT = 0.40, 0.60
CLEARLY_TALL, NOT_TALL = 1.30, 1.10
CLEARLY_LONG, NOT_LONG = 1.60, 1.25


@dataclass(frozen=True, slots=True)
class ShapeWord:
    """An attribute that holds of some shapes, and of others perhaps."""

    name: str
    shapes: tuple[str, ...]
    perhaps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Things:
    """The truth of scenes. `is_known` is false for what no truth belongs to: nothing counts either way there."""

    shape: Int[Tensor, "scenes regions"]
    color: Int[Tensor, "scenes regions"]
    size_m: Float[Tensor, "scenes regions 3"]
    is_known: Bool[Tensor, "scenes regions"]


def attribute_names(words: tuple[ShapeWord, ...]) -> tuple[str, ...]:
    """Colours, words of shape, what is measured: the columns of `attribute_table`."""
    return (*COLORS, *(word.name for word in words), *MEASURED)


def attribute_table(things: Things, words: tuple[ShapeWord, ...]) -> Float[Tensor, "scenes regions attributes"]:
    """What holds of each thing."""
    color = torch.nn.functional.one_hot(things.color, len(COLORS)).float()
    by_shape = torch.zeros(len(SHAPES), len(words))
    for column, word in enumerate(words):
        for shapes, value in ((word.perhaps, UNCLEAR), (word.shapes, 1.0)):
            for shape in shapes:
                by_shape[SHAPES.index(shape), column] = value
    table = torch.cat([color, by_shape[things.shape], _measured(things)], -1)
    return torch.where(things.is_known[..., None], table, UNCLEAR)


def _measured(things: Things) -> Float[Tensor, "scenes regions 7"]:
    size_m = things.size_m.clamp_min(1e-4)
    whole = size_m.prod(-1) ** (1 / 3)
    same = (things.shape[:, :, None] == things.shape[:, None]) & things.is_known[:, None] & things.is_known[:, :, None]
    among = whole[:, None].expand_as(same)
    least = torch.where(same, among, torch.inf).amin(-1)
    most = torch.where(same, among, 0.0).amax(-1)
    where = (whole - least) / (most - least).clamp_min(1e-6)
    is_alike = most < SAME_SIZE * least
    small = torch.where(is_alike, 1.0, _graded(0.55 - where, 0.1))
    large = torch.where(is_alike, 1.0, _graded(where - 0.45, 0.1))
    others = same & ~torch.eye(same.shape[1], dtype=torch.bool)
    next_least = torch.where(others, among, torch.inf).amin(-1)
    next_most = torch.where(others, among, 0.0).amax(-1)
    alone = ~others.any(-1)
    smallest = torch.where(alone, 1.0, _graded(next_least / whole - 1.02, 0.08))
    largest = torch.where(alone, 1.0, _graded(whole / next_most.clamp_min(1e-6) - 1.02, 0.08))
    length, width = size_m[..., :2].amax(-1), size_m[..., :2].amin(-1)
    height = size_m[..., 2]
    flat = _graded(NOT_FLAT - height / width, NOT_FLAT - CLEARLY_FLAT)
    tall = _graded(height / length - NOT_TALL, CLEARLY_TALL - NOT_TALL)
    long = _graded(length / width - NOT_LONG, CLEARLY_LONG - NOT_LONG)
    return torch.stack([small, large, smallest, largest, flat, tall, long], -1)


def _graded(value: Tensor, clear: float) -> Tensor:
    """1 from `clear` on, 0 below zero, unclear between."""
    return torch.where(value >= clear, 1.0, torch.where(value > 0.0, UNCLEAR, 0.0))
