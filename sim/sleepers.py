"""Which objects sleep, so that physics costs what moves and not what lies around.

In:  the world's objects, and where the hand is, before every step.
Out: activation states and collision filters in PyBullet.

Nine objects awake and at rest cost five times as much as the arm alone. Bullet lets a body sleep after two seconds
below 0.8 m/s, and wakes with one body everything whose bounding boxes overlap in a chain: the whole table.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from .bullet import pybullet
from .placement import outline
from .scenes import Scene

REST_CHECK_STEPS = 12
MAX_CREEPS = 24  # looks: 1.2 s
FAR_M = 0.03  # further than anything is pushed between two looks at what rests
FAT_M = 0.12  # by this much Bullet takes bounding boxes larger than they are, both together
ASLEEP = pybullet.ACTIVATION_STATE_ENABLE_SLEEPING | pybullet.ACTIVATION_STATE_SLEEP
AWAKE = pybullet.ACTIVATION_STATE_DISABLE_SLEEPING  # of a rigid body, waking it as well would undo this
CALM = pybullet.ACTIVATION_STATE_ENABLE_SLEEPING | pybullet.ACTIVATION_STATE_WAKE_UP  # the two seconds count from now


@runtime_checkable
class Sleeper(Protocol):
    """What is needed of an object."""

    @property
    def body(self) -> int:
        """PyBullet's number."""
        ...

    @property
    def wake_reach_m(self) -> float:
        """The hand nearer than this to the centre, along each axis, keeps it awake."""
        ...


@runtime_checkable
class Bedroom(Protocol):
    """What is needed of the world."""

    client: int
    scene: Scene

    @property
    def objects(self) -> Mapping[str, Sleeper]:
        """By name."""
        ...

    def is_at_rest(self, name: str) -> bool:
        """Slow enough to sleep."""
        ...

    def is_creeping(self, name: str) -> bool:
        """Slow enough to sleep when it goes on for long."""
        ...


