"""One self-contained HTML page from a stored evaluation; never reruns anything.

In:  the folder that `verbot eval` wrote (config.toml, results.jsonl, summary.json, videos/, pictures/).
Out: `report.html`, which opens from disk without a network; names from outside are escaped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2

from ..run_folder import RunFolder
from .again import replay_command, runs_itself
from .attachments import Attachments
from .charts import COLORS, CONTROL_COLOR, Dot, axis_svg, dots_svg
from .jobs import Group
from .report_parts import confidence_part, difficulty_parts, refusals_part, timing_part
from .stored import EpisodeLine, GroupTally, StoredEvaluation, Tally, as_interval, as_number, as_words, load_evaluation

TEMPLATE = "evaluation.html.j2"
FAILURE_WORDS = {
    "not_seen": "not seen",
    "wrong_object": "wrong object",
    "grasp_lost": "grasp lost",
    "path": "no path",
    "rule_refusal": "refused by a rule",
    "timeout": "out of time",
    "policy_error": "policy error",
    "misplaced": "misplaced",
    "unsafe": "unsafe",
    "not_refused": "not refused",
    "not_understood": "not understood",
    "hung": "hung",
    "crashed": "crashed",
    "error": "error",
}
FAILURE_COLORS = dict(
    zip(FAILURE_WORDS, (*COLORS, "#8f1d2c", "#c98a94", "#5d6bb3", "#3f4654", "#6b7280", "#9aa1ad"), strict=True),
)
MAX_WORST = 15
MAX_SHOWN_FAILURES = 200


def write_evaluation_report(path: Path) -> Path:
    """Render `report.html` from what the folder holds.

    Raises:
        ConfigError: the folder holds no readable summary.
    """
    stored = load_evaluation(path)
    return RunFolder(path).write_text("report.html", render(stored, runs_itself(stored.config)))


def render(stored: StoredEvaluation, is_foreign: bool = False) -> str:
    """The page's text. `is_foreign`: see `replay_command`."""
    template_text = (Path(__file__).parents[1] / "data" / TEMPLATE).read_text(encoding="utf-8")
    template = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(template_text)
    tested = tuple(line for line in stored.episodes if line.entrant.control is None)
    labels = _labels([group.entrant for group in stored.groups] or [line.entrant for line in stored.episodes])
    failed = [line for line in stored.episodes if not line.success]
    shown = sorted(failed, key=lambda line: line.entrant.control is not None)[:MAX_SHOWN_FAILURES]
    attachments = Attachments(stored.path)
    replays = {line.key: replay_command(line, stored.config, is_foreign, stored.path) for line in stored.episodes}
    return template.render(
        headline=_headline(stored, labels),
        facts=_facts(stored),
        flags=[as_words(flag) for flag in stored.summary.get("flags") or ()],
        num_unreadable=stored.num_unreadable,
        axis=axis_svg(),
        tasks=_tasks(stored.groups, labels),
        refusals=refusals_part(stored.summary.get("refusals"), labels),
        failures=_failures(stored.groups, labels),
        failure_legend=_failure_legend(stored.groups),
        difficulties=difficulty_parts(tested, labels),
        timing=timing_part(tested),
        confidence=confidence_part(tested),
        agreement=_agreement(stored.summary.get("agreement")),
        worst=_worst_violations(tested, labels, replays),
        failed=[_failed_episode(line, labels, attachments, replays[line.key]) for line in shown],
        num_failed=len(failed),
        num_left_out=len(failed) - len(shown),
        versions=stored.summary.get("versions"),
        machine=as_words(stored.summary.get("machine") or ""),
        config=as_words(stored.config or stored.summary.get("config") or {}),
    )


def _labels(entrants: Sequence[Group]) -> dict[Group, tuple[str, str]]:
    """For each entrant the words that tell it from the others, and its colour."""
    tested = list(dict.fromkeys(e for e in entrants if e.control is None))
    labels: dict[Group, tuple[str, str]] = {}
    for index, entrant in enumerate(tested):
        words = [entrant.policy]
        if len({e.perceiver for e in tested}) > 1:
            words.append(entrant.perceiver)
        if len({e.mode for e in tested}) > 1:
            words.append(entrant.mode)
        labels[entrant] = (" · ".join(words), COLORS[index % len(COLORS)])
    for entrant in dict.fromkeys(e for e in entrants if e.control is not None):
        labels[entrant] = (f"control: {entrant.control}", CONTROL_COLOR)
    return labels


