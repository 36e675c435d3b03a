"""The two towers: phrases and regions become vectors of one space, where what belongs together is near.

In:  ids of words; features of the regions of scenes (described.py, fused.py), and which of them are there.
Out: for each phrase a logit for each region of its scene, and one for "none of these".

The text tower is one layer of attention over words. The region tower is told, besides a region's own features, how
its size compares with that of regions which look like the same shape: "the big one" is meant among its likes.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional

from .attributes import SHAPES
from .described import NUM_SIZES
from .tokens import MOST_TOKENS, PADDING

WIDTH = 64
NUM_CONTEXT = 8


class TextTower(nn.Module):
    """Words to a vector of length one."""

    def __init__(self, num_words: int, width: int = WIDTH, heads: int = 4) -> None:
        super().__init__()
        self.words = nn.Embedding(num_words + 1, width, padding_idx=PADDING)
        self.places = nn.Parameter(0.02 * torch.randn(MOST_TOKENS, width))
        self.attend = nn.MultiheadAttention(width, heads, batch_first=True)
        self.before, self.between, self.last = nn.LayerNorm(width), nn.LayerNorm(width), nn.LayerNorm(width)
        self.each = nn.Sequential(nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, width))
        self.out = nn.Linear(width, width)

    def forward(self, ids: Int[Tensor, "phrases tokens"]) -> Float[Tensor, "phrases width"]:
        """The mean over words that have looked at each other."""
        is_word = ids != PADDING
        # A phrase without a single known word still needs something to look at.
        looked_at = is_word.clone()
        looked_at[:, 0] = True
        x = self.words(ids) + self.places[: ids.shape[1]]
        y = self.before(x)
        x = x + self.attend(y, y, y, key_padding_mask=~looked_at, need_weights=False)[0]
        x = self.last(x + self.each(self.between(x))) * is_word[..., None]
        mean = x.sum(1) / is_word.sum(1, keepdim=True).clamp_min(1)
        return functional.normalize(self.out(mean), dim=-1, eps=1e-6)


@dataclass(frozen=True, slots=True)
class Layout:
    """How many features a kind has, and from which to which they tell colour and nothing else."""

    num: int
    color_from: int
    color_to: int


class RegionTower(nn.Module):
    """Features of one kind to vectors of length one.

    Colour and the rest go through layers of their own and are added: pairs that were never seen together are then
    understood from their parts.
    """

    middle: Tensor
    spread: Tensor

    def __init__(self, layout: Layout, width: int = WIDTH, hidden: int = 128) -> None:
        super().__init__()
        self.layout = layout
        self.register_buffer("middle", torch.zeros(layout.num))
        self.register_buffer("spread", torch.ones(layout.num))
        num_color = layout.color_to - layout.color_from
        self.color = _layers(num_color, hidden, width)
        self.form = _layers(layout.num - num_color + NUM_CONTEXT, hidden, width)

    def forward(
        self, features: Float[Tensor, "scenes regions features"], is_there: Bool[Tensor, "scenes regions"]
    ) -> Float[Tensor, "scenes regions width"]:
        """Vectors; zero where nothing is there."""
        plain = ((features - self.middle) / self.spread).clamp(-6.0, 6.0)
        before, color, after = plain.tensor_split([self.layout.color_from, self.layout.color_to], -1)
        form = self.form(torch.cat([before, after, compare_sizes(features, is_there)], -1))
        found = form + self.color(color) if color.shape[-1] else form
        return functional.normalize(found, dim=-1, eps=1e-6) * is_there[..., None]


def _layers(num: int, hidden: int, width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(num, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, width)
    )


def compare_sizes(
    features: Float[Tensor, "scenes regions features"], is_there: Bool[Tensor, "scenes regions"]
) -> Float[Tensor, "scenes regions 8"]:
    """How much larger and smaller others are, among what looks like the same shape and among all."""
    whole = features[..., :NUM_SIZES].mean(-1)
    shape = features[..., NUM_SIZES : NUM_SIZES + len(SHAPES)]
    both = is_there[:, :, None] & is_there[:, None]
    both = both & ~torch.eye(whole.shape[1], dtype=torch.bool, device=whole.device)
    alike = functional.normalize(shape, dim=-1, eps=1e-6) @ functional.normalize(shape, dim=-1, eps=1e-6).mT
    larger = (whole[:, None] - whole[:, :, None]).clamp(-1.5, 1.5)
    told: list[Tensor] = []
    for weight in (alike.clamp(0.0, 1.0) * both, both.to(whole)):
        told += [
            (weight * larger).amax(-1),
            (weight * -larger).amax(-1),
            (weight * (larger > 0.05)).sum(-1).clamp_max(3.0) / 3.0,
            (weight * (larger < -0.05)).sum(-1).clamp_max(3.0) / 3.0,
        ]
    return torch.stack(told, -1)


class TwoTowers(nn.Module):
    """Text and regions of several kinds in one space, the learned temperature, and "none of these"."""

    def __init__(self, num_words: int, kinds: dict[str, Layout], width: int = WIDTH) -> None:
        super().__init__()
        self.text = TextTower(num_words, width)
        self.regions = nn.ModuleDict({kind: RegionTower(layout, width) for kind, layout in kinds.items()})
        self.log_scale = nn.Parameter(torch.tensor(2.3))
        self.none = nn.Linear(width, 1)

    @property
    def kinds(self) -> dict[str, Layout]:
        """The features of each kind."""
        return {kind: self.region_tower(kind).layout for kind in self.regions}

    def region_tower(self, kind: str) -> RegionTower:
        """That of one kind of features."""
        tower = self.regions[kind]
        assert isinstance(tower, RegionTower)  # nothing else is put there
        return tower

    @property
    def scale(self) -> Float[Tensor, ""]:
        """One over the temperature."""
        return self.log_scale.clamp(0.0, 4.0).exp()

    def score(
        self,
        phrases: Float[Tensor, "scenes phrases width"],
        regions: Float[Tensor, "scenes regions width"],
        is_there: Bool[Tensor, "scenes regions"],
    ) -> Float[Tensor, "scenes phrases answers"]:
        """Logits by phrase; the last is "none of these"."""
        logits = self.scale * phrases @ regions.mT
        logits = logits.masked_fill(~is_there[:, None], -1e4)
        return torch.cat([logits, self.scale * self.none(phrases)], -1)
