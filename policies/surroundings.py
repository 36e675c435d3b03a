"""The room that a motion is planned in, from the perceived scene.

In:  SceneState.
Out: Room values for the path planner, with what each motion may touch. Kept stricter than the guard's, so that what is
     planned here is allowed there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from ..perception.types import ObjectState, SceneState
from ..planning.collision import ARM, FINGER, HAND, HELD, SELF, Clearance, Room
from ..planning.contact_checks import touching_objects
from ..planning.object_solids import Solid, box_solid, hull_of, moving_along, solids_of
from ..planning.rules import KEEP_OUT, is_zone
from ..planning.types import PERSON, TABLE

CLEAR_M = 0.003
PERSON_M = 0.08  # kept from what is seen of a person
FINGER_TABLE_M = 0.003
HELD_TABLE_M = -0.005
HELD_TOUCH_M = -0.006
FINGER_TOUCH_M = -0.003


def make_room(scene: SceneState, *, carried: str | None = None, touch: Iterable[str] = ()) -> Room:
    """Everything seen, less what is carried; fingers and the carried object may touch the objects of `touch`."""
    touched = frozenset(touch)
    objects = [o for o in scene.objects if o.id != carried]
    solids = tuple(s for o in objects for s in solids_of(o, inflate=o.id not in touched))
    required = {("*", "*"): CLEAR_M, (ARM, SELF): 0.0, (FINGER, TABLE): FINGER_TABLE_M, (HELD, TABLE): HELD_TABLE_M}
    for name in touched:
        required |= {(FINGER, name): FINGER_TOUCH_M, (HELD, name): HELD_TOUCH_M, (HAND, name): 0.001}
    rough = tuple(s for o in objects for s in hull_of(o))
    people = _people(scene)
    solids, rough = solids + people, rough + people
    return Room(solids, table_height_m(scene), (), required, rough)


def _people(scene: SceneState) -> tuple[Solid, ...]:
    if scene.person is None:
        return ()
    around = np.full(3, PERSON_M)
    return tuple(box_solid(PERSON, box[:3] - around, box[3:] + around) for box in scene.person.columns_world)


def make_walls(zones: Iterable[Sequence[float]]) -> tuple[Solid, ...]:
    """Keep-out zones as solids: x, y, z minimum, then maximum; m, world frame."""
    return tuple(box_solid(f"{KEEP_OUT}_{i}", np.array(zone[:3]), np.array(zone[3:])) for i, zone in enumerate(zones))


def carrying(room: Room, item: ObjectState, T_hand_object: Float[np.ndarray, "4 4"]) -> Room:
    """The same room with the object in the hand."""
    held = tuple(solid.moved(T_hand_object) for solid in hull_of(replace(item, pose_world=np.eye(4))))
    return replace(room, carried=held, solids=without(room.solids, item.id), rough=without(room.rough, item.id))


def sliding(
    room: Room, item: ObjectState, scene: SceneState, T_hand_object: Float[np.ndarray, "4 4"]
) -> tuple[Room, Callable[[Float[np.ndarray, "4 4"]], Room]]:
    """The room while the hand moves a drawer with all that is in it, and the room after it was left at a pose."""
    along = moving_along(item, scene)
    T_item_world = np.linalg.inv(item.pose_world)
    carried = tuple(s.moved(T_hand_object @ T_item_world) for other in along for s in hull_of(other))
    solids, rough = room.solids, room.rough
    for other in along:
        solids, rough = without(solids, other.id), without(rough, other.id)

    def left_at(pose_world: Float[np.ndarray, "4 4"]) -> Room:
        left = tuple(s.moved(pose_world @ T_item_world) for o in along for s in solids_of(o, inflate=False))
        required = room.required_m | {(FINGER, item.id): FINGER_TOUCH_M, (HAND, item.id): 0.001}
        return replace(room, solids=(*solids, *left), rough=(*rough, *left), required_m=required)

    return replace(room, carried=carried, solids=solids, rough=rough), left_at


def putting_down(room: Room, item: ObjectState) -> Room:
    """The room after the carried object was left at the pose it now has in `item`."""
    required = room.required_m | {(FINGER, item.id): FINGER_TOUCH_M, (HAND, item.id): 0.001}
    solids = (*without(room.solids, item.id), *solids_of(item, inflate=False))
    return replace(room, carried=(), solids=solids, rough=(), required_m=required)


def without(solids: tuple[Solid, ...], name: str) -> tuple[Solid, ...]:
    """All solids but those of one owner."""
    return tuple(solid for solid in solids if solid.owner != name)


def neighbours(item: ObjectState, scene: SceneState) -> tuple[str, ...]:
    """What the object touches now: what it stands on or in, what leans on it."""
    return touching_objects(item, scene)


def table_height_m(scene: SceneState) -> float:
    """Of the table as seen; 0 where none was seen."""
    return scene.table.height_m if scene.table is not None else 0.0


def names_in_the_way(clearances: Iterable[Clearance], room: Room, scene: SceneState) -> tuple[str, ...]:
    """Ids of objects, and keep-out zones, that are nearer than the room requires."""
    short = [c.owner for c in clearances if c.distance_m < room.required(c.part, c.owner)]
    return tuple(dict.fromkeys(name for name in short if is_named(name, scene)))


def is_named(owner: str, scene: SceneState) -> bool:
    """Whether the owner of a solid can be told to the planner: an object or a keep-out zone, not table or body."""
    return scene.find(owner) is not None or is_zone(owner)
