"""Zones: flat coloured rectangles painted on the table, found as colour where the depth says there is only table.

In:  the cameras' Lattices with their levelling corrections, the table.
Out: ObjectStates of Shape.ZONE: centre, size, direction, colour, no height. A zone does not move: once seen well it is
     kept, whatever stands in it later. Colourless zones (white, gray, black) are not told from the table's own shades.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy import ndimage

from .colors import hue_codes, name_color
from .geometry import make_pose, transform_points
from .lattice import Lattice
from .outlines import Rectangle, fit_rectangle
from .types import ObjectState, Shape, SupportSurface

_CELL_M = 0.005
_BAND_M = 0.0035
_FLAT_M = 0.0018  # floors of plates and trays lie higher than this above the table
_MIN_SIDE_M = 0.04
_MIN_FILL = 0.5  # of the rectangle; the rest may be hidden
_COLORLESS = 8
_SAME_SIZE = 0.93  # a later look at less of a zone than this says nothing new
_MIN_TABLE_PIXELS = 500
_MIN_PIXELS = 30
_RIM_CELLS = 4  # free cells around a patch, so that its own edge is no grid's edge
_POSITION_M = 0.002
_OTHER_TONE = 0.08  # shares of red, green and blue, together this far from the table's; its noise in shadow is a third


@dataclass(frozen=True, slots=True)
class _Paint:
    """Table pixels of a colour that the table does not have: place, height above the table, colour, its class."""

    xy: Float[np.ndarray, "pixels 2"]
    height_m: Float[np.ndarray, "pixels"]
    colors: Float[np.ndarray, "pixels 3"]
    codes: Int[np.ndarray, "pixels"]


class ZoneMemory:
    """The zones of an episode by id."""

    def __init__(self) -> None:
        self.zones: tuple[ObjectState, ...] = ()

    def observe(self, seen: Sequence[ObjectState], time_s: float) -> None:
        """Join a look with what is known: what shows more of a zone replaces what showed less."""
        zones = list(self.zones)
        for zone in seen:
            match = next((k for k, known in enumerate(zones) if _is_same(known, zone)), None)
            if match is None:
                zones.append(replace(zone, id=f"zone_{len(zones) + 1}", last_seen_s=time_s))
            elif _area_m2(zone) > _area_m2(zones[match]) * _SAME_SIZE:
                better = zone if _area_m2(zone) > _area_m2(zones[match]) / _SAME_SIZE else zones[match]
                zones[match] = replace(better, id=zones[match].id, last_seen_s=time_s)
        self.zones = tuple(zones)


def find_zones(
    lattices: Sequence[Lattice], corrections: Mapping[str, Float[np.ndarray, "4 4"]], table: SupportSurface
) -> list[ObjectState]:
    """Every zone in view, by colour class and size; ids and times are the caller's."""
    painted = [p for lattice in lattices if (p := _find_paint(lattice, corrections, table)) is not None]
    if not painted:
        return []
    paint = _Paint(*(np.concatenate(parts) for parts in zip(*(_fields(p) for p in painted), strict=True)))
    sources = tuple(lattice.view.sensor for lattice in lattices if lattice.colors is not None)
    found: list[ObjectState] = []
    for code in np.flatnonzero(np.bincount(paint.codes) >= _MIN_PIXELS):
        found += _find_of_code(_select(paint, paint.codes == code), table, sources)
    return sorted(found, key=lambda zone: -_area_m2(zone))


def _fields(paint: _Paint) -> tuple[np.ndarray, ...]:
    return paint.xy, paint.height_m, paint.colors, paint.codes


def _select(paint: _Paint, chosen: Bool[np.ndarray, "pixels"]) -> _Paint:
    return _Paint(*(values[chosen] for values in _fields(paint)))


def _find_paint(
    lattice: Lattice, corrections: Mapping[str, Float[np.ndarray, "4 4"]], table: SupportSurface
) -> _Paint | None:
    """Pixels level with the table whose colour has another name than most of the table's, and another tone.

    In warm light a brownish table lies between two names, and its shadows may bear the other one.
    """
    if lattice.colors is None:
        return None
    T_level_world = torch.as_tensor(
        corrections.get(lattice.view.sensor, np.eye(4)), dtype=torch.float32, device=lattice.world.device
    )
    world, (x0, y0, x1, y1) = lattice.world, table.bounds_world
    # Levelling moves heights that matter, and places by less than a millimetre.
    height_m = world @ T_level_world[2, :3] + (T_level_world[2, 3] - table.height_m)
    x, y = world[:, 0], world[:, 1]
    (level,) = torch.nonzero((height_m.abs() < _BAND_M) & (x > x0) & (x < x1) & (y > y0) & (y < y1), as_tuple=True)
    if len(level) < _MIN_TABLE_PIXELS:
        return None
    colors = lattice.colors[level].to(torch.float32) / 255.0
    codes = hue_codes(colors)
    own = int(torch.bincount(codes, minlength=_COLORLESS + 1).argmax())
    (painted,) = torch.nonzero((codes != own) & (codes != _COLORLESS), as_tuple=True)
    table_tone = _tone(colors[codes == own].mean(0, keepdim=True))
    painted = painted[(_tone(colors[painted]) - table_tone).norm(dim=1) > _OTHER_TONE]
    chosen = level[painted]
    return _Paint(
        transform_points(T_level_world, world[chosen])[:, :2].cpu().numpy().astype(np.float64),
        height_m[chosen].cpu().numpy().astype(np.float64),
        colors[painted].cpu().numpy().astype(np.float64),
        codes[painted].cpu().numpy(),
    )


