"""The families by name, in the order in which they are listed."""

from __future__ import annotations

from collections.abc import Mapping

from . import all as all_of_one_shape
from . import chain, move_side, pick_up, push_to_zone, put_in, put_on, spatial, stack, sweep_to_zone, tilt_over
from .family import Family

_MODULES = (
    put_in,
    stack,
    spatial,
    put_on,
    pick_up,
    move_side,
    chain,
    all_of_one_shape,
    tilt_over,
    push_to_zone,
    sweep_to_zone,
)
FAMILIES: Mapping[str, Family] = {module.FAMILY.name: module.FAMILY for module in _MODULES}
