"""Where many bodies are, as PyBullet tells it, made into matrices only when somebody asks.

In:  names, positions and quaternions, centres of mass.
Out: BodyPoses: a mapping from name to T_world_body.
Sensors keep the poses of every exposure and render few of them: making matrices of all took a tenth of an episode.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from jaxtyping import Float

Place = tuple[Sequence[float], Sequence[float]]
"""Position and quaternion xyzw, in the world."""


# A rotation's nine numbers by rows, each of two products of a quaternion's x, y, z, w: all at once is three times as
# fast as one after the other.
_FIRST = np.array([1, 0, 0, 0, 0, 1, 0, 1, 0] + [2, 2, 1, 2, 2, 0, 1, 0, 1])
_SECOND = np.array([1, 1, 2, 1, 0, 2, 2, 2, 0] + [2, 3, 3, 3, 2, 3, 3, 3, 1])
_SIGN = np.array([1.0, -1.0, 1.0, 1.0, 1.0, -1.0, -1.0, 1.0, 1.0])
_CONSTANT = np.eye(3).ravel()
_FACTOR = 2.0 - 4.0 * _CONSTANT


class BodyPoses(Mapping[str, Float[np.ndarray, "4 4"]]):
    """T_world_body by name, of `places` and of what is `known` as a matrix already.

    `com_body` are the centres of mass of those bodies whose place is told for it and not for their own frame.
    """

    def __init__(
        self,
        places: Mapping[str, Place],
        com_body: Mapping[str, Float[np.ndarray, "3"]] | None = None,
        known: Mapping[str, Float[np.ndarray, "4 4"]] | None = None,
    ) -> None:
        self._places, self._com_body, self._known = places, com_body or {}, known or {}
        self._made: dict[str, Float[np.ndarray, "4 4"]] | None = None

    def __getitem__(self, name: str) -> Float[np.ndarray, "4 4"]:
        if self._made is None:
            self._made = {**self._known, **self._make()}
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        yield from self._known
        yield from self._places

    def __len__(self) -> int:
        return len(self._known) + len(self._places)

    def _make(self) -> dict[str, Float[np.ndarray, "4 4"]]:
        if not self._places:
            return {}
        positions, quats_xyzw = (np.array(column, dtype=float) for column in zip(*self._places.values(), strict=True))
        poses = poses_of(positions, quats_xyzw)
        rows = [row for row, name in enumerate(self._places) if name in self._com_body]
        if rows:
            com_body = np.array([self._com_body[name] for name in self._places if name in self._com_body])
            poses[rows, :3, 3] -= (poses[rows, :3, :3] @ com_body[..., None])[..., 0]
        return dict(zip(self._places, poses, strict=True))


def poses_of(
    positions: Float[np.ndarray, "poses 3"], quats_xyzw: Float[np.ndarray, "poses 4"]
) -> Float[np.ndarray, "poses 4 4"]:
    """4×4 poses of positions and unit quaternions."""
    products = quats_xyzw[:, _FIRST] * quats_xyzw[:, _SECOND]
    poses = np.zeros((len(positions), 4, 4))
    poses[:, :3, :3] = (_CONSTANT + _FACTOR * (products[:, :9] + _SIGN * products[:, 9:])).reshape(-1, 3, 3)
    poses[:, :3, 3] = positions
    poses[:, 3, 3] = 1.0
    return poses


def height_of(place: Place, com_body: Float[np.ndarray, "3"]) -> float:
    """Height of a body's own frame, of which the place of the centre of mass is known."""
    (_, _, height_m), (x, y, z, w) = place
    com_x, com_y, com_z = com_body.tolist()
    return height_m - (2 * (x * z - y * w) * com_x + 2 * (y * z + x * w) * com_y + (1 - 2 * (x * x + y * y)) * com_z)


def pose_of(
    position: Float[np.ndarray, "3"] | tuple[float, ...], quat_xyzw: tuple[float, ...]
) -> Float[np.ndarray, "4 4"]:
    """The 4×4 pose of a position and a quaternion."""
    x, y, z, w = quat_xyzw
    px, py, pz = position
    return np.array(
        [
            (1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w), px),
            (2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w), py),
            (2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y), pz),
            (0.0, 0.0, 0.0, 1.0),
        ]
    )
