"""Fusion with its shipped weights: balanced, small, refused when damaged, and at work in the perceiver."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from rendered_scenes import CLUTTER, StillBody, look
from verbot.perception.fusion import weights
from verbot.perception.fusion.compare import compare
from verbot.perception.fusion.network import KINDS, FusionNetwork
from verbot.perception.fusion.regions import Regions, join, load_regions, make_regions, save_regions
from verbot.perception.fusion.shares import measure_balance, share_out
from verbot.perception.fusion.weights import FOLDER, WeightsError, load_network
from verbot.perception.perceiver import FusedConfig, FusedPerceiver
from verbot.perception.types import PerceiverSetup, SceneState
from verbot.sim.labelled_looks import MEASURING, LookSettings, draw_look
from verbot.sim.sensors import load_composition

MOST_BYTES = 12 << 20
LEARNED = tuple(kind for kind in KINDS if kind != "weighted")
SETTINGS = LookSettings(width=320, absent=0.0, worse=0.0, strange_places=0.0, another_camera=0.0)


@pytest.fixture(scope="module")
def regions() -> Regions:
    seeds = range(MEASURING + 900_000, MEASURING + 900_006)
    return join([make_regions(draw_look(seed, SETTINGS), np.random.default_rng(seed)) for seed in seeds])


class Lamed(FusionNetwork):
    """A network that never hears one kind of sensor."""

    def __init__(self, network, sensors: slice) -> None:
        super().__init__()
        self.network, self.sensors = network, sensors

    def encode(self, evidence):
        return self.network.encode(evidence)

    def fuse(self, evidence, encoded, health):
        deaf = health.clone()
        deaf[..., self.sensors] = 0.0
        return self.network.fuse(evidence, encoded, deaf)


@torch.no_grad()
@pytest.mark.parametrize("kind", KINDS)
def test_no_shipped_fusion_ignores_a_modality(kind, regions):
    balance = measure_balance(load_network(kind), regions.evidence)
    assert balance.ignored == ()
    assert balance.cameras + balance.lidars == pytest.approx(1.0, abs=1e-4)


@torch.no_grad()
@pytest.mark.parametrize("kind", KINDS)
def test_dropping_a_modality_changes_the_answer(kind, regions):
    network, evidence = load_network(kind), regions.evidence
    whole = network(evidence)
    for sensors in (range(evidence.num_cameras), [evidence.num_cameras]):
        less = network(evidence.without(sensors))
        off_mm = 1e3 * (whole.center_m - less.center_m)[regions.targets.exists].norm(dim=-1)
        assert float(off_mm.median()) > 0.05


@torch.no_grad()
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("name", "sensors"), [("lidars", slice(3, None)), ("cameras", slice(0, 3))])
def test_a_network_lamed_to_ignore_a_modality_is_caught(kind, name, sensors, regions):
    assert name in measure_balance(Lamed(load_network(kind), sensors), regions.evidence).ignored


@torch.no_grad()
def test_gated_places_objects_nearer_than_their_candidates_and_says_how_sure_it_is(regions):
    fused, truth = load_network("gated")(regions.evidence), regions.targets
    real = truth.exists
    error_m = (fused.center_m - truth.center_m)[real]
    assert float(error_m[:, :2].norm(dim=1).median()) < 0.004
    nees = (error_m.square() / fused.variance_m2[real]).sum(-1)
    assert float((nees < 7.815).float().mean()) > 0.75


@torch.no_grad()
def test_shares_say_that_colour_is_the_cameras(regions):
    _, shares = share_out(load_network("gated"), regions.evidence)
    assert float(shares[..., :2].sum(-1)[regions.targets.exists].mean()) > 0.5


def test_regions_come_back_from_their_file(regions, tmp_path):
    save_regions(tmp_path / "r.safetensors", regions)
    again = load_regions(tmp_path / "r.safetensors")
    assert torch.equal(again.targets.center_m, regions.targets.center_m)
    assert torch.allclose(again.evidence.crops.float(), regions.evidence.crops, atol=4e-3)


def test_evidence_of_a_look_lies_where_the_object_is(regions):
    evidence, targets = regions.evidence, regions.targets
    known = targets.exists & torch.isfinite(evidence.variance_m2[:, :, 0]).all(-1)
    off_m = (evidence.estimate_m[:, :, 0] - targets.center_m)[known]
    assert float(off_m[:, :2].norm(dim=1).median()) < 0.008
    assert float(off_m[:, 2].abs().median()) < 0.003


def test_all_shipped_weights_are_known_and_small():
    files = sorted(FOLDER.glob("*.safetensors"))
    assert [file.stem for file in files] == sorted(LEARNED)
    assert sum(file.stat().st_size for file in files) <= MOST_BYTES
    assert sorted(json.loads(weights.KNOWN.read_text())) == [file.name for file in files]


def test_damaged_weights_are_refused_with_their_hash_in_one_line(tmp_path, monkeypatch):
    shutil.copytree(FOLDER, tmp_path / "weights")
    content = bytearray((FOLDER / "gated.safetensors").read_bytes())
    content[-1] ^= 1
    (tmp_path / "weights" / "gated.safetensors").write_bytes(bytes(content))
    monkeypatch.setattr(weights, "FOLDER", tmp_path / "weights")
    with pytest.raises(WeightsError, match="sha256") as problem:
        FusedPerceiver(PerceiverSetup(()), FusedConfig(fusion="gated"))
    assert "\n" not in str(problem.value)
    (tmp_path / "weights" / "gated.safetensors").unlink()
    with pytest.raises(WeightsError, match="cannot be read"):
        load_network("gated")


def _perceive(fusion: str) -> SceneState:
    specs = tuple(sensor.spec for sensor in load_composition("panda_table").sensors)
    perceiver = FusedPerceiver(PerceiverSetup(specs, StillBody()), FusedConfig(fusion=fusion))
    return perceiver.update(look(CLUTTER))


@pytest.fixture(scope="module")
def unfused() -> SceneState:
    return _perceive("off")


@pytest.mark.parametrize("kind", KINDS)
def test_the_perceiver_carries_shares_and_features_and_finds_the_same_objects(kind, unfused):
    fused = _perceive(kind)
    assert len(fused.objects) == len(unfused.objects) > 0
    for one, other in zip(fused.objects, unfused.objects, strict=True):
        assert np.linalg.norm(one.position_world - other.position_world) < 0.004
        assert np.isfinite(one.covariance).all()
        assert sum(share for _, share in one.shares) == pytest.approx(1.0, abs=1e-3)
        assert {name for name, _ in one.shares} == {"front", "wrist", "lidar"}
        assert one.features is not None


def test_without_fusion_there_are_no_shares_and_no_features(unfused):
    assert all(o.shares == () and o.features is None for o in unfused.objects)


def test_a_sensor_of_no_trust_has_no_share(unfused):
    frame = look(CLUTTER)
    frame = replace(frame, scans=())
    specs = tuple(sensor.spec for sensor in load_composition("panda_table").sensors)
    perceiver = FusedPerceiver(PerceiverSetup(specs, StillBody()), FusedConfig(fusion="weighted"))
    assert all("lidar" not in dict(o.shares) for o in perceiver.update(frame).objects)


def test_every_setting_of_a_comparison_counts_the_same_objects(regions):
    rows = compare({"gated": load_network("gated")}, regions)["gated"]
    for rig in ("still", "moving"):
        start = f"{rig}, sensors as they come, "
        counts = {rows[start + setting]["objects"] for setting in ("all", "cameras only", "lidar only")}
        assert len(counts) == 1
    alone = min(rows[f"moving, sensors as they come, {s}"]["across_mm_rms"] for s in ("cameras only", "lidar only"))
    assert rows["moving, sensors as they come, all"]["across_mm_rms"] < 1.2 * alone


def test_the_scene_says_what_each_sensor_made_in_the_mean(unfused):
    assert unfused.shares == {}
    fused = _perceive("weighted")
    assert sum(fused.shares.values()) == pytest.approx(1.0, abs=1e-3)
    one = dict(fused.objects[0].shares)
    rest = [dict(o.shares) for o in fused.objects[1:]]
    front = (one["front"] + sum(shares["front"] for shares in rest)) / len(fused.objects)
    assert fused.shares["front"] == pytest.approx(front)
