"""What meaning and motion are made of.

In:  a sentence and a SceneState (perception).
Out: Task → Plan → Trajectory → Verdict → Outcome, each a frozen value.

Expected outcomes (no plan, refused motion, missed effect) are values from closed enums, never
exceptions: the robot must go on. World frame and units as in perception/types.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float


class Predicate(enum.StrEnum):
    """Relations that a command can ask for. `left`, `front` … as seen by someone at the robot's base."""

    ON = "on"  # on(a, b): a rests on b; b may be "table"
    IN = "in"  # in(a, b): a rests inside the opening of b, or on the table within the zone b
    LEFT_OF = "left_of"
    RIGHT_OF = "right_of"
    IN_FRONT_OF = "in_front_of"
    BEHIND = "behind"
    NEXT_TO = "next_to"
    HOLDING = "holding"  # holding(a)
    AT_SIDE = "at_side"  # at_side(a, "left" | "right" | "front" | "back") of the table
    OPEN = "open"  # open(a): the drawer a stands open
    CLOSED = "closed"  # closed(a): the drawer a is shut
    NEAR = "near"  # near(a, "person"): on the table within a person's reach, and not too near to their body
    POURED = "poured"  # poured(a, b): a was tilted over b; an event, which a scene alone does not show
    AT_START_OF = "at_start_of"  # at_start_of(a, b, "x,y"): a stands where b stood, which was at x, y (m, world)
    RIGHT_IN_ROW = "right_in_row"  # right_in_row(a, b): a is b's right neighbour in one straight row
    LEFT_IN_ROW = "left_in_row"
    SIDE_BY_SIDE = "side_by_side"  # side_by_side(a, b): face to face, so near that a third can rest on both
    UPON_BOTH = "upon_both"  # upon_both(a, b, c): a rests on b and c at once


TABLE = "table"
MARGIN_DIGITS = 9  # of a finding, in its unit
PERSON = "person"
PILE = "pile"  # all small pieces that lie about, whatever ids they have at the moment; "pile:red": those of a colour
EVENTS = frozenset({Predicate.POURED})
"""Goals that are met by having been done, and stay met."""


@dataclass(frozen=True, slots=True, order=True)
class Fact:
    """One relation between object ids, e.g. Fact(Predicate.IN, ("object_3", "object_5"))."""

    predicate: Predicate
    args: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.predicate.value}({', '.join(self.args)})"


@dataclass(frozen=True, slots=True)
class Belief:
    """A fact as believed: True, False or None (unknown), how sure, from where, when.

    `margin_m` is the signed distance by which the relation holds (negative: by which it fails).
    """

    fact: Fact
    value: bool | None
    confidence: float
    source: str
    time_s: float
    margin_m: float | None = None


class Property(enum.StrEnum):
    """What no camera sees of a thing and its scene may declare; a closed list."""

    HOT = "hot"
    COLD = "cold"
    PLASTIC = "plastic"
    METAL = "metal"
    FRAGILE = "fragile"
    STURDY = "sturdy"
    HEAVY = "heavy"
    LIGHT = "light"
    ELECTRONIC = "electronic"
    LIQUID = "liquid"  # it holds a liquid
    EMPTY = "empty"
    SHARP = "sharp"


@dataclass(frozen=True, slots=True)
class NamedLook:
    """What the operator calls something in this scene (its name first), and what a thing so called looks like.

    Colour and size only: of a shape that a perceiver does not know, it reports one that it knows. `properties` is what
    the operator knows of it besides; `nouns` may be empty then.
    """

    nouns: tuple[str, ...]
    color: str
    size_m: tuple[float, float, float]
    properties: tuple[Property, ...] = ()


@dataclass(frozen=True, slots=True)
class Taken:
    """A phrase beyond the lexicon, what it was taken for in this scene, and how sure that is, 0–1."""

    phrase: str
    means: str
    score: float


