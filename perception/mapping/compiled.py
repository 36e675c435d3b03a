"""Kernels through torch.compile, and as they stand where nothing can be compiled.

In:  a function of tensors.
Out: the same function, several times faster; a line in the log, once, where it could not be made so.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from typing import Any

import torch

LOG = logging.getLogger(__name__)
_spoken: set[str] = set()


class Kernel:
    """Compiled at its first call, for any sizes; after a failure it runs eagerly for good."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._eager = function
        self._compiled: Callable[..., Any] | None = None

    def __call__(self, *args: Any, is_compiled: bool) -> Any:
        """What the function gives."""
        if not is_compiled:
            return self._eager(*args)
        if self._compiled is not None:
            return self._compiled(*args)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of torch about itself, while it loads its compiler
                compiled = torch.compile(self._eager, dynamic=True)
                given = compiled(*args)
        except Exception as error:
            # Which class it is depends on what is missing (compiler, Triton, Python support) and on torch's version.
            # Compiling comes before running, so nothing was written yet; the eager call raises again what was ours.
            _say_once(error)
            self._compiled = self._eager
            return self._eager(*args)
        self._compiled = compiled
        return given


def _say_once(error: Exception) -> None:
    reason = type(error).__name__
    if reason not in _spoken:
        _spoken.add(reason)
        LOG.warning(
            "Mapping runs without compiled kernels, some six times slower: torch.compile failed (%s: %s). "
            "Install a C++ compiler (CPU) or Triton (CUDA), or set is_compiled = false to have it quiet.",
            reason,
            " ".join(str(error).split())[:120],
        )
