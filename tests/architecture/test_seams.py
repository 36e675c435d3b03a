import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("perception", "planning", "policies", "sim", "agent")


def _imports(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.split(".")[0])
    return names


def _users_of(module: str) -> set[str]:
    files = [file for package in PACKAGES for file in (ROOT / package).rglob("*.py")]
    return {file.relative_to(ROOT).as_posix() for file in files if module in _imports(file)}


def test_pybullet_stays_in_the_simulator() -> None:
    outside = {user for user in _users_of("pybullet") | _users_of("pybullet_data") if not user.startswith("sim/")}
    assert not outside


def test_gymnasium_stays_with_the_environments() -> None:
    own = {"sim/envs.py", "sim/env_wrappers.py", "sim/task_env.py", "sim/reach_env.py", "sim/env_observations.py"}
    assert _users_of("gymnasium") <= {*own, "sim/foreign_envs.py"}


def test_pyarrow_stays_with_datasets() -> None:
    assert _users_of("pyarrow") <= {"agent/evaluation/demonstrations.py"}


def test_open3d_stays_out_of_what_fuses_on_a_gpu_machine() -> None:
    meshing = "perception/mapping/meshing.py"
    assert not {user for user in _users_of("open3d") if not user.startswith("sim/")} - {meshing}
    # Meshes are for looking and checking: nothing that perceives may need that file.
    others = [file for file in (ROOT / "perception").rglob("*.py") if file != ROOT / meshing]
    assert not [file for file in others if ".meshing" in file.read_text()]


@pytest.mark.parametrize("package", PACKAGES)
def test_no_types_module_needs_torch(package: str) -> None:
    assert f"{package}/types.py" not in _users_of("torch")


def test_no_pickle_anywhere() -> None:
    assert not _users_of("pickle") | _users_of("cloudpickle") | _users_of("dill")


def test_wall_clock_is_looked_at_in_one_place_only() -> None:
    # cli.py notes when the process was entered and hands that to the stopwatch.
    # bench_sensors measures nothing else, and sim cannot reach the stopwatch.
    allowed = {"agent/stopwatch.py", "agent/cli.py", "sim/bench_sensors.py"}
    assert _users_of("time") <= allowed


def test_entry_points_are_read_in_one_place_only() -> None:
    files = [file for package in PACKAGES for file in (ROOT / package).rglob("*.py")]
    readers = {f.relative_to(ROOT).as_posix() for f in files if "entry_points" in f.read_text(encoding="utf-8")}
    assert readers <= {"agent/plugins.py"}


@pytest.mark.parametrize("package", PACKAGES)
def test_package_init_holds_a_docstring_only(package: str) -> None:
    body = ast.parse((ROOT / package / "__init__.py").read_text(encoding="utf-8")).body
    assert len(body) == 1