def _headline(stored: StoredEvaluation, labels: Mapping[Group, tuple[str, str]]) -> dict[str, Any]:
    """What was evaluated and how it went, before anything else."""
    suites = list(dict.fromkeys([g.suite for g in stored.groups] or [line.suite for line in stored.episodes]))
    whole = [group for group in stored.groups if group.task is None and group.entrant.control is None]
    rows = [{"label": labels[group.entrant][0], **_tally_words(group.tally)} for group in whole]
    return {"suites": ", ".join(suites) or "?", "rows": rows or [{"label": "all", **_tally_words(stored.total)}]}


def _facts(stored: StoredEvaluation) -> list[tuple[str, str]]:
    summary, judge = stored.summary, stored.summary.get("judge")
    judges = {"truth": "simulator truth", "perceived": "as perceived, as a real robot must", "human": "a person"}
    entrants = [g.entrant for g in stored.groups if g.entrant.control is None]
    total = summary.get("total") if isinstance(summary.get("total"), Mapping) else {}
    facts = [
        ("judge", judges.get(str(judge), as_words(judge or "?"))),
        ("episodes", str(stored.total.episodes)),
        ("perceiver", ", ".join(dict.fromkeys(e.perceiver for e in entrants))),
        ("mode", ", ".join(dict.fromkeys(e.mode for e in entrants))),
    ]
    assert isinstance(total, Mapping)
    if seeds := total.get("seeds"):
        facts.append(("seeds", _seed_words(seeds)))
    if (rate := as_number(total.get("episodes_per_minute"))) is not None:
        facts.append(("pace", f"{rate:.1f} episodes a minute"))
    if (cpu_s := as_number(total.get("cpu_s"))) is not None:
        facts.append(("CPU", f"{cpu_s / 60:.1f} min"))
    if summary.get("stopped_by") == "until_ci":
        facts.append(("stopped", "when the interval was narrow enough"))
    return [(name, value) for name, value in facts if value]


def _seed_words(seeds: Any) -> str:
    if isinstance(seeds, list) and len(seeds) == 2:
        return f"{seeds[0]}–{seeds[1]}"
    return as_words(seeds)


def _tally_words(tally: Tally) -> dict[str, Any]:
    low, high = tally.ci95
    return {
        "rate": f"{tally.success_rate:.1%}",
        "interval": f"{low:.1%}–{high:.1%}",
        "counts": f"{tally.successes} of {tally.episodes}",
        "score": "—" if tally.mean_score is None else f"{tally.mean_score:.3f}",
        "score_interval": "" if tally.score_ci95 is None else f"{tally.score_ci95[0]:.3f}–{tally.score_ci95[1]:.3f}",
        "violations": ", ".join(f"{kind} {count}" for kind, count in tally.violations.items()) or "none",
    }


def _tasks(groups: Sequence[GroupTally], labels: Mapping[Group, tuple[str, str]]) -> list[dict[str, Any]]:
    """Per task, the entrants' rates; the controls come last; the whole suite after its tasks."""
    ordered = sorted(groups, key=lambda g: (g.suite, g.task is None))
    several = len({group.suite for group in groups}) > 1
    tasks: dict[tuple[str, str | None], list[GroupTally]] = {}
    for group in ordered:
        tasks.setdefault((group.suite, group.task), []).append(group)
    found = []
    for (suite, task), members in tasks.items():
        name = "all tasks" if task is None else task
        rows = []
        for group in sorted(members, key=lambda g: g.entrant.control is not None):
            label, color = labels[group.entrant]
            is_control = group.entrant.control is not None
            dot = Dot(group.tally.success_rate, group.tally.ci95, color, hollow=is_control)
            rows.append({"label": label, "control": is_control, "plot": dots_svg([dot]), **_tally_words(group.tally)})
        found.append({"name": f"{suite} / {name}" if several else name, "whole": task is None, "rows": rows})
    return found


