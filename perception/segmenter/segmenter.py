"""Which points of a piece belong together, as the network has learned it: a proposal, which geometry may refuse.

In:  points and colours of one piece.
Out: for each point the number of an object; None where the piece looks like one.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from safetensors import SafetensorError
from safetensors.torch import load_file
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree

from .network import SegmenterConfig, SegmenterNetwork
from .train import relative_brightness

_TOGETHER_M = 0.005
_LEAST_SHARE = 0.06


class SegmenterError(ValueError):
    """Weights that are absent, or no segmenter's; the message is one line."""


class Segmenter:
    """The network with the weights of a file that `train.py` wrote."""

    def __init__(self, path: str | Path) -> None:
        self._config = SegmenterConfig()
        self._network = SegmenterNetwork(self._config)
        try:
            weights = {name: value.float() for name, value in load_file(str(path)).items()}
            self._network.load_state_dict(weights)
        except (OSError, SafetensorError, RuntimeError) as problem:
            reason = str(problem).splitlines()[0]
            raise SegmenterError(
                f"'{path}' does not hold a segmenter's weights: {reason} "
                "Make them with `python -m verbot.perception.segmenter.train`."
            ) from None
        self._network.eval()

    def propose(
        self, points: Float[np.ndarray, "points 3"], colors: Float[np.ndarray, "points 3"]
    ) -> Int[np.ndarray, " points"] | None:
        """Points whose ways end together lie on one object."""
        chosen = np.linspace(0, len(points) - 1, self._config.num_points).astype(np.int64)
        some = points[chosen] - points.mean(axis=0)
        with torch.no_grad():
            offsets = self._network(
                torch.from_numpy(some.astype(np.float32))[None],
                torch.from_numpy(relative_brightness(colors)[chosen].astype(np.float32))[None],
            )[0]
        ends = some + offsets.numpy()
        near = KDTree(ends).sparse_distance_matrix(KDTree(ends), _TOGETHER_M)
        _, names = connected_components(near, directed=False)
        counts = np.bincount(names)
        large = np.flatnonzero(counts >= _LEAST_SHARE * len(chosen))
        if len(large) < 2:
            return None
        number = np.full(len(counts), -1)
        number[large] = np.arange(len(large))
        kept = np.flatnonzero(number[names] >= 0)
        nearest = np.asarray(KDTree(some[kept]).query(points - points.mean(axis=0))[1], dtype=np.int64)
        return number[names][kept][nearest]
