"""Ways to fuse what sensors show of each candidate: one word of config chooses.

In:  Evidence (robots, candidates, sensors).
Out: Fused: centre with variance, size, shape, colour, existence, and a vector of features for each candidate.

`early`     all points of all sensors, pixels too, are one cloud with one encoder.
`late`      every sensor answers by itself; answers are joined by their stated precisions.
`weighted`  each sensor's classical estimate by its covariance; nothing is learned.
`attention` the sensors' vectors attend to each other; the answer is read from the candidate's own.
`gated`     as `attention`, but what is learned moves and weighs the classical estimates, sensor by sensor, through
            gates: with shut gates it is `weighted`.

A sensor of health 0 changes nothing, bit for bit; one of health 1 counts in full, between that it counts by its share.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ..colors import PALETTE
from .encoders import WIDTH, SensorEncoder, plain_numbers
from .estimates import WIDE_M
from .evidence import SCALE_M, Evidence
from .weighing import MOUNT_M, weigh

Kind = Literal["early", "late", "weighted", "attention", "gated"]
KINDS: tuple[Kind, ...] = get_args(Kind)
NUM_SHAPES, NUM_COLORS, NUM_FEATURES = 8, 12, 96
REACH_M = 0.03
"""How far a network may move a centre."""
LEAST_M, MOST_M = 2e-4, WIDE_M
"""Between these a sigma is stated."""
CELL = 3
"""Of a crop's pixels every third is a point of the early fusion's cloud."""
GATE_SPAN = 4.0


@dataclass(frozen=True, slots=True)
class Fused:
    """The answer; `center_m` relative to the candidate's place, `features` of length one."""

    center_m: Float[Tensor, "robots regions 3"]
    variance_m2: Float[Tensor, "robots regions 3"]
    size_m: Float[Tensor, "robots regions 3"]
    shape: Float[Tensor, "robots regions shapes"]
    color: Float[Tensor, "robots regions colors"]
    existence: Float[Tensor, "robots regions"]
    features: Float[Tensor, "robots regions features"]


class Heads(nn.Module):
    """From a vector to everything but the centre."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.answers = nn.Sequential(
            nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 3 + NUM_SHAPES + NUM_COLORS + 1)
        )
        self.features = nn.Linear(width, NUM_FEATURES)

    def forward(self, x: Float[Tensor, "*batch width"]) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Logarithm of the size over the candidate's, logits of shape, colour, existence; features."""
        size, shape, color, existence = self.answers(x).split([3, NUM_SHAPES, NUM_COLORS, 1], -1)
        features = nn.functional.normalize(self.features(x), dim=-1, eps=1e-6)
        return 0.3 * torch.tanh(size), shape, color, existence[..., 0], features


class Attention(nn.Module):
    """One layer of attention over the candidate's vector and its sensors', by health."""

    def __init__(self, width: int = WIDTH, heads: int = 4) -> None:
        super().__init__()
        self.heads = heads
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.ask = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.each = nn.Sequential(nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, width))

    def forward(
        self, x: Float[Tensor, "robots regions tokens width"], weight: Float[Tensor, "robots regions tokens"]
    ) -> Float[Tensor, "robots regions tokens width"]:
        """What has weight 0 is not attended to."""
        query, key, value = (
            part.unflatten(-1, (self.heads, -1)).transpose(2, 3) for part in self.ask(self.before(x)).chunk(3, -1)
        )
        likeness = query @ key.mT / query.shape[-1] ** 0.5
        weights = torch.softmax(likeness + weight.log()[:, :, None, None], -1)
        x = x + self.out((weights @ value).transpose(2, 3).flatten(-2))
        return x + self.each(self.between(x))


