"""How much of an answer each sensor made, and whether one kind of sensor is ignored.

In:  a network, Evidence.
Out: shares by robot, candidate and sensor that sum to one; Balance over many candidates.

A sensor's part is what is lost without it: the answer is asked for again with that sensor's health at zero, and the
distance of the two answers in nats (Kullback–Leibler, of centre, shape, colour and existence together) is its part.
Weights and gates of attention would be cheaper, but say nothing of what comes after them, nothing of fusions without
any, and can be large where the answer is the same. This is one measure for every kind of fusion.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from .evidence import Evidence
from .network import Fused, FusionNetwork

LEAST_SHARE = 0.02
"""A kind of sensor whose mean share, where both kinds are there, is less is ignored."""
LEAST_NATS = 0.02
MOST_NATS = 20.0


@dataclass(frozen=True, slots=True)
class Balance:
    """Mean shares of cameras and of LiDARs over the candidates that both kinds see, and nats lost without each."""

    cameras: float
    lidars: float
    cameras_nats: float
    lidars_nats: float

    @property
    def ignored(self) -> tuple[str, ...]:
        """Kinds of sensors that make no part of the answers."""
        found = (("cameras", self.cameras, self.cameras_nats), ("lidars", self.lidars, self.lidars_nats))
        return tuple(name for name, share, nats in found if share < LEAST_SHARE or nats < LEAST_NATS)


def share_out(network: FusionNetwork, evidence: Evidence) -> tuple[Fused, Float[Tensor, "robots regions sensors"]]:
    """The answer and every sensor's share in it; zeros where no sensor is missed (or none is there)."""
    evidence = evidence.only_what_is_there()
    encoded = network.encode(evidence)
    whole = network.fuse(evidence, encoded, evidence.health)
    parts = []
    for sensor in range(evidence.health.shape[-1]):
        left = evidence.without([sensor]).health
        parts.append(nats_between(whole, network.fuse(evidence, encoded, left)))
    nats = torch.stack(parts, -1) if parts else evidence.health
    return whole, nats / nats.sum(-1, keepdim=True).clamp_min(1e-9)


def measure_balance(network: FusionNetwork, evidence: Evidence) -> Balance:
    """Over all candidates that a camera and a LiDAR are there for."""
    evidence = evidence.only_what_is_there()
    encoded, num = network.encode(evidence), evidence.num_cameras
    whole = network.fuse(evidence, encoded, evidence.health)
    is_camera = torch.arange(evidence.health.shape[-1], device=evidence.health.device) < num
    both = (evidence.health[..., :num] > 0).any(-1) & (evidence.health[..., num:] > 0).any(-1)
    if not bool(both.any()):
        raise ValueError("No candidate is seen by a camera and a LiDAR together. Give evidence of both kinds.")
    lost = [
        nats_between(whole, network.fuse(evidence, encoded, torch.where(gone, 0.0, evidence.health)))[both]
        for gone in (is_camera, ~is_camera)
    ]
    total = (lost[0] + lost[1]).clamp_min(1e-9)
    shares = [float((part / total).mean()) for part in lost]
    return Balance(shares[0], shares[1], float(lost[0].mean()), float(lost[1].mean()))


def nats_between(whole: Fused, less: Fused) -> Float[Tensor, "robots regions"]:
    """How far an answer is from the whole one: Kullback–Leibler of centre, shape, colour and existence."""
    ratio = whole.variance_m2 / less.variance_m2
    off = (whole.center_m - less.center_m).square() / less.variance_m2
    center = 0.5 * (ratio + off - 1.0 - ratio.log()).sum(-1)
    words = [
        functional.kl_div(b.log_softmax(-1), a.log_softmax(-1), reduction="none", log_target=True).sum(-1)
        for a, b in ((whole.shape, less.shape), (whole.color, less.color))
    ]
    exists = torch.stack([whole.existence, torch.zeros_like(whole.existence)], -1)
    misses = torch.stack([less.existence, torch.zeros_like(less.existence)], -1)
    there = functional.kl_div(misses.log_softmax(-1), exists.log_softmax(-1), reduction="none", log_target=True).sum(-1)
    return (center + words[0] + words[1] + there).clamp(0.0, MOST_NATS)
