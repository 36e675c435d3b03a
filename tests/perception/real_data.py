"""Where real sensor data lies: beside the project, never in it."""

from pathlib import Path

import pytest


def shared_data(name: str) -> Path:
    """The folder `shared/data/NAME` beside one of the parents of this repository; skips the test where it is absent."""
    for parent in Path(__file__).resolve().parents:
        folder = parent / "shared" / "data" / name
        if folder.is_dir():
            return folder
    pytest.skip(f"real data (../shared/data/{name}) is absent")
