"""The map of a batch of robots, each as pieces that hang on keyframes. This is the road.

In:  depth pictures and LiDAR sweeps with poses in the map's frame; keyframes, and their poses when they are corrected.
Out: what is known of any place; rows of surface and space for meshing and for the costs of driving.

What is measured is kept in the frame of the keyframe that was last begun. When its pose is corrected, as after closing
a loop, all that hangs on it moves with it and nothing is measured anew. Every keyframe of every robot is one row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor

from .blocks import MAX_ROWS
from .config import MapConfig
from .measurements import DepthPictures, PointSweep, inverse, is_rigid
from .occupancy import Occupancy, Space
from .surface import Surface


@dataclass(slots=True)
class Ignored:
    """What was set aside so far: for each robot broken pixels, broken points and poses; blocks without room."""

    pixels: Annotated[Tensor, " robots"]
    points: Annotated[Tensor, " robots"]
    poses: Annotated[Tensor, " robots"]
    blocks: Annotated[Tensor, ""]


class KeyframeMap:
    """Surface and space of many robots, robots in axis 0 of everything that comes in."""

    def __init__(self, robots: int, config: MapConfig | None = None, device: torch.device | str = "cpu") -> None:
        if robots < 1 or robots > MAX_ROWS:
            raise ValueError(f"KeyframeMap got {robots} robots, expected 1 to {MAX_ROWS}. Make several maps.")
        self.robots, self.config, self.device = robots, config or MapConfig(), torch.device(device)
        self.surface = Surface(self.config, self.device)
        self.space = Occupancy(self.config, self.device)
        self.T_map_keyframe = torch.eye(4, dtype=torch.float64, device=self.device).repeat(robots, 1, 1, 1)
        """Poses [robots, keyframes, 4, 4]; the last is the one that is written to."""
        none = torch.zeros(robots, dtype=torch.int64, device=self.device)
        self.ignored = Ignored(none.clone(), none.clone(), none.clone(), none.sum())

    @property
    def num_keyframes(self) -> int:
        """Of each robot."""
        return self.T_map_keyframe.shape[1]

    def row_of(self, keyframe: int) -> Annotated[Tensor, " robots"]:
        """The row of that keyframe of every robot."""
        return keyframe * self.robots + torch.arange(self.robots, device=self.device)

    def begin_keyframe(self, T_map_keyframe: Annotated[Tensor, "robots 4 4"]) -> None:
        """What comes now is kept in a new piece of each robot's map, anchored there."""
        self._check_poses("begin_keyframe", T_map_keyframe, (self.robots, 4, 4))
        if (self.num_keyframes + 1) * self.robots > MAX_ROWS:
            raise ValueError(f"The map has {self.num_keyframes} keyframes, as many as it can hold. Begin another map.")
        pose = T_map_keyframe.to(self.T_map_keyframe)[:, None]
        # A first keyframe that nothing was measured in yet is replaced.
        is_blank = self.num_keyframes == 1 and not len(self.surface.blocks) and not len(self.space.blocks)
        self.T_map_keyframe = pose if is_blank else torch.cat([self.T_map_keyframe, pose], dim=1)

    def correct(self, T_map_keyframe: Annotated[Tensor, "robots keyframes 4 4"]) -> None:
        """Better poses of all keyframes: the map moves with them."""
        self._check_poses("correct", T_map_keyframe, (self.robots, self.num_keyframes, 4, 4))
        self.T_map_keyframe = T_map_keyframe.to(self.T_map_keyframe)

    def add_pictures(self, pictures: DepthPictures) -> None:
        """Take in one picture of each robot; one that is broken is left out and counted."""
        self._check_robots("DepthPictures.depth_m", pictures.depth_m)
        cleaned, num_broken = pictures.cleaned(self.config.camera_range_m)
        self.ignored.pixels += num_broken
        self.ignored.poses += ~is_rigid(pictures.T_map_camera)
        row, pose = self._write_to(cleaned.T_map_camera)
        self.ignored.blocks += self.surface.add_pictures(cleaned, row, pose)
        if self.config.has_free_space:
            self.ignored.blocks += self.space.add_pictures(cleaned, row, pose)

    def add_points(self, sweep: PointSweep) -> None:
        """Take in one sweep of each robot; one that is broken is left out and counted."""
        self._check_robots("PointSweep.points_sensor", sweep.points_sensor)
        cleaned, num_broken = sweep.cleaned(self.config.lidar_range_m)
        self.ignored.points += num_broken
        self.ignored.poses += ~is_rigid(sweep.T_map_sensor)
        row, pose = self._write_to(cleaned.T_map_sensor)
        self.ignored.blocks += self.surface.add_points(cleaned, row, pose)
        if self.config.has_free_space:
            self.ignored.blocks += self.space.add_points(cleaned, row, pose)

    def space_at(self, points_map: Annotated[Tensor, "robots points 3"]) -> Annotated[Tensor, "robots points"]:
        """Space for each place: what all pieces of a robot's map know of it together."""
        self._check_robots("space_at's points_map", points_map)
        total = torch.zeros(points_map.shape[:2], device=self.device)
        for keyframe in range(self.num_keyframes):
            T_keyframe_map = inverse(self.T_map_keyframe[:, keyframe])
            place = points_map.to(torch.float64) @ T_keyframe_map[:, :3, :3].mT + T_keyframe_map[:, None, :3, 3]
            row = self.row_of(keyframe)[:, None].expand(total.shape)
            total += self.space.log_odds_at(row, place.to(torch.float32))
        return self.space.judge(total)

    def is_known_free(self, points_map: Annotated[Tensor, "robots points 3"]) -> Annotated[Tensor, "robots points"]:
        """True only where every answer but "free" is ruled out."""
        return self.space_at(points_map) == Space.FREE

    def _write_to(self, T_map_sensor: Tensor) -> tuple[Annotated[Tensor, " robots"], Annotated[Tensor, "robots 4 4"]]:
        return self.row_of(self.num_keyframes - 1), inverse(self.T_map_keyframe[:, -1]) @ T_map_sensor

    def _check_robots(self, name: str, values: Tensor) -> None:
        if len(values) != self.robots:
            raise ValueError(
                f"{name} is for {len(values)} robots, the map for {self.robots}. Robots are axis 0 of everything."
            )

    def _check_poses(self, name: str, poses: Tensor, expected: tuple[int, ...]) -> None:
        if tuple(poses.shape) != expected or not bool(is_rigid(poses).all()):
            raise ValueError(
                f"{name} got poses of shape {tuple(poses.shape)}, expected {expected}, each a turn and a shift. "
                "Keep the old poses where the estimate failed."
            )
