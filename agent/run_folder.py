"""Where a run's files go: `runs/<time>-<slug>/`, written atomically, with the link `runs/latest`."""

from __future__ import annotations

import datetime
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .config import ConfigError


class RunFolder:
    """One run's directory."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write_text(self, name: str, text: str) -> Path:
        """Write a file so that a reader sees the old one or the new one, never half of it."""
        return self.write_bytes(name, text.encode("utf-8"))

    def write_bytes(self, name: str, content: bytes) -> Path:
        """Like `write_text`."""
        return place_whole(self.path / name, lambda temporary: temporary.write_bytes(content))

    def write_json(self, name: str, value: Any) -> Path:
        """Sorted nowhere: keys stay in the order in which a person reads them."""
        return self.write_text(name, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def place_whole(target: Path, write: Callable[[Path], object], *, is_durable: bool = False) -> Path:
    """Let `write` make a file under another name, and give it its own only once it is whole (and, durable, on disk)."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.tmp")
    try:
        write(temporary)
        if is_durable:
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
        os.replace(temporary, target)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    return target


def make_run_folder(command: str, out: Path | None) -> RunFolder:
    """Create the folder and try that it can be written.

    Raises:
        ConfigError: it cannot be created or written.
    """
    path = out if out is not None else _fresh_path(command)
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe = path / ".writable"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise ConfigError(
            f"Cannot write to {path}: {error.strerror}. Give a directory that can be written with --out DIR."
        ) from error
    if out is None:
        _link_latest(path)
    return RunFolder(path)


def _fresh_path(command: str) -> Path:
    stamp = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    slug = re.sub(r"[^a-z0-9]+", "-", command.lower()).strip("-")[:40].strip("-") or "run"
    path, number = Path("runs") / f"{stamp}-{slug}", 2
    while path.exists():
        path, number = Path("runs") / f"{stamp}-{slug}-{number}", number + 1
    return path


def _link_latest(path: Path) -> None:
    link = path.parent / "latest"
    temporary = path.parent / f".latest-{os.getpid()}"
    try:
        temporary.symlink_to(path.name)
        os.replace(temporary, link)
    except OSError:  # a file system without links, or a real folder of that name: the run itself is not harmed
        temporary.unlink(missing_ok=True)
