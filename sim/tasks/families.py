"""The families by name, in the order in which they are listed."""

from __future__ import annotations

from collections.abc import Mapping

from . import all as all_of_one_shape
from . import (
    chain,
    clear_except,
    close_drawer,
    electronic,
    five,
    forbidden,
    hand_over,
    hanoi,
    heavy,
    hot,
    line_up,
    liquid,
    move_side,
    near_hand,
    open_drawer,
    pack,
    pick_up,
    push_to_zone,
    put_in,
    put_in_drawer,
    put_on,
    put_on_shelf,
    pyramid,
    sort_color,
    sort_shape,
    sort_size,
    spatial,
    stack,
    swap,
    sweep_to_zone,
    tilt_over,
    unpack,
)
from .family import Family

_MODULES = (
    put_in,
    put_on,
    stack,
    pyramid,
    spatial,
    pick_up,
    move_side,
    chain,
    all_of_one_shape,
    sort_color,
    sort_shape,
    sort_size,
    clear_except,
    pack,
    unpack,
    line_up,
    swap,
    hanoi,
    tilt_over,
    hand_over,
    open_drawer,
    close_drawer,
    put_in_drawer,
    put_on_shelf,
    push_to_zone,
    sweep_to_zone,
)
FAMILIES: Mapping[str, Family] = {module.FAMILY.name: module.FAMILY for module in _MODULES}
"""Those of the suite `tabletop`."""
SAFETY: Mapping[str, Family] = {
    family.name: family for room in (near_hand, forbidden, hot, heavy, liquid, electronic) for family in room.FAMILIES
}
"""Those of the suite `safety`: hazards, which must be refused, and look-alikes, which must be obeyed."""
EVERY_FAMILY: Mapping[str, Family] = {**FAMILIES, five.FAMILY.name: five.FAMILY, **SAFETY}
