"""Weights of fusion networks: files in half precision whose content is known by its hash.

In:  a kind of fusion, or a path.
Out: the network, ready to answer; a file that is absent or not what it should be is told in one line.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from .network import FusionNetwork, Kind, make_network

FOLDER = Path(__file__).parent / "weights"
KNOWN = FOLDER / "sha256.json"


class WeightsError(ValueError):
    """Weights that are absent, damaged or of another network; the message is one line."""


def save_weights(path: Path, network: FusionNetwork, told: Mapping[str, str]) -> str:
    """Write a network's weights; the file's sha256."""
    values = {name: value.detach().cpu().half().contiguous() for name, value in network.state_dict().items()}
    content = save(values, {"kind": network.kind, **told})
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return hashlib.sha256(content).hexdigest()


def load_network(kind: Kind, path: Path | None = None, device: str | torch.device = "cpu") -> FusionNetwork:
    """The shipped network of that kind, or that of a file of one's own, whose hash nobody knows.

    Raises:
        WeightsError: there is no such file, or it is not what was shipped.
    """
    network = make_network(kind)
    if kind == "weighted":
        return network.to(device).eval()
    file = path or FOLDER / f"{kind}.safetensors"
    try:
        content = file.read_bytes()
    except OSError as problem:
        raise WeightsError(
            f"Weights of '{kind}' fusion cannot be read: {problem}. Install verbot again, or set fusion = 'off'."
        ) from None
    found = hashlib.sha256(content).hexdigest()
    expected = found if path is not None else json.loads(KNOWN.read_text()).get(file.name)
    if found != expected:
        raise WeightsError(
            f"Weights '{file}' have sha256 {found}, expected {expected}. The file is damaged: install verbot again."
        )
    try:
        values = {name: value.float() for name, value in load(content).items()}
        network.load_state_dict(values)
    except (SafetensorError, RuntimeError, KeyError) as problem:
        line = str(problem).splitlines()[0]
        raise WeightsError(f"Weights '{file}' are not of a '{kind}' network: {line} Train them again.") from None
    return network.to(device).eval()