def _tone(colors: Float[torch.Tensor, "pixels 3"]) -> Float[torch.Tensor, "pixels 3"]:
    """Shares of red, green and blue, the same in light and in shadow."""
    return colors / colors.sum(1, keepdim=True).clamp_min(1e-3)


def _find_of_code(paint: _Paint, table: SupportSurface, sources: tuple[str, ...]) -> list[ObjectState]:
    """Patches of one colour class that are wide, flat and rectangular enough."""
    low = np.array(table.bounds_world[:2])
    cells = np.floor((paint.xy - low) / _CELL_M).astype(np.int64)
    cells += _RIM_CELLS - cells.min(axis=0)
    grid = np.zeros(cells.max(axis=0) + 1 + _RIM_CELLS, dtype=bool)
    grid[cells[:, 0], cells[:, 1]] = True
    closed = ~_grow(~_grow(grid))
    # Feet of objects are slivers of colour on the table; a patch stays when its rim is worn off.
    worn = _open_square(closed)
    if not worn.any():
        return []
    labels = np.zeros(grid.shape, dtype=np.int32)
    count = int(ndimage.label(_grow(worn) & closed, output=labels))  # pyright: ignore[reportArgumentType]
    of_pixel = labels[cells[:, 0], cells[:, 1]]
    found: list[ObjectState] = []
    for label in range(1, count + 1):
        patch = _select(paint, of_pixel == label)
        if len(patch.xy) < _MIN_PIXELS or float(patch.height_m.mean()) > _FLAT_M:
            continue
        rectangle = fit_rectangle(patch.xy)
        fill = float((labels == label).sum()) * _CELL_M**2 / float(np.prod(rectangle.size_m))
        if rectangle.size_m.min() >= _MIN_SIDE_M and fill >= _MIN_FILL:
            found.append(_zone(rectangle, patch, table, sources))
    return found


def _grow(grid: Bool[np.ndarray, "rows columns"]) -> Bool[np.ndarray, "rows columns"]:
    """Every cell that is set or has a neighbour (not diagonal) that is; several times faster than ndimage's."""
    grown = grid.copy()
    grown[1:] |= grid[:-1]
    grown[:-1] |= grid[1:]
    grown[:, 1:] |= grid[:, :-1]
    grown[:, :-1] |= grid[:, 1:]
    return grown


def _open_square(grid: Bool[np.ndarray, "rows columns"]) -> Bool[np.ndarray, "rows columns"]:
    """The cells of all squares of five by five cells that are set throughout."""
    rows, columns = grid.shape
    across = np.logical_and.reduce([grid[k : rows - 4 + k] for k in range(5)])
    corners = np.logical_and.reduce([across[:, k : columns - 4 + k] for k in range(5)])
    opened = np.zeros_like(grid)
    for row, column in np.argwhere(corners):
        opened[row : row + 5, column : column + 5] = True
    return opened


def _zone(rectangle: Rectangle, patch: _Paint, table: SupportSurface, sources: tuple[str, ...]) -> ObjectState:
    # Of the brighter half: shadows lie on paint, too.
    brightness = patch.colors.sum(axis=1)
    color_rgb = np.median(patch.colors[brightness >= np.median(brightness)], axis=0)
    color, confidence = name_color(color_rgb)
    center = np.array([*rectangle.center, table.height_m])
    spread = np.array([_POSITION_M, _POSITION_M, table.height_std_m, 0.02, 0.02, 0.02])
    return ObjectState(
        id="",
        pose_world=make_pose(center, rectangle.yaw_rad),
        covariance=np.diag(spread**2),
        size_m=np.array([*rectangle.size_m, 0.0]),
        color_rgb=color_rgb,
        color=color,
        shape=Shape.ZONE,
        shape_confidence=confidence,
        existence=1.0,
        sources=sources,
        last_seen_s=0.0,
    )


def _area_m2(zone: ObjectState) -> float:
    return float(zone.size_m[0] * zone.size_m[1])


def _is_same(known: ObjectState, seen: ObjectState) -> bool:
    """Of one colour, and the middle of one within the other."""
    apart_m = float(np.abs(known.position_world[:2] - seen.position_world[:2]).max())
    return known.color == seen.color and apart_m < float(max(known.size_m[:2].max(), seen.size_m[:2].max())) / 2