@dataclass(frozen=True, slots=True)
class Task:
    """A grounded command: `stages` are done in order, the facts of one stage in any order.

    `names` maps object ids to the words a person would use ("the small red block"). `manners` says of facts how they
    are to come true, where that was said: by PUSH or by SWEEP instead of pick and place. `taken` holds phrases that
    only their look explains.
    """

    command: str
    stages: tuple[tuple[Fact, ...], ...]
    names: dict[str, str] = field(default_factory=dict[str, str])
    constraints: tuple[str, ...] = ()
    deadline_s: float = 120.0
    manners: dict[Fact, Action] = field(default_factory=dict["Fact", "Action"])
    taken: tuple[Taken, ...] = ()

    @property
    def goal(self) -> tuple[Fact, ...]:
        """All goal facts in order."""
        return tuple(fact for stage in self.stages for fact in stage)


class ProblemKind(enum.StrEnum):
    """Why a command did not become a task."""

    EMPTY = "empty"
    UNKNOWN_WORD = "unknown_word"
    NOT_UNDERSTOOD = "not_understood"
    NOT_PRESENT = "not_present"
    AMBIGUOUS = "ambiguous"
    CONTRADICTORY = "contradictory"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class Problem:
    """One line: what was wrong, what was expected, what to do. `candidates` answers a question."""

    kind: ProblemKind
    message: str
    candidates: tuple[str, ...] = ()


class Action(enum.StrEnum):
    """Skills that a plan is made of."""

    LOOK = "look"
    PICK = "pick"
    PLACE = "place"
    PUSH = "push"  # one object over the table, by closed fingers
    SWEEP = "sweep"  # many small pieces at once
    OPEN = "open"
    CLOSE = "close"
    POUR = "pour"


@dataclass(frozen=True, slots=True)
class PlanStep:
    """One skill. `object_id` is what is moved; `relation` and `target_id` say where a place, push or sweep goes.

    `relation` of a place is the goal predicate (or ON with TABLE for putting aside);
    `target_id` is an object id, TABLE, or a side word for AT_SIDE.
    `attempt` counts tries of the same step, so that a policy varies its proposal.
    """

    action: Action
    reason: str
    object_id: str | None = None
    relation: Predicate | None = None
    target_id: str | None = None
    preconditions: tuple[Fact, ...] = ()
    effects: tuple[Fact, ...] = ()
    attempt: int = 0

    def __str__(self) -> str:
        parts = [p for p in (self.object_id, self.relation, self.target_id) if p]
        return f"{self.action.value}({', '.join(str(p) for p in parts)})"


