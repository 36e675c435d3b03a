"""Rules as data: what must hold of a motion beyond the robot's own limits.

In:  a rule file (TOML), strictly read.
Out: Rule values, and `judge`: one Finding for each rule that applies to a step.
A rule that lacks a fact it needs is not evaluated; at high severity the guard then refuses.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any, cast

import numpy as np
from jaxtyping import Float

from ..perception.types import SceneState
from .collision import Clearance
from .containment import contents_of
from .keep_distance import PEOPLE, Approach
from .types import Action, Finding, PlanStep, Ruling, Task

# Kinds of rules with their parameters and the values these have when the file leaves them out.
KINDS: dict[str, dict[str, float]] = {
    "keep_out": {"margin_m": 0.0},
    "empty_hand": {},
    "upright": {"tilt_max_rad": 0.26},
    "scene_age": {"age_max_s": 1.0},
    "keep_distance": {"stop_m": 0.05, "near_m": 0.20, "speed_max_mps": 0.20},
}
SEVERITIES = ("high", "low")
KEEP_OUT = "keep_out"
_KEYS = ("id", "sentence", "kind", "applies_to", "severity", "parameters")


class RuleError(ValueError):
    """A rule file that cannot be read; one line with file, key and what was expected."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `applies_to` are actions; `parameters` carry their unit in the name."""

    id: str
    sentence: str
    kind: str
    applies_to: tuple[Action, ...]
    severity: str
    parameters: dict[str, float]


@dataclass(frozen=True, slots=True)
class CarriedMoment:
    """The pose of a carried object at one time of the motion."""

    object_id: str
    time_s: float
    pose_world: Float[np.ndarray, "4 4"]


@dataclass(frozen=True, slots=True)
class MotionFacts:
    """What the guard measured on a motion for rules to judge.

    `zones` holds clearances to keep-out zones with the time of each; `carried` samples of what the hand carries.
    """

    scene: SceneState
    task: Task
    step: PlanStep
    zones: tuple[tuple[Clearance, float], ...]
    carried: tuple[CarriedMoment, ...]
    approach: Approach | None = None


def load_rules(path: Path | None = None) -> tuple[Rule, ...]:
    """The rules of a file; without a path those shipped with the package."""
    if path is None:
        file, name = resources.files(__package__ or "verbot.planning") / "data" / "rules.toml", "rules.toml"
        return read_rules(file.read_text(encoding="utf-8"), name)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise RuleError(f"{path}: cannot be read ({error.strerror}). Give the path of a rule file.") from error
    return read_rules(text, str(path))


