import numpy as np
from verbot.planning.chase import Chase, MotionState
from verbot.planning.robot_description import load_robot
from verbot.planning.timing import motion_limits

LIMITS = motion_limits(load_robot("panda"))
STILL = np.zeros(7)


def test_chase_from_rest_ends_at_rest_at_its_target_within_limits() -> None:
    target = np.linspace(-1.0, 1.0, 7)
    chase = Chase(MotionState(STILL, STILL, STILL), target, LIMITS)
    states = [chase.state(t) for t in np.linspace(0.0, chase.duration_s, 200)]
    assert np.abs([s.velocities_radps for s in states]).max(axis=0).max() <= LIMITS.velocity_radps.max() + 1e-9
    assert (np.abs([s.accelerations_radps2 for s in states]) <= LIMITS.acceleration_radps2 + 1e-9).all()
    np.testing.assert_allclose(states[-1].positions_rad, target)
    np.testing.assert_array_equal(states[-1].velocities_radps, 0.0)


def test_target_that_changes_under_way_leaves_no_jump() -> None:
    first = Chase(MotionState(STILL, STILL, STILL), np.full(7, 0.5), LIMITS)
    now = first.state(0.2)
    second = Chase(now, np.full(7, -0.5), LIMITS)
    after = second.state(1e-4)
    assert np.abs(now.velocities_radps).max() > 0.1
    np.testing.assert_allclose(after.velocities_radps, now.velocities_radps, atol=2e-3)
    np.testing.assert_allclose(after.accelerations_radps2, now.accelerations_radps2, atol=2e-2)
    np.testing.assert_allclose(second.state(second.duration_s + 1.0).positions_rad, -0.5)
