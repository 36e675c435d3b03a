"""The segmenter learns from pieces, and only proposes: geometry decides."""

from pathlib import Path

import numpy as np
import pytest
import torch
from rendered_scenes import COMPOSITION, StillBody, Thing, found, look
from safetensors.torch import save_file
from verbot.perception.perceiver import FusedConfig, FusedPerceiver
from verbot.perception.segmenter.network import SegmenterNetwork
from verbot.perception.segmenter.segmenter import Segmenter, SegmenterError
from verbot.perception.segmenter.train import Piece, train
from verbot.perception.types import PerceiverSetup
from verbot.sim.segment_samples import TRAINING, draw_samples


def _two_blocks(rng: np.random.Generator) -> Piece:
    """Tops of two blocks side by side, of heights that differ."""
    heights_m = rng.uniform(0.03, 0.05, 2)
    tops = [np.column_stack([rng.uniform(-0.02, 0.02, (150, 2)), np.full(150, h)]) for h in heights_m]
    tops[1][:, 0] += 0.04
    middles = [np.tile((0.04 * k, 0.0, h / 2), (150, 1)) for k, h in enumerate(heights_m)]
    points, to = (np.concatenate(rows).astype(np.float32) for rows in (tops, middles))
    return points, np.zeros(300, np.float32), to


@pytest.fixture
def untaught(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    path = tmp_path / "untaught.safetensors"
    save_file({name: value.half() for name, value in SegmenterNetwork().state_dict().items()}, str(path))
    return path


def test_training_lets_offsets_point_nearer_to_the_middles(tmp_path: Path) -> None:
    rng, out = np.random.default_rng(0), tmp_path / "weights.safetensors"
    pieces = [_two_blocks(rng) for _ in range(20)]
    middle_m = np.mean([np.linalg.norm(p - to, axis=1).mean() for p, _, to in pieces])
    assert train(pieces, pieces[:5], 20, out) < 0.7 * middle_m
    Segmenter(out)


def test_drawn_pieces_have_a_middle_for_nearly_every_point() -> None:
    samples = draw_samples(TRAINING)
    assert samples
    for sample in samples:
        assert sample["labels"].max() == len(sample["centers"]) - 1
        assert (sample["labels"] >= 0).mean() > 0.9


def test_geometry_refuses_what_an_untaught_network_proposes(untaught: Path) -> None:
    things = Thing("block_large", "red", 0.45, 0.0, 0.3), Thing("cylinder", "blue", 0.5, 0.2)
    config = FusedConfig(segmenter=str(untaught))
    objects = FusedPerceiver(PerceiverSetup(COMPOSITION.specs, StillBody()), config).update(look(things)).objects
    assert len(objects) == 2
    assert all(found(thing, objects, 0.003) for thing in things)


def test_a_file_that_holds_no_segmenter_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_file({"weight": torch.zeros(3)}, str(path))
    with pytest.raises(SegmenterError, match="does not hold a segmenter's weights"):
        Segmenter(path)
    with pytest.raises(SegmenterError, match="absent"):
        Segmenter(tmp_path / "absent.safetensors")