class FusionNetwork(nn.Module):
    """Base of all kinds: `encode` once, `fuse` for any health."""

    kind: Kind

    def forward(self, evidence: Evidence) -> Fused:
        """Encode and fuse."""
        evidence = evidence.only_what_is_there()
        return self.fuse(evidence, self.encode(evidence), evidence.health)

    def encode(self, evidence: Evidence) -> Tensor:
        """What does not depend on the other sensors."""
        raise NotImplementedError

    def fuse(self, evidence: Evidence, encoded: Tensor, health: Float[Tensor, "robots regions sensors"]) -> Fused:
        """The answer with sensors of that health, which is at most the evidence's own."""
        raise NotImplementedError


class Weighted(FusionNetwork):
    """Nothing is learned: shapes and existence are left open, colours are the palette's nearest."""

    kind = "weighted"

    def encode(self, evidence: Evidence) -> Tensor:
        """Mean colours, where there are cameras."""
        return plain_numbers(evidence)[..., 7:10]

    def fuse(self, evidence: Evidence, encoded: Tensor, health: Tensor) -> Fused:
        """By precision."""
        found = weigh(evidence.estimate_m, _precision(evidence, health))
        num = evidence.num_cameras
        weight = health[..., :num, None]
        rgb = (encoded[..., :num, :] * weight).sum(-2) / weight.sum(-2).clamp_min(1e-6)
        palette = torch.tensor(list(PALETTE.values()), device=rgb.device, dtype=rgb.dtype)
        color = -(rgb[..., None, :] - palette).square().sum(-1) / 0.02
        open_ = torch.zeros(*rgb.shape[:2], NUM_SHAPES, device=rgb.device, dtype=rgb.dtype)
        features = torch.zeros(*rgb.shape[:2], NUM_FEATURES, device=rgb.device, dtype=rgb.dtype)
        variance = _stated(found.variance_m2)
        seen = (weight.sum((-1, -2)) > 0.0)[..., None]
        color = torch.where(seen, color, 0.0)
        return Fused(found.center_m, variance, evidence.size_m, open_, color, open_[..., 0], features)


class Early(FusionNetwork):
    """One cloud of everything."""

    kind = "early"

    def __init__(self) -> None:
        super().__init__()
        self.each = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 128), nn.ReLU())
        self.size = nn.Linear(3, WIDTH)
        self.join = nn.Sequential(nn.Linear(257, WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH))
        self.heads, self.place = Heads(), nn.Linear(WIDTH, 6)

    def encode(self, evidence: Evidence) -> Tensor:
        """A vector for every point of every sensor, the last number telling whether there is one."""
        crops = evidence.crops[..., 1::CELL, 1::CELL].flatten(-2).mT
        sweep, blank = evidence.points, torch.zeros_like(evidence.points[..., :1])
        pixels = torch.cat([crops[..., 3:6], crops[..., :3], crops[..., 6:7], torch.ones_like(crops[..., :1])], -1)
        bright = sweep[..., 3:4].expand(*sweep.shape[:-1], 3)
        beams = torch.cat([sweep[..., :3], bright, sweep[..., 4:], blank], -1)
        heard, num = evidence.health > 0.0, evidence.num_cameras
        of_pixels = self._pool(pixels, crops[..., 7:], heard[..., :num])
        return torch.cat([of_pixels, self._pool(beams, sweep[..., 4:], heard[..., num:])], 2)

    def _pool(self, points: Tensor, is_there: Tensor, heard: Tensor) -> Tensor:
        """Maximum, sum and count of each sensor's points; while training only of sensors that are there."""
        if not self.training:
            found = self.each(points) * is_there
            return torch.cat([found.amax(-2), found.sum(-2), is_there.sum(-2)], -1)
        pooled = torch.zeros(*heard.shape, 257, dtype=points.dtype, device=points.device)
        found = self.each(points[heard]) * is_there[heard]
        pooled[heard] = torch.cat([found.amax(-2), found.sum(-2), is_there[heard].sum(-2)], -1)
        return pooled

    def fuse(self, evidence: Evidence, encoded: Tensor, health: Tensor) -> Fused:
        """Maximum and mean over all points of the sensors that are there."""
        heard = (health > 0.0)[..., None]
        highest = (torch.where(heard, encoded[..., :128], 0.0) * health[..., None]).amax(2)
        count = (encoded[..., 256] * health).sum(2, keepdim=True)
        mean = (torch.where(heard, encoded[..., 128:256], 0.0) * health[..., None]).sum(2) / count.clamp_min(1e-3)
        x = self.join(torch.cat([highest, mean, (count / 500.0)], -1)) + self.size(evidence.size_m / SCALE_M)
        place, spread = self.place(x).split(3, -1)
        return _answer(evidence, health, REACH_M * torch.tanh(place), _variance(spread), self.heads(x))


