"""The door: arguments in, exit code out. Everything else lives behind it.

stdout carries results (`--json`), stderr everything else. Exit codes: 0 succeeded, 1 failed, 2 bad input,
3 refused by a rule, 4 needs an answer, 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

LISTS = ("robots", "sensors", "policies", "env_policies", "perceivers", "suites", "scenes", "rules", "faults")


def main(argv: list[str] | None = None) -> int:
    """Entry point of `verbot`."""
    started = time.perf_counter()
    parser = make_parser()
    args = parser.parse_args(argv)
    if args.action is None:
        parser.print_help(sys.stderr)
        return 2
    try:
        return args.action(args, started)
    except KeyboardInterrupt:
        _say("Interrupted before anything moved. Run the same command again.")
        return 130
    except ValueError as error:
        # Our errors are one line each; the parts raise subclasses of ValueError for bad input.
        if args.debug:
            raise
        _say(" ".join(str(error).split()))
        return 2


def make_parser() -> argparse.ArgumentParser:
    """Every command with an example."""
    parser = argparse.ArgumentParser(
        prog="verbot",
        description="A sentence becomes robot motion that is checked before it runs.",
        epilog='example: verbot run "put the red block in the green bowl"',
    )
    parser.add_argument("--version", action="version", version=_version())
    parser.set_defaults(action=None, debug=False)
    commands = parser.add_subparsers(metavar="COMMAND")
    _add_run(commands)
    _add_plan(commands)
    _add_find(commands)
    _add_eval(commands)
    _add_record(commands)
    _add(
        commands, "report", _report, "one self-contained page from a stored run", "verbot report runs/latest"
    ).add_argument("run", type=Path, metavar="RUN")
    _add_compare(commands)
    _add_calibrate(commands)
    _add(commands, "list", _list, "what is installed, with where it comes from", "verbot list policies").add_argument(
        "kind", choices=LISTS
    )
    bench = _add(commands, "bench", _bench, "the benchmarks; without a name, which there are", "verbot bench evaluate")
    bench.add_argument("name", nargs="?", metavar="NAME")
    bench.add_argument("--episodes", type=int, default=2000, metavar="N", help="of the longest run; default: 2000")
    bench.add_argument("--json", action="store_true", help="as JSON on stdout")
    bench.add_argument("--out", type=Path, metavar="FILE.json", help="also write the JSON there")
    doctor = _add(commands, "doctor", _doctor, "what this machine has and lacks", "verbot doctor")
    doctor.add_argument("--json", action="store_true", help="as JSON on stdout")
    return parser


def _add(commands: Any, name: str, action: Any, text: str, example: str) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=text, description=text, epilog=f"example: {example}")
    parser.set_defaults(action=action)
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return parser


def _add_episode_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("command", nargs="?", help='the sentence, for example "put the red block in the green bowl"')
    parser.add_argument("--scene", metavar="NAME|FILE.toml", help="default: table; SUITE/TASK is a suite's episode")
    parser.add_argument(
        "--robot",
        metavar="NAME",
        help="default: panda; recording:RUN replays a run's frames, recording:FOLDER perceives real data",
    )
    parser.add_argument("--mode", choices=("hybrid", "policy", "planner"), help="default: planner")
    parser.add_argument("--policy", metavar="NAME", help="default: geometric")
    parser.add_argument("--perceiver", metavar="NAME", help="default: fused; oracle reads simulator truth")
    parser.add_argument("--seed", type=int, metavar="N", help="default: 0")
    parser.add_argument("--faults", metavar="NAME|FILE.toml", help="what goes wrong on purpose; `verbot list faults`")
    parser.add_argument("--speed", type=float, metavar="FRACTION", help="of the planned speed, 0 to 1; default: 1")
    parser.add_argument("--words", metavar="NAME", help="for words beyond the lexicon: tower (default), clip:DIR, off")
    parser.add_argument("--latency", choices=("zero", "declared", "measured"), help="what thinking costs in robot time")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), help="of the fusion; default: auto")
    parser.add_argument("--config", type=Path, metavar="FILE.toml", help="options from a stored config.toml")
    parser.add_argument("--json", action="store_true", help="the result on stdout, everything else on stderr")


def _add_run(commands: Any) -> None:
    parser = _add(
        commands, "run", _run, "one episode, from sentence to scored motion",
        'verbot run "put the red block in the green bowl" --seed 3',
    )  # fmt: skip
    _add_episode_options(parser)
    parser.add_argument("--dry-run", action="store_true", help="everything but motion")
    parser.add_argument("--out", type=Path, metavar="DIR", help="default: runs/<time>-<words>")
    parser.add_argument("--no-video", action="store_true", help="no episode.mp4")
    parser.add_argument("--record", action="store_true", help="keep every sensor frame under frames/")
    parser.add_argument("--rerun", action="store_true", help="also write episode.rrd for the rerun viewer")


def _add_plan(commands: Any) -> None:
    parser = _add(
        commands, "plan", _plan, "the same up to the checked plan; nothing moves",
        'verbot plan "stack the red block on the blue block" --scene blocks',
    )  # fmt: skip
    _add_episode_options(parser)


def _add_find(commands: Any) -> None:
    parser = _add(
        commands, "find", _find, "which thing a phrase means, with scores; nothing moves",
        'verbot find "the round dish" --scene table',
    )  # fmt: skip
    _add_episode_options(parser)
    parser.add_argument("--top", type=int, default=3, metavar="K", help="how many things to show; default: 3")


def _add_eval(commands: Any) -> None:
    parser = _add(
        commands, "eval", _eval, "a suite, policies and seeds become numbers with intervals",
        "verbot eval --suite table_road --policy geometric --episodes 100 --workers 2",
    )  # fmt: skip
    parser.add_argument("--suite", metavar="NAME|FILE.toml", help="which suite; see `verbot list suites`")
    parser.add_argument("--tasks", type=_names, metavar="A,B", help="default: all of the suite")
    parser.add_argument("--policy", dest="policies", type=_names, metavar="A,B", help="default: geometric")
    parser.add_argument("--perceiver", dest="perceivers", type=_names, metavar="A,B", help="default: fused")
    parser.add_argument("--mode", choices=("hybrid", "policy", "planner"), help="default: planner")
    parser.add_argument("--episodes", type=int, metavar="N", help="seeds of each task; default: 20")
    parser.add_argument("--seed", type=int, metavar="N", help="the first; default: 0")
    parser.add_argument("--workers", type=int, metavar="N", help="default: one for each core")
    parser.add_argument("--faults", metavar="NAME|FILE.toml", help="what goes wrong on purpose in every episode")
    parser.add_argument("--judge", choices=("truth", "perceived", "human"), help="default: truth")
    parser.add_argument("--judge-name", metavar="NAME", help="who judges, with --judge human; default: the user")
    parser.add_argument("--no-controls", action="store_true", help="leave out the policy `random` and the oracle")
    parser.add_argument("--control-episodes", type=int, metavar="N", help="seeds of each control; default: at most 20")
    parser.add_argument(
        "--replay", type=Path, metavar="DATASET",
        help="instead: drive a LeRobotDataset's demonstrations again; names the wrong axis when they fail",
    )  # fmt: skip
    parser.add_argument("--until-ci", type=float, metavar="WIDTH", help="stop when rates are known within, e.g., 0.1")
    parser.add_argument("--fail-below", type=float, metavar="RATE", help="exit 1 when a policy succeeds less often")
    parser.add_argument("--deadline-s", type=float, metavar="S", help="of an episode, simulated time; default: 180")
    parser.add_argument("--hang-s", type=float, metavar="S", help="wall time after which a worker hangs; default: 600")
    parser.add_argument("--videos", type=int, metavar="N", help="failures filmed for each policy and task; default: 2")
    parser.add_argument("--latency", choices=("zero", "declared"), help="what thinking costs in robot time")
    parser.add_argument("--device", choices=("cpu", "cuda"), help="default: cpu")
    parser.add_argument("--config", type=Path, metavar="FILE.toml", help="options from a file")
    parser.add_argument("--out", type=Path, metavar="DIR", help="default: runs/<time>-eval-<suite>")
    parser.add_argument("--resume", action="store_true", help="go on with the evaluation in --out (or the latest)")
    parser.add_argument("--quiet", action="store_true", help="nothing on stderr but what went wrong")
    parser.add_argument("--json", action="store_true", help="the summary on stdout, everything else on stderr")


def _add_record(commands: Any) -> None:
    parser = _add(
        commands, "record", _record, "demonstrations: an expert's successful episodes, with every sensor",
        "verbot record --suite tabletop --tasks put_in,stack --episodes 50 --out demos",
    )  # fmt: skip
    parser.add_argument("--suite", metavar="NAME|FILE.toml", help="which suite; see `verbot list suites`")
    parser.add_argument("--tasks", type=_names, metavar="A,B", help="default: all of the suite")
    parser.add_argument("--episodes", type=int, metavar="N", help="successful ones of each task; default: 20")
    parser.add_argument("--seed", type=int, metavar="FIRST", help="the first; default: 0")
    parser.add_argument("--most-seeds", type=int, metavar="N", help="tried of each task; default: 2 × episodes + 20")
    parser.add_argument("--workers", type=int, metavar="N", help="default: one for each core")
    parser.add_argument("--robot", metavar="NAME", help="default: panda; panda:COMPOSITION has other sensors")
    parser.add_argument("--policy", metavar="NAME", help="the expert; default: geometric")
    parser.add_argument("--perceiver", metavar="NAME", help="default: fused; oracle reads simulator truth")
    parser.add_argument("--rate-hz", type=float, metavar="HZ", help="rows and pictures a second; 0: looks only")
    parser.add_argument("--scan-hz", type=float, metavar="HZ", help="LiDAR scans between the looks; default: 2")
    parser.add_argument("--motion-width", type=int, metavar="PIXELS", help="of pictures between looks; default: 128")
    parser.add_argument("--phrasings", type=int, metavar="K", help="further sentences of each episode; default: 4")
    parser.add_argument("--deadline-s", type=float, metavar="S", help="of an episode, simulated time; default: 180")
    parser.add_argument("--device", choices=("cpu", "cuda"), help="default: cpu")
    parser.add_argument("--light", action="store_true", help="keyframes only, without physics (docs/light_scenes.md)")
    parser.add_argument("--pictures", type=_pixels, metavar="WIDTHxHEIGHT", help="with --light: keep rendered pictures")
    parser.add_argument("--shard-size", type=int, metavar="N", help="with --light: episodes in a file; default: 128")
    parser.add_argument("--out", type=Path, metavar="DIR", help="default: runs/<time>-record-<suite>")
    parser.add_argument("--resume", action="store_true", help="go on with the recording in --out (or the latest)")
    parser.add_argument("--quiet", action="store_true", help="nothing on stderr but what went wrong")
    parser.add_argument("--json", action="store_true", help="the summary on stdout, everything else on stderr")


def _add_calibrate(commands: Any) -> None:
    parser = _add(
        commands, "calibrate", _calibrate, "where the robot's own cameras sit, and how far its IMU's clock is off",
        "verbot calibrate --robot panda --looks 12",
    )  # fmt: skip
    parser.add_argument(
        "recording", nargs="?", type=Path, metavar="RECORDING",
        help="a run made with --record, or of an earlier calibration; without it the robot moves",
    )  # fmt: skip
    parser.add_argument("--robot", metavar="NAME", help="default: panda")
    parser.add_argument("--scene", metavar="NAME|FILE.toml", help="what it looks at; default: table")
    parser.add_argument("--faults", metavar="NAME|FILE.toml", help="what goes wrong on purpose; `verbot list faults`")
    parser.add_argument("--looks", type=int, default=12, metavar="N", help="places to look from; default: 12")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="default: 0")
    parser.add_argument("--out", type=Path, metavar="DIR", help="default: runs/<time>-calibrate")
    parser.add_argument("--json", action="store_true", help="the result on stdout, everything else on stderr")


def _pixels(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    return int(width), int(height)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _add_compare(commands: Any) -> None:
    parser = _add(
        commands, "compare", _compare, "whether B is worse than A on the episodes that both ran",
        "verbot compare runs/before runs/after:geometric --margin 0.05",
    )  # fmt: skip
    parser.add_argument("run_a", metavar="RUN_A", help="an evaluation's folder, or FOLDER:POLICY[/PERCEIVER/MODE]")
    parser.add_argument("run_b", metavar="RUN_B", help="the same; exit 1 when it is significantly worse")
    parser.add_argument("--margin", type=float, metavar="M", help="exit 1 unless B is shown to be at most M worse")
    parser.add_argument("--confidence", type=float, default=0.95, metavar="C", help="default: 0.95")
    parser.add_argument("--json", action="store_true", help="as JSON on stdout")


def _run(args: argparse.Namespace, started: float) -> int:
    if args.dry_run:
        return _plan(args, started)
    if args.command is None and args.robot is not None and args.config is None:
        from .perceive_command import real_data_of

        if (data := real_data_of(args.robot)) is not None:
            return _perceive(args, data)
    from .config import ConfigError
    from .run_folder import make_run_folder
    from .stopwatch import Stopwatch

    config = _config(args)
    folder = make_run_folder(config.command, args.out)
    stopwatch = Stopwatch(config.latency, started=started)
    with stopwatch.stage("import"):
        from rich.console import Console

        from .episode import exit_code
        from .progress import ProgressView
        from .run_command import RunOptions, run_command

        if args.rerun:
            try:
                # Asked for now, so that a missing extra is told before the robot moves.
                import rerun  # noqa: F401  # pyright: ignore[reportMissingImports]
            except ImportError as error:
                raise ConfigError("--rerun needs the rerun viewer's SDK: pip install 'verbot[rerun]'.") from error
    console = Console(stderr=True, highlight=False)
    console.print(f"[bold]“{_escaped(config.command)}”[/]  [dim]scene {_escaped(config.scene)}, seed {config.seed}[/]")
    view = ProgressView(console)
    options = RunOptions(video=not args.no_video, record=args.record, rerun=args.rerun)
    try:
        result = run_command(config, folder, options, view, stopwatch)
    finally:
        view.close()
    code = exit_code(result)
    _tell_result(console, result, code, folder.path)
    if args.json:
        print(json.dumps(result.values, indent=2, ensure_ascii=False))
    return code


def _perceive(args: argparse.Namespace, data: Path) -> int:
    from rich.console import Console

    from .perceive_command import perceive_command
    from .run_folder import make_run_folder

    given = {name: getattr(args, name) for name in ("perceiver", "device") if getattr(args, name) is not None}
    folder = make_run_folder(f"perceive {data.resolve().name}", args.out)
    values = perceive_command(data, folder, given, Console(stderr=True, highlight=False))
    if args.json:
        print(json.dumps(values, indent=2, ensure_ascii=False))
    return 0


def _plan(args: argparse.Namespace, started: float) -> int:
    from rich.console import Console

    from .plan_command import exit_code_of_plan, plan_command, plan_to_dict, tell_plan

    config = _config(args)
    console = Console(stderr=True, highlight=False)
    checked = plan_command(config)
    tell_plan(console, checked)
    if args.json:
        print(json.dumps(plan_to_dict(checked, config), indent=2, ensure_ascii=False))
    return exit_code_of_plan(checked)


def _find(args: argparse.Namespace, started: float) -> int:
    from rich.console import Console

    from .find_command import exit_code_of_find, find_command, find_to_dict, tell_find

    config = _config(args)
    found = find_command(config, args.top)
    tell_find(Console(stderr=True, highlight=False), found)
    if args.json:
        print(json.dumps(find_to_dict(found, config), indent=2, ensure_ascii=False))
    return exit_code_of_find(found)


def _eval(args: argparse.Namespace, started: float) -> int:
    if args.replay is not None:
        return _replay(args)
    from .evaluation.command import CommandOptions, eval_command

    names = (
        "suite", "tasks", "policies", "perceivers", "mode", "episodes", "seed", "workers", "judge", "control_episodes",
        "until_ci", "fail_below", "deadline_s", "hang_s", "videos", "latency", "device", "faults",
    )  # fmt: skip
    given = {name: getattr(args, name) for name in names if getattr(args, name) is not None}
    if args.no_controls:
        given["controls"] = False
    options = CommandOptions(args.out, args.resume, args.quiet, args.config, args.judge_name)
    code, summary = eval_command(given, options)
    if args.json:
        print(json.dumps(summary, indent=2, ensure_ascii=False))
    return code


def _record(args: argparse.Namespace, started: float) -> int:
    if args.light:
        return _record_light(args)
    from .demonstrations.command import RecordOptions, record_command

    names = (
        "suite", "tasks", "episodes", "seed", "most_seeds", "workers", "robot", "policy", "perceiver", "rate_hz",
        "scan_hz", "motion_width", "phrasings", "deadline_s", "device",
    )  # fmt: skip
    given = {name: getattr(args, name) for name in names if getattr(args, name) is not None}
    code, summary = record_command(given, RecordOptions(args.out, args.resume, args.quiet))
    if args.json:
        print(json.dumps(summary, indent=2, ensure_ascii=False))
    return code


def _record_light(args: argparse.Namespace) -> int:
    from .light.command import light_command

    given = {name: value for name, value in vars(args).items() if value not in (None, False)}
    summary = light_command(given)
    if args.json:
        print(json.dumps(summary, indent=2, ensure_ascii=False))
    return 0


def _calibrate(args: argparse.Namespace, started: float) -> int:
    from rich.console import Console

    from .calibrate_command import CalibrateOptions, calibrate_command
    from .run_folder import make_run_folder

    given = {name: getattr(args, name) for name in ("robot", "scene", "faults") if getattr(args, name) is not None}
    options = CalibrateOptions(args.recording, args.looks, args.seed, given)
    code, values = calibrate_command(
        options, make_run_folder("calibrate", args.out), Console(stderr=True, highlight=False)
    )
    if args.json:
        print(json.dumps(values, indent=2, ensure_ascii=False))
    return code


def _replay(args: argparse.Namespace) -> int:
    from .config import ConfigError
    from .evaluation.replay_command import replay_command

    if args.suite is not None:
        raise ConfigError("--replay takes suite, tasks and seeds from the dataset. Leave out --suite.")
    code, values = replay_command(
        args.replay, episodes=args.episodes, fail_below=args.fail_below, out=args.out, quiet=args.quiet
    )
    if args.json:
        print(json.dumps(values, indent=2, ensure_ascii=False))
    return code


def _compare(args: argparse.Namespace, started: float) -> int:
    from rich.console import Console

    from .evaluation.compare import compare, tell_comparison

    found = compare(args.run_a, args.run_b, args.confidence, args.margin)
    tell_comparison(Console(stderr=True, highlight=False), found)
    if args.json:
        print(json.dumps(found.to_dict(), indent=2, ensure_ascii=False))
    return found.exit_code


def _report(args: argparse.Namespace, started: float) -> int:
    from .evaluation.stored import is_evaluation

    if is_evaluation(args.run):
        from .evaluation.report import write_evaluation_report

        print(write_evaluation_report(args.run))
        return 0
    from .report import write_report
    from .run_folder import RunFolder

    print(write_report(RunFolder(args.run)))
    return 0


def _bench(args: argparse.Namespace, started: float) -> int:
    from .bench import BENCHES, SUMMARIES, load_bench, make_report

    if args.name is None:
        for name in BENCHES:
            print(f"{name:<12} {SUMMARIES[name]}")
        return 0
    rows = []
    for row in load_bench(args.name)(args.episodes):
        rows.append(row)
        mark = "ok  " if row.holds else "FAIL"
        told = f"{mark} {row.row}: {row.ours:g} {row.unit} (bar {row.bar}; against {row.against})"
        print(told, file=sys.stderr, flush=True)
    text = json.dumps(make_report(args.name, rows), indent=2, ensure_ascii=False) + "\n"
    if args.out is not None:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(text, encoding="utf-8")
    if args.json:
        print(text, end="")
    return 0 if all(row.holds for row in rows) else 1


def _list(args: argparse.Namespace, started: float) -> int:
    from .listing import list_lines

    for line in list_lines(args.kind):
        print(line)
    return 0


def _doctor(args: argparse.Namespace, started: float) -> int:
    from dataclasses import asdict

    from .doctor import examine

    checks = examine()
    if args.json:
        print(json.dumps([asdict(check) for check in checks], indent=2))
    else:
        for check in checks:
            mark = "ok  " if check.ok else ("LACK" if check.is_needed else "–   ")
            print(f"{mark} {check.name:<14} {check.found}")
            if check.mend:
                print(f"     {'':<14} mend: {check.mend}")
    return 0 if all(check.ok or not check.is_needed for check in checks) else 1


def _config(args: argparse.Namespace) -> Any:
    from .config import ConfigError, load_run_config, make_run_config, read_settings
    from .suites import draw_scene, split_scene

    names = (
        "command",
        "scene",
        "robot",
        "mode",
        "policy",
        "perceiver",
        "seed",
        "faults",
        "speed",
        "latency",
        "device",
        "words",
    )
    given = {name: getattr(args, name) for name in names if getattr(args, name) is not None}
    if "command" not in given and split_scene(given.get("scene", "")):
        settings = read_settings(args.config) if args.config is not None else {}
        drawn = draw_scene(given["scene"], given.get("seed", 0), settings)
        given["command"] = drawn.command if drawn is not None else ""
        if faults := getattr(drawn, "faults", None):
            given.setdefault("faults", faults)
        if args.config is None:
            given.setdefault("device", "cpu")  # as in an evaluation
    if args.config is not None:
        return load_run_config(args.config, **given)
    if "command" not in given:
        raise ConfigError('No command given. Say what to do, for example: verbot run "pick up the red block"')
    return make_run_config(**given)


def _tell_result(console: Any, result: Any, code: int, path: Path) -> None:
    record, values = result.record, result.values
    if code == 0:
        console.print(f"[green]done[/]   {values['time_s']:.1f} s of motion, score {values['score']:.2f}")
    else:
        words = {2: "cannot", 3: "refused", 4: "which?", 130: "stopped"}.get(code, "failed")
        line = " ".join((record.detail or "the goal is not met on simulator truth").split())
        console.print(f"[red]{words}[/] {_escaped(line)}", soft_wrap=True)
    console.print(f"[dim]report[/] {_escaped(str(path / 'report.html'))}", soft_wrap=True)


def _say(line: str) -> None:
    print(f"verbot: {line}", file=sys.stderr)


def _escaped(text: str) -> str:
    from rich.markup import escape

    return escape(text)


def _version() -> str:
    import importlib.metadata

    return f"verbot {importlib.metadata.version('verbot')}"


if __name__ == "__main__":
    sys.exit(main())
