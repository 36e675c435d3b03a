import json
import subprocess
import sys
from pathlib import Path

from transcript import Transcript
from verbot.agent.config import make_run_config
from verbot.agent.episode import Episode


def test_replay_without_the_simulator_gives_byte_identical_scenes_plans_and_verdicts(tmp_path: Path) -> None:
    config = make_run_config(command="put the red block in the green bowl", seed=5, device="cpu")
    (tmp_path / "config.toml").write_text(config.to_toml())
    live = Transcript()
    with Episode(config, record_to=tmp_path / "frames") as episode:
        assert episode.run(live).success
    script = Path(__file__).with_name("transcript.py")
    replayed = subprocess.run([sys.executable, str(script), str(tmp_path)], capture_output=True, text=True, check=False)
    assert replayed.returncode == 0, replayed.stderr
    lines = json.loads(replayed.stdout)
    assert any(line.startswith("finding") for line in lines)
    differing = [(a, b) for a, b in zip(lines, live.lines, strict=True) if a != b]
    assert not differing, differing[0]
