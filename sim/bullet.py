"""PyBullet without its banner, which its C code prints to stderr on import, amid a person's progress view."""

from __future__ import annotations

import os
import sys


def _import_quietly() -> None:
    sys.stderr.flush()
    try:
        kept = os.dup(2)
    except OSError:  # no stderr at all: nothing to keep clean
        return
    silent = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(silent, 2)
        import pybullet  # noqa: F401  # stays in sys.modules, where the import below finds it
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(silent)


_import_quietly()

import pybullet  # noqa: E402

__all__ = ["pybullet"]
