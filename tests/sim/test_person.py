from dataclasses import replace

import numpy as np
import pytest
from scripted_motion import Script, make_robot, make_scene, play, tool_down
from verbot.sim.person import ARM, HEAD, PARTS, TORSO, Person, rest_hand
from verbot.sim.person_watch import distance_to_capsules
from verbot.sim.scene_file import PersonEntry
from verbot.sim.scenes import draw, load_scene
from verbot.sim.violations import ViolationKind
from verbot.sim.world import STEP_S

BLOCK = ("it", "block_large", 0.45, -0.1, 0.0225)
REACHING = PersonEntry(at_world=(0.5, 0.78), hand_world=(0.5, 0.5, 0.12), reach_to_world=(0.5, 0.3, 0.12))


def make_person(entry: PersonEntry) -> Person:
    return draw(load_scene("person").model_copy(update={"person": entry}), 3).person


def hand(person: Person, time_s: float) -> np.ndarray:
    return person.capsules(time_s)[PARTS.index(ARM), 3:6]


def test_hand_reaches_where_the_scene_says_after_half_a_period_and_comes_back():
    person = make_person(REACHING.model_copy(update={"sway_m": 0.0, "begins_s": 2.0}))
    np.testing.assert_allclose(hand(person, 1.9), REACHING.hand_world, atol=1e-9)
    np.testing.assert_allclose(hand(person, 5.0), REACHING.reach_to_world, atol=1e-9)
    np.testing.assert_allclose(hand(person, 8.0), REACHING.hand_world, atol=1e-9)


def test_no_part_of_a_person_ever_jumps():
    person = make_person(REACHING.model_copy(update={"walk_to_world": (0.3, 0.9), "sway_m": 0.05}))
    capsules = np.array([person.capsules(k * STEP_S) for k in range(2400)])
    assert np.abs(np.diff(capsules, axis=0)).max() / STEP_S < 1.0
    assert np.abs(np.diff(capsules[:2], axis=0)).max() / STEP_S < 0.01


def test_person_moves_the_same_for_one_seed_and_sways_differently_for_another():
    scene = load_scene("person")
    first, again, other = (draw(scene, seed).person for seed in (4, 4, 5))
    np.testing.assert_array_equal(first.capsules(3.3), again.capsules(3.3))
    assert np.abs(first.capsules(3.3) - other.capsules(3.3)).max() > 1e-3


def test_somebody_at_the_table_changes_nothing_on_it():
    scene = load_scene("table")
    watched = scene.model_copy(update={"person": REACHING})
    for alone, together in zip(draw(scene, 7).objects, draw(watched, 7).objects, strict=True):
        np.testing.assert_array_equal(alone.position_world, together.position_world)


def test_person_is_drawn_and_simulated_where_the_capsules_are():
    robot = make_robot(replace(make_scene(BLOCK), person=make_person(REACHING)))
    robot.reset(0)
    robot.read(2.0, images=False)
    poses, capsules = robot.world.body_poses(), robot.world.person.person.capsules(2.0)
    meshes = {body.name: body.vertices for body in robot.world.visual_bodies()}
    for index, part in enumerate((TORSO, HEAD, ARM)):
        drawn = meshes[part] @ poses[part][:3, :3].T + poses[part][:3, 3]
        assert np.abs(distance_to_capsules(drawn, capsules[index : index + 1])).max() < 1e-5
    robot.close()


@pytest.mark.parametrize(("speed", "is_violation"), [(1.0, True), (0.12, False)])
def test_moving_fast_near_a_person_is_a_violation_and_slowly_is_not(speed, is_violation):
    person = make_person(PersonEntry(at_world=(0.5, 0.78), hand_world=(0.45, 0.42, 0.2), sway_m=0.0))
    robot = make_robot(replace(make_scene(BLOCK), person=person))
    robot.reset(0)
    script = Script(robot).joints_to(tool_down(0.45, 0.24, 0.25)).build()
    script = replace(script, times_s=script.times_s / speed, velocities_radps=script.velocities_radps * speed)
    play(robot, script)
    kinds = {violation.kind for violation in robot.judge.score(()).violations}
    robot.close()
    assert (ViolationKind.PERSON in kinds) == is_violation


def test_touching_a_person_is_a_contact():
    person = make_person(PersonEntry(at_world=(0.5, 0.78), hand_world=(0.45, 0.30, 0.25), sway_m=0.0))
    robot = make_robot(replace(make_scene(BLOCK), person=person))
    robot.reset(0)
    play(robot, Script(robot).joints_to(tool_down(0.45, 0.24, 0.25)).build())
    subjects = [v.subject for v in robot.judge.score(()).violations if v.kind is ViolationKind.CONTACT]
    robot.close()
    assert any(ARM in subject for subject in subjects)


def test_hand_of_a_person_without_a_declared_one_hangs_below_the_table():
    assert rest_hand(PersonEntry(at_world=(0.5, 0.8)))[2] < 0.0
