"""Fusion networks: what a sensor that is not there changes (nothing), order, batches, bad input, balance, weights."""

import math
from dataclasses import replace

import pytest
import torch
from verbot.perception.fusion.estimates import WIDE_M
from verbot.perception.fusion.evidence import CROP, NUM_POINTS, Evidence
from verbot.perception.fusion.network import KINDS, NUM_COLORS, NUM_SHAPES, Fused, make_network
from verbot.perception.fusion.regions import Regions, Targets
from verbot.perception.fusion.shares import share_out
from verbot.perception.fusion.train import drop_sensors, train, vary
from verbot.perception.fusion.weighing import weigh
from verbot.perception.fusion.weights import WeightsError, load_network, save_weights

LEARNED = tuple(kind for kind in KINDS if kind != "weighted")
CAMERAS, LIDARS = 3, 1
MOST_BYTES = 12 << 20


def make_evidence(robots: int = 2, regions: int = 4, seed: int = 0) -> Evidence:
    g = torch.Generator().manual_seed(seed)
    crops = torch.rand(robots, regions, CAMERAS, 8, CROP, CROP, generator=g)
    crops[:, :, :, 3:6] -= 0.5
    crops[:, :, :, 6:] = (crops[:, :, :, 6:] > 0.5).float()
    points = torch.randn(robots, regions, LIDARS, NUM_POINTS, 5, generator=g) * 0.3
    points[..., 4] = (points[..., 4] > 0.0).float()
    points = points * points[..., 4:]
    sensors = CAMERAS + LIDARS
    return Evidence(
        crops,
        points,
        0.003 * torch.randn(robots, regions, sensors, 3, generator=g),
        (0.002 * (0.5 + torch.rand(robots, regions, sensors, 3, generator=g))) ** 2,
        torch.randn(robots, regions, sensors, 3, generator=g),
        torch.ones(robots, regions, sensors),
        0.03 + 0.05 * torch.rand(robots, regions, 3, generator=g),
        torch.ones(robots, regions, dtype=torch.bool),
    )


def make_targets(evidence: Evidence, seed: int = 1) -> Targets:
    g = torch.Generator().manual_seed(seed)
    shape = evidence.is_there.shape
    return Targets(
        0.003 * torch.randn(*shape, 3, generator=g),
        evidence.size_m * 1.05,
        torch.randint(0, NUM_SHAPES, shape, generator=g),
        torch.randint(0, NUM_COLORS, shape, generator=g),
        torch.rand(*shape, generator=g) < 0.8,
    )


def network_of(kind: str):
    torch.manual_seed(3)
    network = make_network(kind).eval()
    with torch.no_grad():  # gates begin shut: with these, what is learned shows
        for values in network.parameters():
            values.add_(0.05 * torch.randn_like(values))
    return network


def answers(fused: Fused) -> list[torch.Tensor]:
    return [getattr(fused, name) for name in Fused.__slots__]


def is_same(one: Fused, other: Fused) -> bool:
    return all(torch.equal(a, b) for a, b in zip(answers(one), answers(other), strict=True))


def is_near(one: Fused, other: Fused, tolerance: float = 2e-5) -> bool:
    return all(
        torch.allclose(a, b, atol=tolerance, rtol=1e-4) for a, b in zip(answers(one), answers(other), strict=True)
    )


def absent(evidence: Evidence, sensor: int) -> Evidence:
    """As `gather` gives it where the sensor was never there: zeros, no estimate, no health."""
    crops, points = evidence.crops.clone(), evidence.points.clone()
    if sensor < CAMERAS:
        crops[:, :, sensor] = 0.0
    else:
        points[:, :, sensor - CAMERAS] = 0.0
    estimate, variance, health = evidence.estimate_m.clone(), evidence.variance_m2.clone(), evidence.health.clone()
    estimate[:, :, sensor], variance[:, :, sensor], health[:, :, sensor] = 0.0, torch.inf, 0.0
    toward = evidence.toward_m.clone()
    toward[:, :, sensor] = 0.0
    return replace(
        evidence, crops=crops, points=points, estimate_m=estimate, variance_m2=variance, toward_m=toward, health=health
    )


@torch.no_grad()
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sensor", range(CAMERAS + LIDARS))
def test_health_zero_is_bit_for_bit_the_absent_sensor(kind, sensor):
    evidence, network = make_evidence(), network_of(kind)
    assert is_same(network(evidence.without([sensor])), network(absent(evidence, sensor)))
    assert not is_near(network(evidence), network(absent(evidence, sensor)))