class Sleepers:
    """Lets sleep what has been at rest for two looks in a row and is not near the hand.

    What the hand may touch is awake at every step (every twelfth was measured not to be enough): asleep between the
    fingers, an object holds them when they open. What a moving body touches, Bullet wakes by itself.
    """

    def __init__(self, world: Bedroom) -> None:
        self._world = world
        self._places: dict[str, tuple[float, ...]] = {}
        """Where the sleeping ones lie."""
        self._last_places: dict[str, tuple[float, ...]] = {}
        self._resting: set[str] = set()
        self._creeps: dict[str, int] = {}
        """For how many looks in a row each has crept: what leans on another may turn on for ever, a solver's error."""
        self._alerted: set[str] = set()
        self._apart: list[tuple[str, str]] = []
        """Pairs of sleeping objects that are not looked at for contacts; in one order in every process."""
        self._steps = 0

    def keep(self, hand_world: list[float]) -> None:
        """Before a step: wake what is near the hand; now and then let sleep what has come to rest."""
        x, y, z = hand_world
        objects = self._world.objects
        # Plain numbers: at 240 Hz numpy would cost a tenth of the physics.
        near = [name for name, place in self._places.items() if _is_near(place, x, y, z, objects[name].wake_reach_m)]
        for name in near:
            self._wake(name)
        self._steps += 1
        if self._steps % REST_CHECK_STEPS == 0:
            self._look(x, y, z)

    def lay_down(self) -> None:
        """Everything is at rest and the hand is away."""
        for name in self._world.objects:
            self._sleep(name)

    def keep_apart(self) -> None:
        """Before the first step: pairs that cannot touch before one of them is awake, wherever they fall."""
        outlines = {
            p.name: outline(p.kind, p.position_world[0], p.position_world[1], p.yaw_rad)
            for p in self._world.scene.objects
        }
        for one, two in itertools.combinations(outlines, 2):
            if outlines[one].gap_m(outlines[two]) > FAR_M and self._do_boxes_meet(one, two):
                self._apart.append((one, two))
                self._set_filter((one, two), is_apart=True)

    def wake_all(self) -> None:
        """After a support was taken away, or something was put somewhere."""
        for name in self._world.objects:
            self._wake(name)

    def _look(self, x: float, y: float, z: float) -> None:
        world = self._world
        for name, entry in world.objects.items():
            place, _ = pybullet.getBasePositionAndOrientation(entry.body, physicsClientId=world.client)
            has_moved = place != self._last_places.get(name)
            self._last_places[name] = place
            is_slow = world.is_at_rest(name)
            self._creeps[name] = self._creeps.get(name, 0) + 1 if world.is_creeping(name) else 0
            is_resting = is_slow or not has_moved or self._creeps[name] > MAX_CREEPS
            if name in self._places:
                if not is_resting:  # touched by something that moves
                    self._wake(name)
                elif not is_slow:
                    self._sleep(name)
                continue
            if _is_near(place, x, y, z, entry.wake_reach_m):
                self._resting.discard(name)
                self._alert(name)
            elif is_resting and name in self._resting:
                self._sleep(name)
            else:
                self._calm(name)
                (self._resting.add if is_resting else self._resting.discard)(name)

    def _alert(self, name: str) -> None:
        """Bullet may not put it to sleep either."""
        if name not in self._alerted:
            self._alerted.add(name)
            self._set_state(name, AWAKE)

    def _calm(self, name: str) -> None:
        """What trembles on, as a block in a bowl may, Bullet lets sleep after its two seconds."""
        if name in self._alerted:
            self._alerted.discard(name)
            self._set_state(name, CALM)

    def _set_state(self, name: str, state: int) -> None:
        body = self._world.objects[name].body
        pybullet.changeDynamics(body, -1, activationState=state, physicsClientId=self._world.client)

    def _sleep(self, name: str) -> None:
        body, client = self._world.objects[name].body, self._world.client
        # What Bullet lets sleep keeps the velocity of its last step, and would never again count as being at rest.
        pybullet.resetBaseVelocity(body, [0, 0, 0], [0, 0, 0], physicsClientId=client)
        self._set_state(name, ASLEEP)
        self._alerted.discard(name)
        self._places[name], _ = pybullet.getBasePositionAndOrientation(body, physicsClientId=client)
        self._resting.discard(name)

    def _wake(self, name: str) -> None:
        self._places.pop(name, None)
        self._resting.discard(name)
        self._alerted.add(name)
        for pair in [pair for pair in self._apart if name in pair]:
            partner = pair[pair[0] == name]
            self._apart.remove(pair)
            self._set_filter(pair, is_apart=False)
            self._places.pop(partner, None)  # Bullet wakes it with that; it sleeps again when it is seen to rest
        self._set_state(name, AWAKE)

    def _do_boxes_meet(self, *names: str) -> bool:
        """Whether Bullet takes the two for neighbours."""
        bodies = [self._world.objects[name].body for name in names]
        (low_a, high_a), (low_b, high_b) = (pybullet.getAABB(b, -1, physicsClientId=self._world.client) for b in bodies)
        return all(low_a[k] < high_b[k] + FAT_M and low_b[k] < high_a[k] + FAT_M for k in range(3))

    def _set_filter(self, pair: tuple[str, str], *, is_apart: bool) -> None:
        """Bullet wakes everything whose bounding boxes overlap, however far apart: one object then wakes the table."""
        one, two = (self._world.objects[name].body for name in pair)
        pybullet.setCollisionFilterPair(one, two, -1, -1, int(not is_apart), physicsClientId=self._world.client)


def _is_near(place: tuple[float, ...], x: float, y: float, z: float, reach_m: float) -> bool:
    return abs(place[0] - x) < reach_m and abs(place[1] - y) < reach_m and abs(place[2] - z) < reach_m
