"""`verbot list`: what is installed, with where it comes from; broken plug-ins are shown as broken."""

from __future__ import annotations

from collections.abc import Iterator

from .plugins import list_plugins


def list_lines(kind: str) -> Iterator[str]:
    """One line each; columns separated by two spaces or more."""
    if kind == "scenes":
        from ..sim.scenes import list_scenes

        for name in list_scenes():
            yield f"{name:<20}  built in"
        return
    if kind == "faults":
        from ..sim.fault_file import list_faults, load_faults

        for name in list_faults():
            yield f"{name:<20}  {load_faults(name).description}"
        return
    if kind == "rules":
        from ..planning.rules import load_rules

        for rule in load_rules():
            yield f"{rule.id:<28}  {rule.severity:<8}  {rule.sentence}"
        return
    if kind == "suites":
        from ..sim.suites import SUITE_DIR, list_suites
        from .suites import read_suite

        for name in list_suites():
            yield f"{name:<20}  {SUITE_DIR.name + '/' + name + '.toml':<24}  {read_suite(name).description}"
    for listing in list_plugins(kind):
        tail = f"broken: {listing.broken}" if listing.broken else listing.summary
        yield f"{listing.name:<20}  {listing.distribution:<24}  {tail}".rstrip()