@torch.no_grad()
@pytest.mark.parametrize("kind", KINDS)
def test_what_a_sensor_of_health_zero_says_is_never_heard_not_even_nan(kind):
    evidence, network = make_evidence(), network_of(kind)
    mad = absent(evidence, 1)
    mad.crops[:, :, 1], mad.estimate_m[:, :, 1], mad.variance_m2[:, :, 1] = torch.nan, torch.inf, -1.0
    assert is_same(network(mad), network(absent(evidence, 1)))


@torch.no_grad()
@pytest.mark.parametrize("kind", KINDS)
def test_a_rig_without_the_sensor_answers_the_same(kind):
    evidence, network = make_evidence(), network_of(kind)
    kept = [0, 2, 3]
    fewer = replace(
        evidence,
        crops=evidence.crops[:, :, [0, 2]],
        estimate_m=evidence.estimate_m[:, :, kept],
        variance_m2=evidence.variance_m2[:, :, kept],
        toward_m=evidence.toward_m[:, :, kept],
        health=evidence.health[:, :, kept],
    )
    assert is_near(network(fewer), network(evidence.without([1])))


@torch.no_grad()
@pytest.mark.parametrize("kind", KINDS)
def test_little_health_changes_little(kind):
    evidence, network = make_evidence(), network_of(kind)
    health = evidence.health.clone()
    health[..., 0] = 1e-6
    assert is_near(network(evidence.with_health(health)), network(evidence.without([0])), 1e-3)


@torch.no_grad()
@pytest.mark.parametrize("kind", KINDS)
def test_the_order_of_cameras_candidates_points_and_robots_does_not_matter(kind):
    evidence, network = make_evidence(), network_of(kind)
    turn, swap, back = torch.tensor([2, 0, 1, 3]), torch.tensor([3, 1, 0, 2]), torch.tensor([1, 0])
    other = Evidence(
        evidence.crops[back][:, swap][:, :, [2, 0, 1]],
        evidence.points[back][:, swap].flip(3),
        evidence.estimate_m[back][:, swap][:, :, turn],
        evidence.variance_m2[back][:, swap][:, :, turn],
        evidence.toward_m[back][:, swap][:, :, turn],
        evidence.health[back][:, swap][:, :, turn],
        evidence.size_m[back][:, swap],
        evidence.is_there[back][:, swap],
    )
    one, two = network(evidence), network(other)
    for mine, theirs in zip(answers(one), answers(two), strict=True):
        assert torch.allclose(mine[back][:, swap], theirs, atol=2e-5, rtol=1e-4)


@torch.no_grad()
@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_of_robots_gives_what_each_gives_alone(kind):
    evidence, network = make_evidence(3), network_of(kind)
    together = network(evidence)
    for robot in range(3):
        only = Evidence(*(getattr(evidence, name)[robot : robot + 1] for name in Evidence.__slots__))
        mine = Fused(*(getattr(together, name)[robot : robot + 1] for name in Fused.__slots__))
        assert is_near(network(only), mine)


@torch.no_grad()
@pytest.mark.parametrize("kind", KINDS)
def test_candidates_that_are_padding_change_nothing(kind):
    evidence, network = make_evidence(1), network_of(kind)
    is_there = torch.tensor([[True, True, False, True]])
    one = network(replace(evidence, is_there=is_there))
    evidence.crops[:, 2], evidence.estimate_m[:, 2] = torch.nan, torch.nan
    assert is_same(network(replace(evidence, is_there=is_there)), one)


@torch.no_grad()
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value", [math.nan, math.inf, 0.0])
def test_bad_or_empty_input_gives_finite_answers(kind, value):
    evidence, network = make_evidence(), network_of(kind)
    bad = Evidence(
        *(torch.full_like(getattr(evidence, name), value) for name in Evidence.__slots__[:-1]), evidence.is_there
    )
    assert all(torch.isfinite(answer).all() for answer in answers(network(bad)))
    bad = replace(bad, health=torch.ones_like(bad.health))
    assert all(torch.isfinite(answer).all() for answer in answers(network(bad)))


@torch.no_grad()
@pytest.mark.parametrize("kind", KINDS)
def test_without_any_sensor_the_place_is_as_wide_as_it_gets(kind):
    fused = network_of(kind)(make_evidence().without(range(CAMERAS + LIDARS)))
    assert torch.equal(fused.center_m, torch.zeros_like(fused.center_m))
    assert torch.allclose(fused.variance_m2, torch.tensor(WIDE_M**2))


