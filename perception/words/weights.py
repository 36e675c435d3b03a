"""Trained words as one file whose content is known by its hash.

In:  a path, or nothing for the shipped ones.
Out: Words: towers, vocabulary, calibration. A file that is absent or not what it should be is told in one line.
"""

from __future__ import annotations

import functools
import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load, save

from .tokens import Vocabulary
from .towers import Layout, TwoTowers

FORMAT = "verbot-words/1"
FOLDER = Path(__file__).parent / "weights"
SHIPPED = FOLDER / "words.safetensors"
KNOWN = FOLDER / "sha256.json"


class WordsError(ValueError):
    """Weights that are absent, damaged or of another kind; the message is one line."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Logits are divided by `temperature`; `none` is added to that of "none of these"."""

    temperature: float = 1.0
    none: float = 0.0


@dataclass(frozen=True, slots=True)
class Words:
    """What is known about words: `calibration` is by kind of features."""

    model: TwoTowers
    vocabulary: Vocabulary
    calibration: dict[str, Calibration]


def save_words(path: Path, words: Words) -> str:
    """Write one file in half precision; its sha256."""
    values = {name: value.detach().cpu().half().contiguous() for name, value in words.model.state_dict().items()}
    calibration = {kind: [c.temperature, c.none] for kind, c in words.calibration.items()}
    told = {
        "vocabulary": words.vocabulary.words,
        "kinds": {kind: asdict(layout) for kind, layout in words.model.kinds.items()},
        "calibration": calibration,
    }
    content = save(values, {"format": FORMAT} | {name: json.dumps(value) for name, value in told.items()})
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return hashlib.sha256(content).hexdigest()


def load_words(path: Path | None = None) -> Words:
    """The shipped words, or those of a file of one's own, whose hash nobody knows.

    Raises:
        WordsError: there is no such file, or it is not what was shipped.
    """
    return _load_shipped() if path is None else _load(path, None)


@functools.cache
def _load_shipped() -> Words:
    try:
        expected = json.loads(KNOWN.read_text())[SHIPPED.name]
    except (OSError, ValueError, KeyError) as problem:
        raise WordsError(f"'{KNOWN}' cannot be read: {problem}. Install verbot again, or set words = 'off'.") from None
    return _load(SHIPPED, expected)


def _load(path: Path, expected: str | None) -> Words:
    try:
        content = path.read_bytes()
    except OSError as problem:
        raise WordsError(f"Words cannot be read: {problem}. Install verbot again, or set words = 'off'.") from None
    found = hashlib.sha256(content).hexdigest()
    if expected is not None and found != expected:
        raise WordsError(
            f"Words '{path}' have sha256 {found}, expected {expected}. The file is damaged: install verbot again."
        )
    try:
        with safe_open(str(path), "pt") as file:
            told = file.metadata() or {}
        if told.get("format") != FORMAT:
            raise WordsError(f"'{path}' is not of format '{FORMAT}'. Train the words again.")
        vocabulary = Vocabulary(tuple(json.loads(told["vocabulary"])))
        kinds = {kind: Layout(**layout) for kind, layout in json.loads(told["kinds"]).items()}
        model = TwoTowers(len(vocabulary.words), kinds)
        model.load_state_dict({name: value.float() for name, value in load(content).items()})
        calibration = {kind: Calibration(*pair) for kind, pair in json.loads(told["calibration"]).items()}
    except (SafetensorError, RuntimeError, KeyError, TypeError, ValueError) as problem:
        if isinstance(problem, WordsError):
            raise
        line = str(problem).splitlines()[0]
        raise WordsError(f"'{path}' cannot be read as words: {line} Train them again.") from None
    return Words(model.eval().requires_grad_(False), vocabulary, calibration)


def write_known(path: Path = SHIPPED) -> None:
    """Note the hash of what is to be shipped."""
    KNOWN.write_text(json.dumps({path.name: hashlib.sha256(path.read_bytes()).hexdigest()}, indent=2) + "\n")


def shares(logits: torch.Tensor, calibration: Calibration) -> torch.Tensor:
    """Calibrated scores: of each region, and last of "none of these"; they add up to one."""
    logits = torch.cat([logits[..., :-1], logits[..., -1:] + calibration.none], -1)
    return torch.softmax(logits / calibration.temperature, -1)
