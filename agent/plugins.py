"""The one place that reads entry points: robots, sensors, policies, perceivers and suites, ours too.

A broken plug-in is listed as broken and fails only when asked for.
"""

from __future__ import annotations

import difflib
import functools
import sys
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from pydantic import BaseModel, ValidationError

KINDS = ("robots", "sensors", "policies", "perceivers", "suites", "env_policies", "words")


class PluginError(ValueError):
    """A plug-in is absent, ambiguous, broken or wrongly configured; the message is one line."""


@dataclass(frozen=True, slots=True)
class Listing:
    """One line of `verbot list`."""

    name: str
    distribution: str
    summary: str
    broken: str | None = None


def load_spec(kind: str, name: str) -> Any:
    """The spec behind an entry point of `verbot.<kind>`.

    Raises:
        PluginError: no such name, two distributions offer it, or its module cannot be imported.
    """
    found = _entry_points(kind)
    offers = found.get(name, [])
    if not offers:
        closest = difflib.get_close_matches(name, found, n=1)
        hint = f" Did you mean '{closest[0]}'?" if closest else ""
        raise PluginError(
            f"No {_singular(kind)} named '{name}'. Installed: {', '.join(sorted(found)) or 'none'}.{hint} "
            f"Run `verbot list {kind}` to see them all."
        )
    if len(offers) > 1:
        owners = " and ".join(sorted(_distribution(offer) for offer in offers))
        raise PluginError(
            f"Two plug-ins offer the {_singular(kind)} '{name}': {owners}. Expected one; uninstall one of them."
        )
    try:
        return offers[0].load()
    except Exception as error:
        raise PluginError(
            f"The {_singular(kind)} plug-in '{name}' of {_distribution(offers[0])} could not be loaded: "
            f"{type(error).__name__}: {error}. Reinstall it, or choose another with `verbot list {kind}`."
        ) from error


def load_all(kind: str) -> dict[str, Any]:
    """Every spec of a kind that loads, by name."""
    specs = {}
    for name in _entry_points(kind):
        try:
            specs[name] = load_spec(kind, name)
        except PluginError:
            continue  # shown by `verbot list`; only a plug-in that is asked for may stop a run
    return specs


def make_config(spec: Any, settings: dict[str, Any], argument: str | None = None) -> BaseModel:
    """The plug-in's own config; `argument` is what stood after the colon in NAME:ARGUMENT."""
    values = dict(settings)
    if argument is not None:
        fields = list(spec.config.model_fields)
        if not fields:
            raise PluginError(f"'{spec.name}' takes no argument, but '{spec.name}:{argument}' was given. Leave it out.")
        values[fields[0]] = argument
    try:
        return spec.config(**values)
    except ValidationError as error:
        # An unknown key explains a missing one (a typing slip), so it is told first.
        first = min(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
        key = ".".join(str(part) for part in first["loc"]) or "config"
        known = list(spec.config.model_fields)
        closest = difflib.get_close_matches(key, known, n=1)
        hint = f" Did you mean '{closest[0]}'?" if closest and closest[0] != key else ""
        raise PluginError(
            f"Settings of '{spec.name}': {key}: {first['msg']}.{hint} Known keys: {', '.join(known) or 'none'}."
        ) from error


def list_plugins(kind: str) -> list[Listing]:
    """Every plug-in of a kind with where it comes from, broken ones included."""
    listings = []
    for name, offers in sorted(_entry_points(kind).items()):
        for offer in offers:
            try:
                spec = load_spec(kind, name)
                broken, summary = None, getattr(spec, "summary", "")
            except PluginError as error:
                broken, summary = str(error), ""
            listings.append(Listing(name, _distribution(offer), summary, broken))
    return listings


def names_of(kind: str) -> tuple[str, ...]:
    """What is installed of a kind, without loading anything."""
    return tuple(sorted(_entry_points(kind)))


def split_name(text: str) -> tuple[str, str | None]:
    """NAME or NAME:ARGUMENT."""
    name, colon, argument = text.partition(":")
    return name, argument if colon else None


def distribution_of(kind: str, name: str) -> str:
    """Name and version of the distribution that offers a plug-in, for provenance."""
    offers = _entry_points(kind).get(name, [])
    return _distribution(offers[0]) if offers else "unknown"


def _entry_points(kind: str) -> dict[str, list[EntryPoint]]:
    if kind not in KINDS:
        raise PluginError(f"No plug-in kind '{kind}'. Expected one of: {', '.join(KINDS)}.")
    return _installed(kind, tuple(sys.path))


@functools.lru_cache(maxsize=64)
def _installed(kind: str, path: tuple[str, ...]) -> dict[str, list[EntryPoint]]:
    """As found on the import path, once: reading all metadata takes 14 ms, and building one episode asks ten times."""
    found: dict[str, list[EntryPoint]] = {}
    for point in entry_points(group=f"verbot.{kind}"):
        # An editable install can show one distribution twice on the path; the same value is no conflict.
        if all(_distribution(point) != _distribution(known) for known in found.get(point.name, [])):
            found.setdefault(point.name, []).append(point)
    return found


def _distribution(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else "unknown distribution"


def _singular(kind: str) -> str:
    return {"policies": "policy", "env_policies": "env policy"}.get(kind, kind[:-1])
