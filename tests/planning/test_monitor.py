"""What fingers and eyes say of a step."""

import numpy as np
import pytest
from symbolic_scenes import make, make_scene, upon
from verbot.perception.types import JointSamples, SensorFrame
from verbot.planning.monitor import Monitor
from verbot.planning.types import (
    TABLE,
    Action,
    Fact,
    Finding,
    HeldSpan,
    NoMotion,
    NoMotionReason,
    OutcomeKind,
    PlanStep,
    Predicate,
    Ruling,
    Trajectory,
    Verdict,
)

PICK = PlanStep(Action.PICK, "", "a", effects=(Fact(Predicate.HOLDING, ("a",)),))
PLACE = PlanStep(Action.PLACE, "", "a", Predicate.IN, "bowl", effects=(Fact(Predicate.IN, ("a", "bowl")),))
BOWL = make("bowl", "bowl", "green", 0.5, 0.1)
APART = make("a", "block_small", "red", 0.4, -0.1)


def trajectory(start_s, end_s, duration_s=6.0):
    return Trajectory(
        ("j",),
        np.array([0.0, duration_s]),
        np.zeros((2, 1)),
        np.zeros((2, 1)),
        np.zeros(2),
        held=(HeldSpan("a", start_s, end_s, np.eye(4)),),
    )


ALLOWED = Verdict(True, (), trajectory(0.0, 3.0))


def read(until_s, widths_m, rate_hz=100.0):
    """A frame read at `until_s` of a motion that began at 10 s on the robot's clock."""
    times = 10.0 + until_s - np.arange(len(widths_m))[::-1] / rate_hz
    zeros = np.zeros((len(widths_m), 1))
    joints = JointSamples(("j",), times, zeros, zeros, np.array(widths_m))
    return SensorFrame(10.0 + until_s, joints=joints)


def test_empty_grasp_is_noticed_after_closing():
    monitor = Monitor()
    monitor.start(PICK, trajectory(2.0, 6.0))
    assert monitor.lost(read(2.3, [0.03] * 10), 2.3) is None
    assert "closed on nothing" in (monitor.lost(read(2.8, [0.0004] * 10), 2.8) or "")


def test_slipping_out_is_noticed_while_carrying():
    monitor = Monitor()
    monitor.start(PLACE, trajectory(0.0, 3.0))
    assert monitor.lost(read(0.1, [0.0301] * 10), 0.1) is None
    assert monitor.lost(read(0.2, [0.0299] * 10), 0.2) is None
    assert "slipped out" in (monitor.lost(read(0.3, [0.0290, 0.02, 0.01, 0.004, 0.003, 0.003]), 0.3) or "")


def test_thin_rim_between_the_fingers_is_not_an_empty_grasp():
    monitor = Monitor()
    monitor.start(PLACE, trajectory(0.0, 3.0))
    assert monitor.lost(read(0.1, [0.005] * 10), 0.1) is None
    assert monitor.lost(read(0.2, [0.0047] * 10), 0.2) is None


def test_one_odd_reading_is_not_a_loss():
    monitor = Monitor()
    monitor.start(PLACE, trajectory(0.0, 3.0))
    assert monitor.lost(read(0.1, [0.03] * 10), 0.1) is None
    assert monitor.lost(read(0.2, [0.03, 0.03, 0.0, 0.03, 0.03]), 0.2) is None


def test_opening_on_purpose_is_not_a_loss():
    monitor = Monitor()
    monitor.start(PLACE, trajectory(0.0, 3.0))
    assert monitor.lost(read(0.1, [0.03] * 10), 0.1) is None
    assert monitor.lost(read(3.5, [0.08] * 10), 3.5) is None


def test_motion_without_object_is_not_watched():
    monitor = Monitor()
    empty = Trajectory(("j",), np.array([0.0, 1.0]), np.zeros((2, 1)), np.zeros((2, 1)), np.zeros(2))
    monitor.start(PlanStep(Action.LOOK, ""), empty)
    assert monitor.lost(read(0.5, [0.0] * 10), 0.5) is None


def test_place_is_done_when_its_effect_is_seen():
    inside = make_scene(BOWL, upon("a", "block_small", "red", BOWL))
    assert Monitor().outcome(PLACE, inside, ALLOWED).kind is OutcomeKind.DONE
    beside = Monitor().outcome(PLACE, make_scene(BOWL, APART), ALLOWED)
    assert beside.kind is OutcomeKind.MISSED
    assert "in(a, bowl)" in beside.detail


def test_place_is_missed_when_the_object_is_gone_or_still_held():
    gone = Monitor().outcome(PLACE, make_scene(BOWL), ALLOWED)
    held = Monitor().outcome(PLACE, make_scene(BOWL, APART, held="a"), ALLOWED)
    assert (gone.kind, gone.detail) == (OutcomeKind.MISSED, "in(a, bowl) cannot be judged: a is not seen")
    assert (held.kind, held.detail) == (OutcomeKind.MISSED, "a is still in the hand")


def test_pick_is_done_when_the_object_is_in_the_hand():
    assert Monitor().outcome(PICK, make_scene(APART, held="a"), ALLOWED).kind is OutcomeKind.DONE
    assert Monitor().outcome(PICK, make_scene(APART), ALLOWED).kind is OutcomeKind.MISSED
    assert "b is" in Monitor().outcome(PICK, make_scene(APART, held="b"), ALLOWED).detail


def test_place_without_effects_is_judged_by_its_relation():
    step = PlanStep(Action.PLACE, "", "a", Predicate.ON, TABLE)
    assert Monitor().outcome(step, make_scene(APART), ALLOWED).kind is OutcomeKind.DONE


def test_broken_off_motion_is_stopped_with_its_reason():
    outcome = Monitor().outcome(PLACE, make_scene(BOWL, APART), ALLOWED, "a slipped out")
    assert (outcome.kind, outcome.detail) == (OutcomeKind.STOPPED, "a slipped out")


def test_refusal_and_infeasibility_carry_their_reason():
    finding = Finding("keep_out", Ruling.REFUSED, -0.02, "m", 1.0, "the hand enters the zone")
    refused = Monitor().outcome(PLACE, make_scene(BOWL, APART), Verdict(False, (finding,), None))
    assert (refused.kind, refused.detail) == (OutcomeKind.REFUSED, "keep_out: the hand enters the zone")
    cannot = NoMotion(NoMotionReason.NO_GRASP, "no room", ("b",))
    infeasible = Monitor().outcome(PICK, make_scene(APART), cannot)
    assert infeasible.kind is OutcomeKind.INFEASIBLE
    assert infeasible.no_motion is cannot


@pytest.mark.parametrize("result", [ALLOWED, NoMotion(NoMotionReason.NO_PATH, "")])
def test_look_needs_no_effect(result):
    kind = Monitor().outcome(PlanStep(Action.LOOK, ""), make_scene(), result).kind
    assert kind is (OutcomeKind.DONE if isinstance(result, Verdict) else OutcomeKind.INFEASIBLE)