def _failures(groups: Sequence[GroupTally], labels: Mapping[Group, tuple[str, str]]) -> list[dict[str, Any]]:
    rows = []
    for group in sorted(groups, key=lambda g: (g.suite, g.task is None, g.task or "", g.entrant.control is not None)):
        failures, episodes = group.tally.failures, group.tally.episodes
        # A control's failures say little by task; its whole row is enough to compare with.
        if not failures or not episodes or (group.entrant.control is not None and group.task is not None):
            continue
        order = {name: index for index, name in enumerate(FAILURE_WORDS)}
        parts = [
            {
                "name": FAILURE_WORDS.get(kind, kind),
                "count": count,
                "percent": f"{100.0 * count / episodes:.2f}",
                "color": FAILURE_COLORS.get(kind, CONTROL_COLOR),
            }
            for kind, count in sorted(failures.items(), key=lambda item: order.get(item[0], len(order)))
        ]
        rows.append(
            {"task": group.task or "all tasks", "label": labels[group.entrant][0], "episodes": episodes, "parts": parts}
        )
    return rows


def _failure_legend(groups: Sequence[GroupTally]) -> list[tuple[str, str]]:
    seen = Counter(kind for group in groups for kind in group.tally.failures)
    return [
        (FAILURE_WORDS.get(k, k), FAILURE_COLORS.get(k, CONTROL_COLOR))
        for k in (*FAILURE_WORDS, *seen)
        if seen.pop(k, 0)
    ]


def _agreement(values: Any) -> dict[str, str] | None:
    """How often what was perceived said the same as the truth."""
    num = as_number(values.get("n")) if isinstance(values, Mapping) else None
    if not num:
        return None
    interval = as_interval(values.get("ci95"))
    words = {name: f"{as_number(values.get(name)) or 0:.0f}" for name in ("n", "agree", "false_done", "false_failed")}
    rate = as_number(values.get("rate"))
    words["rate"] = "—" if rate is None else f"{rate:.1%}"
    words["interval"] = "" if interval is None else f"{interval[0]:.1%}–{interval[1]:.1%}"
    return words


def _worst_violations(
    lines: Sequence[EpisodeLine], labels: Mapping[Group, tuple[str, str]], replays: Mapping[str, str]
) -> list[dict[str, Any]]:
    """By how many times the limit was passed, largest first; without a number last."""
    found = []
    for line in lines:
        for violation in line.violations:
            value, limit = as_number(violation.get("value")), as_number(violation.get("limit"))
            times = abs(value / limit) if value is not None and limit else 0.0
            found.append((times, line, violation, value, limit))
    found.sort(key=lambda entry: (-entry[0], entry[1].key))
    rows = []
    for times, line, violation, value, limit in found[:MAX_WORST]:
        unit, time_s = str(violation.get("unit") or ""), as_number(violation.get("time_s"))
        rows.append(
            {
                "kind": str(violation.get("kind") or "?").replace("_", " "),
                "subject": str(violation.get("subject") or ""),
                "value": "—" if value is None else f"{value:.3g} {unit}",
                "limit": "—" if limit is None else f"{limit:.3g} {unit}",
                "times": f"{times:.1f}×" if times else "—",
                "time": "—" if time_s is None else f"{time_s:.1f} s",
                "episode": f"{line.task} {line.seed}",
                "label": labels[line.entrant][0] if line.entrant in labels else line.entrant.policy,
                "replay": replays[line.key],
            }
        )
    return rows


def _failed_episode(
    line: EpisodeLine, labels: Mapping[Group, tuple[str, str]], attachments: Attachments, replay: str
) -> dict[str, Any]:
    values = line.values
    kind = line.failure or "error"
    return {
        "task": line.task,
        "seed": line.seed,
        "label": labels[line.entrant][0] if line.entrant in labels else line.entrant.policy,
        "command": line.command,
        "failure": FAILURE_WORDS.get(kind, kind),
        "color": FAILURE_COLORS.get(kind, CONTROL_COLOR),
        "detail": as_words(values.get("detail") or ""),
        "ended_by": as_words(values.get("ended_by") or ""),
        "score": "—" if line.score is None else f"{line.score:.2f}",
        "criteria": [c for c in values.get("criteria") or () if isinstance(c, Mapping)],
        "steps": [s for s in values.get("steps") or () if isinstance(s, Mapping)],
        "error": as_words(values.get("error") or ""),
        "video": attachments.attach(values.get("video")),
        "picture": attachments.attach(values.get("picture")),
        "replay": replay,
    }
