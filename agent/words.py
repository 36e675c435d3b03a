"""Words in a run: built by name, and the regions that they are asked about.

In:  the name that a config gives; a SceneState and the frame it came from.
Out: RegionWords; regions with pictures cut from the cameras that stand still.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import UInt8

from ..perception.types import WORLD, CameraImage, ObjectState, Perceiver, RobotBody, SceneState, SensorFrame
from ..perception.words.make_words import BUILT_IN, make_words
from ..perception.words.types import Grounded, RegionWords, UnknownWord, WordRegion
from .plugins import load_spec

GROW = 1.3
LEAST_PIXELS = 6


def build_words(name: str) -> RegionWords | None:
    """By name: ours, or a stranger's from the entry points `verbot.words`.

    Raises:
        WordsError, PluginError: there is no such name, or what it needs is not there.
    """
    base = name.partition(":")[0]
    others = {} if base == "off" or base in BUILT_IN else {base: load_spec("words", base)}
    return make_words(name, others)


class PicturedWords:
    """Adds to each region the newest picture of it."""

    needs_pictures = True

    def __init__(self, words: RegionWords) -> None:
        self._words = words
        self.pictures: dict[str, UInt8[np.ndarray, "height width 3"]] = {}

    def unknown(self, phrase: str) -> tuple[UnknownWord, ...]:
        """As the model says."""
        return self._words.unknown(phrase)

    def ground(self, phrase: str, regions: Sequence[WordRegion], k: int = 3) -> Grounded:
        """By pictures."""
        return self._words.ground(phrase, [replace(r, picture=self.pictures.get(r.id)) for r in regions], k)


class PicturingPerceiver:
    """A perceiver that keeps a picture of everything it sees, for words that are found by pictures."""

    def __init__(self, perceiver: Perceiver, body: RobotBody | None, words: PicturedWords) -> None:
        self._perceiver, self._body, self._words = perceiver, body, words

    def reset(self) -> None:
        """Forget everything seen."""
        self._perceiver.reset()
        self._words.pictures.clear()

    def update(self, frame: SensorFrame) -> SceneState:
        """As the perceiver; a thing that no camera shows now keeps its former picture."""
        scene = self._perceiver.update(frame)
        for region in see_regions(scene, frame, self._body) if frame.images else ():
            if region.picture is not None:
                self._words.pictures[region.id] = region.picture
        return scene


def see_regions(scene: SceneState, frame: SensorFrame, body: RobotBody | None) -> list[WordRegion]:
    """Every object of the scene that is no furniture, with the largest picture that the frame has of it."""
    things = [item for item in scene.objects if item.fixture is None]
    return [WordRegion(item.id, item, picture=cut_picture(item, frame.images, scene, body)) for item in things]


def cut_picture(
    item: ObjectState, images: Sequence[CameraImage], scene: SceneState, body: RobotBody | None
) -> UInt8[np.ndarray, "height width 3"] | None:
    """A square around the object, from the camera that shows it largest; None where none does."""
    best: UInt8[np.ndarray, "height width 3"] | None = None
    for image in images:
        T_world_mount = np.eye(4)
        if image.mount != WORLD:
            if body is None or scene.body is None:
                continue
            T_world_mount = body.link_pose(image.mount, scene.body.positions_rad, scene.body.gripper_width_m)
        cut = _cut(item, image, T_world_mount @ image.T_mount_camera)
        if cut is not None and (best is None or cut.shape[0] > best.shape[0]):
            best = cut
    return best


def _cut(item: ObjectState, image: CameraImage, T_world_camera: np.ndarray) -> np.ndarray | None:
    signs = np.array([(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)])
    world = signs * item.size_m / 2 @ item.pose_world[:3, :3].T + item.position_world
    camera = (world - T_world_camera[:3, 3]) @ T_world_camera[:3, :3]
    if (camera[:, 2] < 0.05).any():
        return None
    lens = image.intrinsics
    u, v = camera[:, 0] / camera[:, 2] * lens.fx + lens.cx, camera[:, 1] / camera[:, 2] * lens.fy + lens.cy
    middle = np.array([u.min() + u.max(), v.min() + v.max()]) / 2
    half = max(np.ptp(u), np.ptp(v)) * GROW / 2
    low = np.floor(middle - half).astype(int)
    high = np.ceil(middle + half).astype(int)
    if (low < 0).any() or (high > (lens.width, lens.height)).any() or (high - low < LEAST_PIXELS).any():
        return None
    return image.rgb[low[1] : high[1], low[0] : high[0]].copy()