class PlanStatus(enum.StrEnum):
    """Where a plan stands."""

    RUNNING = "running"
    DONE = "done"  # every stage's goal is seen to hold
    NO_PLAN = "no_plan"  # nothing left to propose
    REFUSED = "refused"  # every alternative was refused by a rule; see `detail`
    GAVE_UP = "gave_up"  # replans used up


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps in order; `index` is the current one. `detail` says why it ended, in one line.

    `happened` are the EVENTS that steps have brought about, as the monitor saw them.
    """

    steps: tuple[PlanStep, ...]
    index: int = 0
    stage: int = 0
    replans: int = 0
    status: PlanStatus = PlanStatus.RUNNING
    detail: str = ""
    happened: frozenset[Fact] = frozenset()

    @property
    def current(self) -> PlanStep | None:
        """The step to act on, or None when the plan has ended."""
        if self.status is not PlanStatus.RUNNING or self.index >= len(self.steps):
            return None
        return self.steps[self.index]


@dataclass(frozen=True, slots=True)
class MotionConvention:
    """How commanded motion is to be read; a robot's and a policy's must agree before step one."""

    joint_names: tuple[str, ...]
    absolute: bool = True
    rate_hz: float | None = None  # None: any sampling, times are in the trajectory
    gripper: str = "width_m"


@dataclass(frozen=True, slots=True)
class Trajectory:
    """Timed joint targets; `times_s` counts from the moment execution starts and begins at 0.

    Positions are joined by cubic Hermite pieces through `velocities_radps`. `gripper_width_m` is the
    commanded opening. `held`, `pushed` and `touches` tell the guard what the motion means: the object carried from
    a time on, the objects that the fingers push before them, and those that the fingers or the held object may touch.
    """

    joint_names: tuple[str, ...]
    times_s: Float[np.ndarray, "times"]
    positions_rad: Float[np.ndarray, "times joints"]
    velocities_radps: Float[np.ndarray, "times joints"]
    gripper_width_m: Float[np.ndarray, "times"]
    held: tuple[HeldSpan, ...] = ()
    touches: tuple[str, ...] = ()
    label: str = ""
    target_pose_world: Float[np.ndarray, "4 4"] | None = None
    pushed: tuple[HeldSpan, ...] = ()

    def __post_init__(self) -> None:
        expected = (len(self.times_s), len(self.joint_names))
        if self.positions_rad.shape != expected or self.velocities_radps.shape != expected:
            raise ValueError(
                f"Trajectory has positions {self.positions_rad.shape} and velocities {self.velocities_radps.shape}, "
                f"expected {expected} (times, joints). Transpose them if joints come first."
            )
        if len(self.gripper_width_m) != len(self.times_s):
            raise ValueError(
                f"Trajectory.gripper_width_m has {len(self.gripper_width_m)} values, expected {len(self.times_s)}, "
                "one for each time."
            )

    @property
    def duration_s(self) -> float:
        """Time of the last sample."""
        return float(self.times_s[-1]) if len(self.times_s) else 0.0


@dataclass(frozen=True, slots=True)
class HeldSpan:
    """The object is carried in the hand (or pushed by it) from `start_s` to `end_s`, fixed at T_hand_object.

    "hand" is the robot's tool frame (RobotDescription.tool_frame).
    """

    object_id: str
    start_s: float
    end_s: float
    T_hand_object: Float[np.ndarray, "4 4"]


class NoMotionReason(enum.StrEnum):
    """Why a policy has no motion for a step."""

    NO_GRASP = "no_grasp"
    NO_PLACE = "no_place"
    NO_IK = "no_ik"
    NO_PATH = "no_path"
    NOT_SEEN = "not_seen"


@dataclass(frozen=True, slots=True)
class NoMotion:
    """A policy's honest "I cannot": geometry's answer to the planner.

    `blocked_by` names objects that stand in the way, where that is known.
    """

    reason: NoMotionReason
    detail: str
    blocked_by: tuple[str, ...] = ()


class Ruling(enum.StrEnum):
    """What one rule says of one motion."""

    ALLOWED = "allowed"
    REFUSED = "refused"
    NOT_EVALUATED = "not_evaluated"


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule's ruling, with its signed margin (negative: broken by that much) and the worst moment."""

    rule: str
    ruling: Ruling
    margin: float | None
    unit: str
    time_s: float | None
    reason: str

    def __post_init__(self) -> None:
        # The last bits of a collision library's distances depend on what its process did before.
        if self.margin is not None:
            object.__setattr__(self, "margin", round(self.margin, MARGIN_DIGITS))


@dataclass(frozen=True, slots=True)
class Verdict:
    """All rules over one trajectory. `trajectory` is what may be executed; None when refused."""

    allowed: bool
    findings: tuple[Finding, ...]
    trajectory: Trajectory | None

    @property
    def worst(self) -> Finding | None:
        """The finding that decides: the first refused one, else the smallest margin."""
        refused = [f for f in self.findings if f.ruling is not Ruling.ALLOWED]
        if refused:
            return refused[0]
        return min(self.findings, key=lambda f: np.inf if f.margin is None else f.margin, default=None)


class OutcomeKind(enum.StrEnum):
    """What became of the last step."""

    DONE = "done"
    REFUSED = "refused"
    MISSED = "missed"
    STOPPED = "stopped"
    INFEASIBLE = "infeasible"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The planner's feedback: the step, what became of it, and why."""

    kind: OutcomeKind
    step: PlanStep
    detail: str = ""
    verdict: Verdict | None = None
    no_motion: NoMotion | None = None
