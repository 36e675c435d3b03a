"""Regions for training and measuring words, as the fused perceiver describes them: labelled looks perceived.

In:  a folder of labelled looks (sim/labelled_looks.py).
Out: one file of WordRegions: features of every object that was perceived and the truth that belongs to it.

Each look is perceived with all its sensors, with its cameras alone and with its LiDAR alone.

Usage: python -m verbot.agent.word_regions --looks FOLDER --out FILE
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..perception.labelled_looks import LabelledLook, load_looks
from ..perception.perceiver import FusedConfig, FusedPerceiver
from ..perception.types import ObjectState, PerceiverSetup, RobotBody, SensorFrame, SensorKind, SensorSpec
from ..perception.words.described import COLOR_FROM, COLOR_TO, describe_objects, fused_features, has_features
from ..perception.words.towers import Layout
from ..perception.words.word_regions import MOST_REGIONS, SENSES, WordRegions, make_scene, save_word_regions, stack
from ..planning.robot_description import load_robot
from ..planning.robot_model import RobotModel

NEAR_M = 0.025


def perceive_look(
    look: LabelledLook, body: RobotBody, sense: str, config: FusedConfig | None = None
) -> tuple[ObjectState, ...]:
    """What the fused perceiver sees in one look with some of its sensors."""
    frame = look.frame
    if sense == "cameras":
        frame = replace(frame, scans=())
    if sense == "lidar":
        frame = replace(frame, images=())
    if not frame.images and not frame.scans:
        return ()
    perceiver = FusedPerceiver(PerceiverSetup(_specs(frame), body), config)
    return perceiver.update(frame).objects


def match(seen: tuple[ObjectState, ...], true: tuple[ObjectState, ...]) -> list[int | None]:
    """For each seen object the true one nearest to it, to which it is the nearest too; None where that is unclear."""
    if not seen or not true:
        return [None] * len(seen)
    apart = np.linalg.norm([[s.position_world - t.position_world for t in true] for s in seen], axis=-1)
    best = apart.argmin(1)
    return [int(k) if apart[n, k] < NEAR_M and apart[:, k].argmin() == n else None for n, k in enumerate(best.tolist())]


def _specs(frame: SensorFrame) -> tuple[SensorSpec, ...]:
    cameras = [SensorSpec(i.sensor, SensorKind.CAMERA, 30.0, 0.0, i.mount) for i in frame.images]
    lidars = [SensorSpec(s.sensor, SensorKind.LIDAR, 10.0, 0.0, s.mount) for s in frame.scans]
    joints = [] if frame.joints is None else [SensorSpec("joints", SensorKind.JOINTS, 240.0, 0.0)]
    return (*cameras, *lidars, *joints)


@dataclass(frozen=True, slots=True)
class PerceivedLook:
    """What was seen of one look with some of its sensors, and what each thing truly is."""

    seed: int
    sense: str
    seen: tuple[ObjectState, ...]
    true: tuple[ObjectState | None, ...]

    def to_scene(self) -> WordRegions:
        """Features and truth side by side."""
        features = fused_features(self.seen) if has_features(self.seen) else describe_objects(self.seen)
        layout = Layout(features.shape[1], COLOR_FROM, COLOR_TO)
        return make_scene(features, self.true, self.seed, self.sense, layout)


def perceive_all(
    looks: Iterable[LabelledLook], config: FusedConfig | None = None, senses: Sequence[str] = SENSES
) -> Iterator[PerceivedLook]:
    """Every look by each sense that sees anything."""
    body = RobotModel(load_robot("panda"))
    for look in looks:
        for sense in senses:
            seen = perceive_look(look, body, sense, config)[:MOST_REGIONS]
            if seen:
                true = tuple(None if k is None else look.objects[k] for k in match(seen, look.objects))
                yield PerceivedLook(look.seed, sense, seen, true)


def read_looks(folder: Path) -> Iterator[LabelledLook]:
    """Every look of a folder."""
    for path in sorted(folder.glob("*.safetensors")):
        yield from load_looks(path)


def main() -> int:
    """Fill one file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--looks", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--fusion", default="off", help="with the features of that fusion network (docs/fusion.md)")
    args = parser.parse_args()
    config = FusedConfig(fusion=args.fusion)
    save_word_regions(args.out, stack([p.to_scene() for p in perceive_all(read_looks(args.looks), config)]))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
