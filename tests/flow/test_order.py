"""An episode does not depend on what ran before it in the same process."""

import json
from typing import Any

from verbot.agent.assignment import make_assignment
from verbot.agent.config import make_run_config
from verbot.agent.episode import Episode
from verbot.agent.suites import draw_scene

EPISODES = (("table_road/put_in", 3, None), ("tabletop/open_drawer", 2, None), ("table_road/stack", 5, "cameras_noisy"))


def _play(name: str, seed: int, faults: str | None) -> dict[str, Any]:
    drawn = draw_scene(name, seed, {})
    assert drawn is not None
    config = make_run_config(
        command=drawn.command, scene=name, robot="panda:panda_table_small", seed=seed, device="cpu", faults=faults
    )
    with Episode(config, stage=lambda _: drawn.scene) as episode:
        result = episode.run(assignment=make_assignment(drawn))
    values = json.loads(json.dumps(result.values))
    values.pop("timings_s")
    return values


def test_episodes_are_the_same_in_either_order() -> None:
    forward = {which: _play(*which) for which in EPISODES}
    backward = {which: _play(*which) for which in reversed(EPISODES)}
    for which in EPISODES:
        assert forward[which]["steps"], which
        assert forward[which] == backward[which], which
