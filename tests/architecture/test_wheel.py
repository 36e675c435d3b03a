import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_wheel_in_an_empty_environment_leaves_only_verbot_on_the_import_path(tmp_path: Path) -> None:
    source = tmp_path / "source"
    subprocess.run(["git", "clone", "-q", str(ROOT), str(source)], check=True)
    build = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(tmp_path), "."]
    subprocess.run(build, cwd=source, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("verbot-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        assert {name.split("/")[0] for name in archive.namelist()} == {
            "verbot",
            wheel.name.split("-py3")[0] + ".dist-info",
        }

    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "venv")], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    (site,) = (tmp_path / "venv" / "lib").glob("python*/site-packages")
    before = set(site.iterdir())
    install = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(site), str(wheel)]
    subprocess.run(install, check=True, capture_output=True)
    added = {path.name for path in set(site.iterdir()) - before}
    assert {name for name in added if not name.endswith(".dist-info") and name != "bin"} == {"verbot"}
    probe = (
        "import importlib.util as u, verbot; "
        "assert all(u.find_spec(n) is None for n in ('agent','perception','planning','policies','sim','tests')); "
        "import verbot.agent, verbot.perception, verbot.planning, verbot.policies, verbot.sim; print('ok')"
    )
    done = subprocess.run([str(python), "-c", probe], cwd=tmp_path, check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "ok"
