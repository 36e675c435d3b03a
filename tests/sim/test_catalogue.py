from collections import Counter

import numpy as np
import pytest
from scipy.spatial import ConvexHull
from verbot.sim.catalogue import KINDS, make_object


@pytest.mark.parametrize("kind", KINDS)
def test_every_part_is_convex_watertight_and_wound_outward(kind):
    for part in make_object(kind).parts:
        edges = Counter((int(t[k]), int(t[(k + 1) % 3])) for t in part.triangles for k in range(3))
        assert all(count == 1 and edges[b, a] == 1 for (a, b), count in edges.items())
        assert part.volume_m3 == pytest.approx(ConvexHull(part.vertices_object).volume, rel=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_bounding_box_is_centred_on_the_object_frame_and_has_the_declared_size(kind):
    model = make_object(kind)
    low, high = model.mesh()[0].min(axis=0), model.mesh()[0].max(axis=0)
    if kind == "mug":  # the handle reaches beyond the box on +x
        assert high[0] > model.size_m[0] / 2 + 0.01
        high[0] = model.size_m[0] / 2
    np.testing.assert_allclose(low, -model.size_m / 2, atol=1e-9)
    np.testing.assert_allclose(high, model.size_m / 2, atol=1e-9)


@pytest.mark.parametrize("kind", [k for k in KINDS if make_object(k).cavity_depth_m > 0])
def test_opening_is_as_deep_as_declared(kind):
    model = make_object(kind)
    floor = max(
        float(part.vertices_object[:, 2].max())
        for part in model.parts
        if np.hypot(*part.vertices_object.mean(axis=0)[:2]) < 1e-6
    )
    assert model.size_m[2] / 2 - floor == pytest.approx(model.cavity_depth_m, abs=1e-9)


def test_unknown_kind_is_named_with_the_known_ones():
    with pytest.raises(ValueError, match="No object kind 'teapot'.*bowl"):
        make_object("teapot")
