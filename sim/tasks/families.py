"""The families by name, in the order in which they are listed."""

from __future__ import annotations

from collections.abc import Mapping

from . import all as all_of_one_shape
from . import (
    chain,
    close_drawer,
    five,
    hand_over,
    move_side,
    open_drawer,
    pick_up,
    put_in,
    put_in_drawer,
    put_on,
    put_on_shelf,
    spatial,
    stack,
    tilt_over,
)
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
    hand_over,
    open_drawer,
    close_drawer,
    put_in_drawer,
    put_on_shelf,
)
FAMILIES: Mapping[str, Family] = {module.FAMILY.name: module.FAMILY for module in _MODULES}
"""Those of the suite `tabletop`."""
EVERY_FAMILY: Mapping[str, Family] = {**FAMILIES, five.FAMILY.name: five.FAMILY}