@torch.no_grad()
@pytest.mark.parametrize("kind", LEARNED)
def test_rigs_of_one_kind_of_sensor_are_answered(kind):
    evidence, network = make_evidence(), network_of(kind)
    cameras = replace(
        evidence,
        points=evidence.points[:, :, :0],
        **{
            name: getattr(evidence, name)[:, :, :CAMERAS]
            for name in ("estimate_m", "variance_m2", "toward_m", "health")
        },
    )
    assert is_near(network(cameras), network(evidence.without([3])))


def test_weighing_finds_common_offsets_and_states_its_errors_honestly():
    g = torch.Generator().manual_seed(0)
    off = 0.003 * torch.randn(400, 1, 3, 3, generator=g)
    true = 0.02 * torch.randn(400, 6, 1, 3, generator=g)
    sigma = (0.0005 + 0.003 * torch.rand(400, 6, 3, 1, generator=g)).expand(-1, -1, -1, 3)
    seen = true + off + sigma * torch.randn(400, 6, 3, 3, generator=g)
    found = weigh(seen, 1.0 / sigma.square())
    error = found.center_m - true[:, :, 0]
    assert 0.93 < float((error.square() / found.variance_m2).mean()) < 1.07
    plain = (seen / sigma.square()).sum(2) / (1.0 / sigma.square()).sum(2) - true[:, :, 0]
    assert float(error.std()) < 0.9 * float(plain.std())


@pytest.mark.parametrize("kind", LEARNED)
def test_some_steps_of_training_lower_the_loss(kind):
    evidence = make_evidence(6, 4)
    targets = make_targets(evidence)
    regions = Regions(
        evidence, targets, torch.zeros(6, dtype=torch.bool), torch.ones(6, 4, dtype=torch.long), torch.arange(6)
    )
    torch.manual_seed(0)
    means = train(make_network(kind), regions, 12, seed=0)
    assert means[-1] < means[0]


def test_turning_and_mirroring_keeps_what_is_true():
    evidence = make_evidence(5)
    targets = replace(make_targets(evidence), center_m=evidence.estimate_m[:, :, 0])
    regions = Regions(
        evidence, targets, torch.zeros(5, dtype=torch.bool), torch.ones(5, 4, dtype=torch.long), torch.arange(5)
    )
    turned = vary(regions, torch.Generator().manual_seed(1))
    assert torch.allclose(turned.targets.center_m, turned.evidence.estimate_m[:, :, 0], atol=1e-7)
    assert not torch.allclose(turned.targets.center_m, targets.center_m, atol=1e-4)


def test_dropped_sensors_are_dropped_for_the_whole_look_and_never_gain_health():
    health = torch.ones(200, 3, 4)
    dropped = drop_sensors(health, torch.Generator().manual_seed(0))
    assert torch.equal(dropped[:, 0], dropped[:, 2])
    assert float(dropped.max()) <= 1.0
    assert 0.05 < float((dropped == 0).float().mean()) < 0.4


@torch.no_grad()
@pytest.mark.parametrize("kind", KINDS)
def test_shares_sum_to_one_and_the_absent_have_none(kind):
    _, shares = share_out(network_of(kind), make_evidence().without([2]))
    assert torch.allclose(shares.sum(-1), torch.ones(2, 4), atol=1e-5)
    assert float(shares[..., 2].abs().max()) == 0.0


@torch.no_grad()
@pytest.mark.parametrize("kind", LEARNED)
def test_weights_come_back_from_their_file_and_a_changed_file_is_refused(kind, tmp_path):
    network = network_of(kind)
    save_weights(tmp_path / "own.safetensors", network, {})
    again = load_network(kind, tmp_path / "own.safetensors")
    assert is_near(again(make_evidence()), network(make_evidence()), 2e-2)
    with pytest.raises(WeightsError, match="cannot be read"):
        load_network(kind, tmp_path / "absent.safetensors")
    (tmp_path / "own.safetensors").write_bytes(b"no weights")
    with pytest.raises(WeightsError) as problem:
        load_network(kind, tmp_path / "own.safetensors")
    assert "\n" not in str(problem.value)


@torch.no_grad()
@pytest.mark.gpu
@pytest.mark.parametrize("kind", KINDS)
def test_cuda_answers_as_the_cpu(kind):
    evidence, network = make_evidence(), network_of(kind)
    expected = network(evidence)
    found = network.to("cuda")(evidence.to("cuda"))
    assert is_near(Fused(*(answer.cpu() for answer in answers(found))), expected, 1e-3)
