"""Train the fusion networks: torch, numpy and safetensors alone, on a CPU core or a GPU.

In:  folders of labelled looks (sim/labelled_looks.py), or of regions made from them.
Out: one safetensors file of weights for each kind, in half precision, with what it was trained on.

Usage: python -m verbot.perception.fusion.train --looks FOLDER --regions FILE            (evidence from looks, once)
       python -m verbot.perception.fusion.train --regions FILE --kind gated --out WEIGHTS

Sensors are dropped while training: each step answers with some of them gone, with the cameras alone and with the
LiDAR alone, and what the two alone say of one object must be nearer than what they say of any other in the batch.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from ..labelled_looks import load_looks
from .evidence import Evidence
from .network import KINDS, Fused, FusionNetwork, make_network
from .regions import Regions, Targets, join, load_regions, make_regions, save_regions
from .weights import load_network, save_weights

BATCH = 24
RATE = 2e-3
TEMPERATURE = 0.1
STRETCH = 0.2
ALONE_WEIGHT, MATCH_WEIGHT = 0.4, 0.2


def losses(fused: Fused, targets: Targets, evidence: Evidence) -> Float[Tensor, ""]:
    """How wrong an answer is, over the candidates that any sensor was heard about."""
    real = targets.exists & (evidence.health > 0.0).any(-1)
    asked = evidence.is_there & (evidence.health > 0.0).any(-1)
    off = fused.center_m - targets.center_m
    center = 0.5 * (off.square() / fused.variance_m2 + fused.variance_m2.log())
    center = (center.clamp_max(50.0) + 50.0 * off.abs()).mean(-1)
    size = (fused.size_m.log() - targets.size_m.log()).abs().mean(-1)
    shape = functional.cross_entropy(fused.shape.flatten(0, 1), targets.shape.flatten(), reduction="none")
    color = functional.cross_entropy(fused.color.flatten(0, 1), targets.color.flatten(), reduction="none")
    exists = functional.binary_cross_entropy_with_logits(
        fused.existence, targets.exists.to(fused.existence), reduction="none"
    )
    each = center + 3.0 * size + (shape + color).view_as(size)
    return (each * real).sum() / real.sum().clamp_min(1) + (exists * asked).sum() / asked.sum().clamp_min(1)


def drop_sensors(
    health: Float[Tensor, "robots regions sensors"], generator: torch.Generator
) -> Float[Tensor, "robots regions sensors"]:
    """For each look all sensors stay, or each goes by itself with a chance; some are trusted by a share only."""
    robots, _, sensors = health.shape
    draw = torch.rand(robots, 1, 1, generator=generator)
    goes = torch.rand(robots, 1, sensors, generator=generator) < 0.35
    share = 0.3 + 0.7 * torch.rand(robots, 1, sensors, generator=generator)
    is_doubted = torch.rand(robots, 1, sensors, generator=generator) < 0.1
    kept = torch.where((draw < 0.5) & goes, 0.0, torch.where(is_doubted, share, 1.0))
    return health * kept.to(health.device)


def alone(evidence: Evidence) -> tuple[Tensor, Tensor]:
    """Health with the cameras only, and with the LiDARs only."""
    cameras, lidars = evidence.health.clone(), evidence.health.clone()
    cameras[..., evidence.num_cameras :] = 0.0
    lidars[..., : evidence.num_cameras] = 0.0
    return cameras, lidars


def stretched(evidence: Evidence, generator: torch.Generator) -> Evidence:
    """With other sizes of the candidates, drawn for each."""
    draw = torch.randn(evidence.size_m.shape, generator=generator).to(evidence.size_m.device)
    return replace(evidence, size_m=evidence.size_m * torch.exp(STRETCH * draw))


def step_loss(network: FusionNetwork, regions: Regions, generator: torch.Generator) -> Float[Tensor, ""]:
    """Encode once; answer with sensors dropped, with cameras alone, with LiDARs alone; match the two alone.

    The evidence is only of what is there already.
    """
    evidence = regions.evidence
    encoded = network.encode(evidence)
    some = drop_sensors(evidence.health, generator)
    total = losses(network.fuse(evidence, encoded, some), regions.targets, evidence.with_health(some))
    answers = []
    for health in alone(evidence):
        # Each alone is told another size: what they say must be alike by what they see.
        told = stretched(evidence, generator)
        answers.append(network.fuse(told, encoded, health))
        total = total + ALONE_WEIGHT * losses(answers[-1], regions.targets, evidence.with_health(health))
    cameras, lidars = alone(evidence)
    both = regions.targets.exists & (cameras > 0).any(-1) & (lidars > 0).any(-1)
    if int(both.sum()) > 1:
        likeness = answers[0].features[both] @ answers[1].features[both].T / TEMPERATURE
        own = torch.arange(len(likeness), device=likeness.device)
        match = functional.cross_entropy(likeness, own) + functional.cross_entropy(likeness.T, own)
        total = total + MATCH_WEIGHT * match
    return total


def vary(regions: Regions, generator: torch.Generator) -> Regions:
    """Turned about the vertical, mirrored, under another light: the same truth."""
    robots = len(regions)
    turn = 2.0 * math.pi * torch.rand(robots, generator=generator)
    flip = torch.where(torch.rand(robots, generator=generator) < 0.5, -1.0, 1.0)
    cos, sin, zero, one = torch.cos(turn), torch.sin(turn), torch.zeros(robots), torch.ones(robots)
    turned = torch.stack([cos, -sin * flip, zero, sin, cos * flip, zero, zero, zero, one], -1).view(robots, 3, 3)
    light = (
        0.75 + 0.45 * torch.rand(robots, 1, generator=generator) + 0.06 * torch.randn(robots, 3, generator=generator)
    )
    evidence, targets = regions.evidence, regions.targets
    turned, light = turned.to(evidence.crops.device), light.to(evidence.crops.device)
    heard = evidence.health[..., : evidence.num_cameras] > 0.0
    robot = torch.nonzero(heard)[:, 0]
    crops = torch.zeros(evidence.crops.shape, device=evidence.crops.device)
    seen = evidence.crops[heard].float()
    seen[:, 3:6] = (turned[robot] @ seen[:, 3:6].flatten(2)).view_as(seen[:, 3:6])
    seen[:, :3] = (seen[:, :3] * light[robot][:, :, None, None]).clamp(0.0, 1.0)
    crops[heard] = seen
    points = evidence.points.float()
    points[..., :3] = torch.einsum("rij,rnlpj->rnlpi", turned, points[..., :3])
    estimate_m, toward_m = (
        torch.einsum("rij,rnsj->rnsi", turned, way) for way in (evidence.estimate_m, evidence.toward_m)
    )
    evidence = replace(evidence, crops=crops, points=points, estimate_m=estimate_m, toward_m=toward_m)
    center_m = torch.einsum("rij,rnj->rni", turned, targets.center_m)
    return replace(regions, evidence=evidence, targets=replace(targets, center_m=center_m))


def batches(regions: Regions, generator: torch.Generator, device: str) -> Iterator[Regions]:
    """All looks once, in a drawn order."""
    order = torch.randperm(len(regions), generator=generator)
    for chosen in order.split(BATCH):
        yield vary(regions.take(chosen).to(device), generator)


def train(
    network: FusionNetwork, regions: Regions, epochs: int, seed: int, device: str = "cpu", save_to: Path | None = None
) -> list[float]:
    """Adam with a falling rate; the mean loss of each epoch. Weights are kept every few minutes."""
    generator = torch.Generator().manual_seed(seed)
    network.to(device).train()
    optimizer = torch.optim.AdamW(network.parameters(), RATE, weight_decay=1e-4)
    regions = replace(regions, evidence=regions.evidence.only_what_is_there())
    num_steps = epochs * math.ceil(len(regions) / BATCH)
    falling = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, num_steps, pct_start=0.1)
    means: list[float] = []
    for epoch in range(epochs):
        found: list[float] = []
        for batch in batches(regions, generator, device):
            loss = step_loss(network, batch, generator)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            falling.step()
            found.append(float(loss.detach()))
        means.append(float(np.mean(found)))
        print(f"{network.kind} epoch {epoch + 1} of {epochs}: loss {means[-1]:.3f}", flush=True)
        if save_to is not None and (epoch % 5 == 4 or epoch == epochs - 1):
            save_weights(save_to, network, {"epochs": str(epoch + 1), "seed": str(seed), "looks": str(len(regions))})
    network.eval()
    return means


def gather_regions(folder: Path, seed: int = 0) -> Regions:
    """Every look of a folder as regions."""
    many: list[Regions] = []
    for path in sorted(folder.glob("*.safetensors")):
        many += [make_regions(look, np.random.default_rng([look.seed, seed])) for look in load_looks(path)]
    return join(many)


def main() -> int:
    """Make regions, or train one kind."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--looks", type=Path)
    parser.add_argument("--regions", type=Path, required=True)
    parser.add_argument("--kind", choices=[kind for kind in KINDS if kind != "weighted"])
    parser.add_argument("--start", type=Path, help="weights to go on from")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    if args.looks is not None:
        save_regions(args.regions, gather_regions(args.looks))
    if args.kind is not None:
        torch.manual_seed(args.seed)
        network = make_network(args.kind) if args.start is None else load_network(args.kind, args.start)
        train(network, load_regions(args.regions), args.epochs, args.seed, args.device, args.out)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