def read_rules(text: str, file: str) -> tuple[Rule, ...]:
    """Rules from TOML text; unknown keys, kinds, actions and parameters are errors that name the nearest."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RuleError(f"{file}: not valid TOML ({error}). Correct the line.") from error
    for key in content:
        _check_word(key, ("rule",), f"{file}: key")
    entries = content.get("rule", [])
    if not isinstance(entries, list):
        raise RuleError(f"{file}: 'rule' is no list of tables. Write [[rule]] above each rule.")
    rules = tuple(_read_rule(cast(Mapping[str, Any], entry), file) for entry in cast(list[Any], entries))
    ids = [rule.id for rule in rules]
    twice = sorted({i for i in ids if ids.count(i) > 1})
    if twice:
        raise RuleError(f"{file}: rule id '{twice[0]}' is used twice; ids must differ. Rename one.")
    return rules


def judge(rules: Iterable[Rule], facts: MotionFacts) -> list[Finding]:
    """One finding for every rule that applies to the step."""
    judges = {
        "keep_out": _keep_out,
        "empty_hand": _empty_hand,
        "upright": _upright,
        "scene_age": _scene_age,
        "keep_distance": _keep_distance,
    }
    return [judges[rule.kind](rule, facts) for rule in rules if facts.step.action in rule.applies_to]


def read_zones(constraints: Sequence[str]) -> tuple[list[tuple[float, ...]], list[str]]:
    """Keep-out boxes written as `keep_out(x0, y0, z0, x1, y1, z1)`, and the constraints that nobody understands."""
    zones: list[tuple[float, ...]] = []
    unknown: list[str] = []
    for constraint in constraints:
        name, _, rest = constraint.partition("(")
        try:
            values = tuple(float(part) for part in rest.rstrip(") ").split(","))
        except ValueError:
            values = ()
        if name.strip() == KEEP_OUT and len(values) == 6:
            zones.append(values)
        elif constraint == PEOPLE:
            continue  # the rules read it themselves
        else:
            unknown.append(constraint)
    return zones, unknown


def write_zone(zone: Sequence[float]) -> str:
    """The constraint that `read_zones` reads: x, y, z minimum, then maximum; m, world frame."""
    return f"{KEEP_OUT}({', '.join(f'{float(value):g}' for value in zone)})"


def is_zone(name: str) -> bool:
    """Whether a solid of this name is a keep-out zone."""
    return name.startswith(KEEP_OUT)


def _read_rule(entry: Mapping[str, Any], file: str) -> Rule:
    where = f"{file}: rule '{entry.get('id', '?')}':"
    for key in entry:
        _check_word(key, _KEYS, f"{where} key")
    missing = [key for key in _KEYS[:-1] if key not in entry]
    if missing:
        raise RuleError(f"{where} key '{missing[0]}' is missing; expected {', '.join(_KEYS[:-1])}. Add it.")
    _check_word(entry["kind"], tuple(KINDS), f"{where} kind")
    _check_word(entry["severity"], SEVERITIES, f"{where} severity")
    for action in entry["applies_to"]:
        _check_word(action, tuple(a.value for a in Action), f"{where} action")
    defaults = KINDS[entry["kind"]]
    given = cast(Mapping[str, Any], entry.get("parameters", {}))
    for key, value in given.items():
        _check_word(key, tuple(defaults), f"{where} parameter")
        if not isinstance(value, (int, float)) or isinstance(value, bool) or not np.isfinite(value):
            raise RuleError(f"{where} parameter '{key}' is {value!r}, expected a number. Correct it.")
    actions = tuple(Action(action) for action in entry["applies_to"])
    parameters = defaults | {key: float(value) for key, value in given.items()}
    return Rule(entry["id"], entry["sentence"], entry["kind"], actions, entry["severity"], parameters)


def _check_word(word: Any, known: Sequence[str], what: str) -> None:
    if word in known:
        return
    near = difflib.get_close_matches(str(word), known, n=1, cutoff=0.0)
    hint = f" Did you mean '{near[0]}'?" if near else " Remove it."
    raise RuleError(f"{what} '{word}' is unknown; expected one of {', '.join(known) or 'none'}.{hint}")


def _keep_out(rule: Rule, facts: MotionFacts) -> Finding:
    if not facts.zones:
        return Finding(rule.id, Ruling.ALLOWED, None, "m", None, "no keep-out zone is declared")
    margin_m = rule.parameters["margin_m"]
    worst, time_s = min(facts.zones, key=lambda zone: zone[0].distance_m)
    left_m = worst.distance_m - margin_m
    where = f"{worst.part} comes to {worst.distance_m * 1000:.0f} mm from {worst.owner}"
    ruling = Ruling.ALLOWED if left_m >= 0 else Ruling.REFUSED
    reason = where if left_m >= 0 else f"{where}; {margin_m * 1000:.0f} mm must be left. Go around it."
    return Finding(rule.id, ruling, left_m, "m", time_s, reason)


def _empty_hand(rule: Rule, facts: MotionFacts) -> Finding:
    """Yes or no: one object too many, or one too few, is a margin of -1 object."""
    body, step, names = facts.scene.body, facts.step, facts.task.names
    if body is None:
        return Finding(rule.id, Ruling.NOT_EVALUATED, None, "", None, "the state of the hand is not known")
    held = body.held
    takes = (Action.PICK, Action.OPEN, Action.CLOSE)
    if step.action in takes and held is not None and held != step.object_id:
        reason = f"the hand already holds {names.get(held, held)}. Put it down first."
        return Finding(rule.id, Ruling.REFUSED, -1.0, "objects", 0.0, reason)
    if step.action in (Action.PUSH, Action.SWEEP) and held is not None:
        reason = f"the hand holds {names.get(held, held)}. Put it down first."
        return Finding(rule.id, Ruling.REFUSED, -1.0, "objects", 0.0, reason)
    if step.action in (Action.PLACE, Action.POUR) and held != step.object_id:
        wanted = names.get(step.object_id or "", step.object_id)
        has = f"holds {names.get(held, held)}" if held else "is empty"
        reason = f"the hand {has}, not {wanted}. Pick it up first."
        return Finding(rule.id, Ruling.REFUSED, -1.0, "objects", 0.0, reason)
    reason = f"the hand {'holds ' + names.get(held, held) if held else 'is empty'}"
    return Finding(rule.id, Ruling.ALLOWED, 1.0, "objects", 0.0, reason)


def _upright(rule: Rule, facts: MotionFacts) -> Finding:
    worst: tuple[float, float, str] | None = None
    limit_rad = rule.parameters["tilt_max_rad"]
    # Without the body, what lies in a held container counts as its contents too.
    at_rest = replace(facts.scene, body=None)
    full = {o.id for o in at_rest.objects if o.cavity_depth_m > 0 and contents_of(o, at_rest, without="")}
    for moment in facts.carried:
        if moment.object_id in full:
            tilt_rad = float(np.arccos(np.clip(moment.pose_world[2, 2], -1.0, 1.0)))
            if worst is None or tilt_rad > worst[0]:
                worst = (tilt_rad, moment.time_s, moment.object_id)
    if worst is None:
        return Finding(rule.id, Ruling.ALLOWED, None, "rad", None, "no filled container is carried")
    tilt_rad, time_s, name = worst
    ruling = Ruling.ALLOWED if tilt_rad <= limit_rad else Ruling.REFUSED
    reason = f"{facts.task.names.get(name, name)} holds something and tilts by {tilt_rad:.2f} rad of {limit_rad:.2f}"
    return Finding(rule.id, ruling, limit_rad - tilt_rad, "rad", time_s, reason)


def _keep_distance(rule: Rule, facts: MotionFacts) -> Finding:
    if facts.approach is None:
        if PEOPLE in facts.task.constraints:
            reason = "people may be here and nobody is seen. Look again, with a LiDAR that sees around the table."
            return Finding(rule.id, Ruling.NOT_EVALUATED, None, "m", None, reason)
        return Finding(rule.id, Ruling.ALLOWED, None, "m", None, "nobody is seen and none is declared")
    worst = int(np.argmin(facts.approach.distances_m))
    nearest_m, time_s = float(facts.approach.distances_m[worst]), float(facts.approach.times_s[worst])
    stop_m, limit_mps = rule.parameters["stop_m"], rule.parameters["speed_max_mps"]
    where = f"the robot comes to {nearest_m * 100:.0f} cm from the person"
    if nearest_m < stop_m:
        reason = f"{where}; {stop_m * 100:.0f} cm must be left. Ask for something farther away, or step back."
        return Finding(rule.id, Ruling.REFUSED, nearest_m - stop_m, "m", time_s, reason)
    fastest_mps = facts.approach.fastest_mps
    if fastest_mps > limit_mps * 1.01:
        when_s = float(facts.approach.times_s[int(np.argmax(facts.approach.speeds_mps))])
        reason = f"{where} and moves at {fastest_mps:.2f} m/s near them, {limit_mps:.2f} allowed. Slow down."
        return Finding(rule.id, Ruling.REFUSED, limit_mps - fastest_mps, "m/s", when_s, reason)
    return Finding(rule.id, Ruling.ALLOWED, nearest_m - stop_m, "m", time_s, where)


def _scene_age(rule: Rule, facts: MotionFacts) -> Finding:
    if facts.scene.seen_s is None:
        return Finding(rule.id, Ruling.NOT_EVALUATED, None, "s", None, "no camera or LiDAR has looked yet. Look first.")
    limit_s = rule.parameters["age_max_s"]
    age_s = facts.scene.time_s - facts.scene.seen_s
    ruling = Ruling.ALLOWED if age_s <= limit_s else Ruling.REFUSED
    reason = f"the scene was last seen {age_s:.2f} s ago; at most {limit_s:.2f} s are allowed"
    return Finding(rule.id, ruling, limit_s - age_s, "s", 0.0, reason if age_s <= limit_s else reason + ". Look again.")