class Late(FusionNetwork):
    """Every sensor by itself, answers joined."""

    kind = "late"

    def __init__(self) -> None:
        super().__init__()
        self.sensors = SensorEncoder()
        self.size = nn.Linear(3, WIDTH)
        self.each = nn.Sequential(nn.ReLU(), nn.Linear(WIDTH, 2 * WIDTH), nn.ReLU(), nn.Linear(2 * WIDTH, WIDTH))
        self.heads, self.place = Heads(), nn.Linear(WIDTH, 6)

    def encode(self, evidence: Evidence) -> Tensor:
        """Each sensor's vector."""
        return self.sensors(evidence)

    def fuse(self, evidence: Evidence, encoded: Tensor, health: Tensor) -> Fused:
        """Centres by stated precision, logits and features by health."""
        told = encoded + self.size(evidence.size_m / SCALE_M)[:, :, None]
        told = told + self.each(told)
        move, spread = self.place(told).split(3, -1)
        center = evidence.estimate_m + REACH_M * torch.tanh(move)
        precision = health[..., None] / _variance(spread)
        total = precision.sum(2) + 1.0 / WIDE_M**2
        size, shape, color, existence, features = self.heads(told)
        weight = health[..., None]
        share = weight / weight.sum(2, keepdim=True).clamp_min(1e-6)
        heads = (
            (share * size).sum(2),
            (weight * shape).sum(2),
            (weight * color).sum(2),
            (health * existence).sum(2),
            nn.functional.normalize((share * features).sum(2), dim=-1, eps=1e-6),
        )
        return _answer(evidence, health, (precision * center).sum(2) / total, 1.0 / total, heads)


class Attentive(FusionNetwork):
    """Sensors attend to each other; the candidate's own vector answers."""

    kind = "attention"

    def __init__(self, layers: int = 2) -> None:
        super().__init__()
        self.sensors = SensorEncoder()
        self.size = nn.Linear(3, WIDTH)
        self.layers = nn.ModuleList(Attention() for _ in range(layers))
        self.last = nn.LayerNorm(WIDTH)
        self.heads, self.place = Heads(), nn.Linear(WIDTH, 6)

    def encode(self, evidence: Evidence) -> Tensor:
        """Each sensor's vector."""
        return self.sensors(evidence)

    def attend(
        self, evidence: Evidence, encoded: Tensor, health: Tensor
    ) -> tuple[Float[Tensor, "robots regions width"], Float[Tensor, "robots regions sensors width"]]:
        """The candidate's vector and the sensors', each knowing of the others."""
        own = self.size(evidence.size_m / SCALE_M)[:, :, None]
        x = torch.cat([own, torch.where((health > 0.0)[..., None], encoded, 0.0)], 2)
        weight = torch.cat([torch.ones_like(health[..., :1]), health], -1)
        # While training padding is left out, which saves a third of the work.
        rows = evidence.is_there if self.training else torch.ones_like(evidence.is_there)
        there, weight = x[rows][None], weight[rows][None]
        for layer in self.layers:
            there = layer(there, weight)
        x = torch.zeros_like(x).masked_scatter(rows[..., None, None], self.last(there))
        return x[:, :, 0], x[:, :, 1:]

    def fuse(self, evidence: Evidence, encoded: Tensor, health: Tensor) -> Fused:
        """Read from the candidate's vector."""
        own, _ = self.attend(evidence, encoded, health)
        move, spread = self.place(own).split(3, -1)
        return _answer(evidence, health, REACH_M * torch.tanh(move), _variance(spread), self.heads(own))


