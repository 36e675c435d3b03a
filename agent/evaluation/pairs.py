"""The episodes that two runs share.

In:  RUN or RUN:CONTENDER twice; a run is an evaluation's folder, a contender POLICY or POLICY/PERCEIVER/MODE.
Out: pairs of episodes, and how many only one run has.
A pair is one suite, task, seed and sentence. What may differ is what is compared: policy, perceiver, mode, the
versions of everything. Controls are left out unless a contender names them.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..config import ConfigError
from .judges import read_judgements
from .results_log import RESULTS_FILE, read_results

EpisodeId = tuple[str, str, int]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one episode went. `score` is None when nothing measured it."""

    command: str
    success: bool
    score: float | None


@dataclass(frozen=True, slots=True)
class Side:
    """One contender of one run, its episodes by suite, task and seed."""

    run: str
    policy: str
    perceiver: str
    mode: str
    judge: str
    outcomes: Mapping[EpisodeId, Outcome]

    @property
    def name(self) -> str:
        """As it is written behind RUN: to choose it."""
        return f"{self.policy}/{self.perceiver}/{self.mode}"


@dataclass(frozen=True, slots=True)
class Pair:
    """One episode as A and as B went through it."""

    suite: str
    task: str
    seed: int
    a: Outcome
    b: Outcome


def load_side(text: str) -> Side:
    """Read RUN or RUN:CONTENDER.

    Raises:
        ConfigError, ResultsError: there are no such results, or they leave open which contender is meant.
    """
    folder, wanted = _split(text)
    path = folder / RESULTS_FILE
    if not path.is_file():
        raise ConfigError(f"{folder} has no {RESULTS_FILE}. Give the folder of an evaluation, for example runs/latest.")
    judge = _judge(folder / "config.toml")
    judgements = read_judgements(folder) if judge == "human" else {}
    by_contender: dict[tuple[str, str, str, bool], dict[EpisodeId, Outcome]] = {}
    for record in read_results(path).records:
        try:
            is_control = record.get("control") is not None
            contender = (str(record["policy"]), str(record["perceiver"]), str(record["mode"]), is_control)
            episode = (str(record["suite"]), str(record["task"]), int(record["seed"]))
            outcome = _outcome(record, judge, judgements)
        except (KeyError, TypeError, ValueError) as error:
            raise ConfigError(
                f"{path}: the line of {record['key']!r} is no episode ({_cause(error)}); expected one line an episode "
                "as `verbot eval` writes it."
            ) from error
        if outcome is not None:
            by_contender.setdefault(contender, {})[episode] = outcome
    policy, perceiver, mode, is_control = _choose(folder, list(by_contender), wanted)
    return Side(str(folder), policy, perceiver, mode, judge, by_contender[policy, perceiver, mode, is_control])


def make_pairs(a: Side, b: Side) -> tuple[Pair, ...]:
    """The shared episodes in the order of suite, task and seed.

    Raises:
        ConfigError: nothing is shared, or what bears the same name is not the same.
    """
    if a.judge != b.judge:
        raise ConfigError(
            f"{a.run} was judged by {a.judge}, {b.run} by {b.judge}: success does not mean the same. "
            "Judge one anew: verbot eval --resume --judge, with its --out."
        )
    shared = sorted(a.outcomes.keys() & b.outcomes.keys())
    if not shared:
        raise ConfigError(
            f"{a.run} and {b.run} share no episode: {_extent(a)} against {_extent(b)}. "
            "Run both on the same suite, tasks and seeds."
        )
    pairs = tuple(Pair(*key, a.outcomes[key], b.outcomes[key]) for key in shared)
    other = [pair for pair in pairs if pair.a.command != pair.b.command]
    if other:
        first = other[0]
        raise ConfigError(
            f"{len(other)} of {len(pairs)} shared episodes have another sentence, first {first.suite}/{first.task}/"
            f"{first.seed}: {first.a.command!r} against {first.b.command!r}. The suite has changed between the runs; "
            "run both with one version of it."
        )
    return pairs


def _split(text: str) -> tuple[Path, str | None]:
    """A folder with a colon in its name is still a folder."""
    folder, colon, wanted = text.rpartition(":")
    if Path(text).is_dir() or not colon or not Path(folder).is_dir():
        return Path(text), None
    return Path(folder), wanted


def _judge(path: Path) -> str:
    """Who judged, as the evaluation's stored options say; truth where nothing is said."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return "truth"
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} cannot be read ({error}); expected the options of an evaluation as TOML.") from error
    return str(values.get("judge", "truth"))


def _outcome(record: Mapping[str, Any], judge: str, judgements: Mapping[str, bool]) -> Outcome | None:
    """None for an episode that a person has not judged yet."""
    if judge == "human":
        success = judgements.get(record["key"])
        if success is None:
            return None
    else:
        success = record.get(f"success_{judge}")
        success = record["success"] if success is None else success
    if not isinstance(success, bool):
        raise ValueError(f"success is {success!r}, expected true or false")
    score = record.get("score")
    if score is not None and not 0.0 <= float(score) <= 1.0:
        raise ValueError(f"score is {score!r}, expected 0 to 1")
    return Outcome(str(record.get("command") or ""), success, None if score is None else float(score))


def _choose(
    folder: Path, contenders: Sequence[tuple[str, str, str, bool]], wanted: str | None
) -> tuple[str, str, str, bool]:
    """The one contender that is meant; of a run's own and a control by the same name, its own."""
    names = ", ".join(sorted({"/".join(c[:3]) for c in contenders})) or "no episode at all"
    if wanted is None:
        found = [c for c in contenders if not c[3]]
    else:
        found = [c for c in contenders if wanted in (c[0], "/".join(c[:3]))]
        found = [c for c in found if not c[3]] or found
    if not found:
        missing = "nothing that is no control" if wanted is None else f"no {wanted!r}"
        raise ConfigError(f"{folder} holds {missing}; it holds {names}. Choose with {folder}:POLICY/PERCEIVER/MODE.")
    if len(found) > 1:
        raise ConfigError(
            f"{folder} holds several contenders: {names}. Choose one, for example {folder}:{'/'.join(found[0][:3])}"
        )
    return found[0]


def _extent(side: Side) -> str:
    seeds = [seed for _, _, seed in side.outcomes]
    suites = ", ".join(sorted({suite for suite, _, _ in side.outcomes}))
    return f"{suites} seeds {min(seeds)}–{max(seeds)}"


def _cause(error: Exception) -> str:
    return f"it has no {error}" if isinstance(error, KeyError) else str(error)
