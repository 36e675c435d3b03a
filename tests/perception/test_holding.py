"""What the fingers' width tells."""

import numpy as np
import pytest
from verbot.perception.holding import GripEvent, GripWatch


def _events(*pieces: tuple[float, float], noise_m: float = 0.00005) -> list[GripEvent]:
    """Widths ramp from piece to piece (duration in s, width at its end), with the encoder's noise."""
    rng, watch, events = np.random.default_rng(0), GripWatch(), []
    time_s, width_m = 0.0, 0.08
    for duration_s, end_m in pieces:
        count = int(duration_s * 240)
        for value in np.linspace(width_m, end_m, count):
            time_s += 1 / 240
            event = watch.add(time_s, float(value + rng.normal(0, noise_m)))
            if event is not None and (not events or events[-1] is not event):
                events.append(event)
        width_m = end_m
    return events


@pytest.mark.parametrize("noise_m", [0.00005, 0.0005])
def test_closing_on_something_and_opening_are_two_events(noise_m: float) -> None:
    pieces = (0.3, 0.08), (0.2, 0.045), (1.0, 0.045), (0.1, 0.065), (0.5, 0.065)
    assert _events(*pieces, noise_m=noise_m) == [GripEvent.GRIPPED, GripEvent.OPENED]


def test_a_grip_that_breathes_by_a_millimetre_is_no_opening() -> None:
    breathing = [(0.3, 0.030 + 0.0005 * (-1) ** n) for n in range(8)]
    assert _events((0.3, 0.08), (0.2, 0.030), (0.3, 0.030), *breathing) == [GripEvent.GRIPPED]


def test_a_mug_that_rolls_onto_its_handle_in_the_grip_is_not_let_go() -> None:
    rolling = (0.3, 0.0655), (0.2, 0.0675), (0.2, 0.0650), (0.1, 0.0687), (0.5, 0.0687)
    assert _events((0.3, 0.08), (0.2, 0.0659), (0.3, 0.0659), *rolling) == [GripEvent.GRIPPED]


def test_fingers_that_open_by_half_a_centimetre_beside_a_wall_let_go() -> None:
    pieces = (0.3, 0.08), (0.2, 0.045), (0.5, 0.045), (0.05, 0.051), (0.3, 0.051)
    assert _events(*pieces) == [GripEvent.GRIPPED, GripEvent.OPENED]


def test_fingers_that_meet_hold_nothing() -> None:
    assert _events((0.3, 0.08), (0.3, 0.0005), (0.5, 0.0005))[-1] is GripEvent.EMPTY


def test_an_object_that_slips_out_is_lost() -> None:
    assert GripEvent.LOST in _events((0.3, 0.08), (0.2, 0.045), (0.5, 0.045), (0.05, 0.001), (0.3, 0.001))


def test_a_gripper_at_rest_reports_nothing() -> None:
    assert _events((3.0, 0.08)) == []