class Gated(Attentive):
    """Classical estimates, moved and weighed by what the sensors tell each other."""

    kind = "gated"

    def __init__(self, layers: int = 2) -> None:
        super().__init__(layers)
        self.widen = nn.Linear(WIDTH, 3)
        self.gates = nn.Linear(WIDTH, 9)
        self.mounts = nn.Parameter(torch.zeros(2))
        nn.init.zeros_(self.gates.weight)
        nn.init.zeros_(self.gates.bias)
        nn.init.zeros_(self.widen.weight)
        nn.init.zeros_(self.widen.bias)
        nn.init.zeros_(self.place.weight)
        with torch.no_grad():  # at first it knows nothing
            self.place.bias.copy_(torch.tensor([0.0, 0.0, 0.0, 5.0, 5.0, 5.0]))

    def fuse(self, evidence: Evidence, encoded: Tensor, health: Tensor) -> Fused:
        """Each sensor's estimate plus its gated correction, at its gated precision, weighed as the classical ones."""
        own, told = self.attend(evidence, encoded, health)
        move, opened, trust = self.gates(told).split(3, -1)
        moved = evidence.estimate_m + REACH_M * torch.sigmoid(opened) * torch.tanh(move)
        precision = _precision(evidence, health) * torch.exp(GATE_SPAN * torch.tanh(trust))
        num = evidence.num_cameras
        off = torch.cat([self.mounts[:1].expand(num), self.mounts[1:].expand(health.shape[-1] - num)])
        mount_m = (MOUNT_M * torch.exp(torch.tanh(off)))[None, :, None]
        found = weigh(torch.where((health > 0.0)[..., None], moved, 0.0), precision, mount_m)
        # What is read from the candidate's vector counts as one estimate more, where sensors have none of their own.
        read, spread = self.place(own).split(3, -1)
        known, guessed = 1.0 / found.variance_m2, 1.0 / _variance(spread)
        center = (known * found.center_m + guessed * REACH_M * torch.tanh(read)) / (known + guessed)
        variance = torch.exp(2.0 * torch.tanh(self.widen(own))) / (known + guessed)
        return _answer(evidence, health, center, variance, self.heads(own))


def make_network(kind: Kind) -> FusionNetwork:
    """An untrained network of that kind."""
    kinds: dict[Kind, type[FusionNetwork]] = {
        "early": Early,
        "late": Late,
        "weighted": Weighted,
        "attention": Attentive,
        "gated": Gated,
    }
    return kinds[kind]()


def _precision(evidence: Evidence, health: Tensor) -> Float[Tensor, "robots regions sensors 3"]:
    return health[..., None] / evidence.variance_m2.clamp_min(LEAST_M**2)


def _variance(spread: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 3"]:
    """From what a layer says to a variance about (3 mm)²."""
    return (3e-3 * torch.exp(spread.clamp(-6.0, 6.0) / 2.0)).square()


def _stated(variance_m2: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 3"]:
    return variance_m2.clamp(LEAST_M**2, MOST_M**2)


def _answer(
    evidence: Evidence,
    health: Float[Tensor, "robots regions sensors"],
    center_m: Float[Tensor, "robots regions 3"],
    variance_m2: Float[Tensor, "robots regions 3"],
    heads: tuple[Tensor, Tensor, Tensor, Tensor, Tensor],
) -> Fused:
    """Where no sensor says anything, the candidate's place as wide as can be, and nothing else."""
    size, shape, color, existence, features = heads
    heard = (health > 0.0).any(-1)
    some = heard[..., None]
    return Fused(
        torch.where(some, center_m, 0.0),
        torch.where(some, _stated(variance_m2), MOST_M**2),
        torch.where(some, evidence.size_m * torch.exp(size), evidence.size_m),
        torch.where(some, shape, 0.0),
        torch.where(some, color, 0.0),
        torch.where(heard, existence, 0.0),
        torch.where(some, features, 0.0),
    )
