from verbot.agent.stopwatch import DECLARED_S, Latency, Stopwatch


def test_declared_latency_does_not_depend_on_the_machine() -> None:
    stopwatch = Stopwatch(Latency.DECLARED)
    with stopwatch.stage("perceive"):
        sum(range(100_000))
    with stopwatch.stage("plan"):
        pass
    assert stopwatch.take_owed_s() == DECLARED_S["perceive"] + DECLARED_S["plan"]
    assert stopwatch.take_owed_s() == 0.0


def test_zero_latency_charges_nothing_but_is_timed() -> None:
    stopwatch = Stopwatch(Latency.ZERO)
    with stopwatch.stage("perceive"):
        pass
    assert stopwatch.take_owed_s() == 0.0
    assert stopwatch.timings_s["perceive"] >= 0.0


def test_measured_latency_charges_thinking_but_not_motion() -> None:
    stopwatch = Stopwatch(Latency.MEASURED)
    with stopwatch.stage("follow"):
        pass
    assert stopwatch.take_owed_s() == 0.0
    with stopwatch.stage("check"):
        pass
    assert stopwatch.take_owed_s() == stopwatch.timings_s["check"]
