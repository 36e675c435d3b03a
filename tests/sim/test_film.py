from pathlib import Path

import av
import numpy as np
import pytest
from drawn_rooms import make_pose, make_room
from verbot.sim.film import BAR_HEIGHT, HEIGHT, WIDTH, FilmCamera, FilmError, write_film
from verbot.sim.scenes import Scene, draw, load_scene


@pytest.fixture
def scene() -> Scene:
    return draw(load_scene("blocks"), 1)


def _snapshots(scene: Scene, count: int) -> list[tuple[float, dict[str, np.ndarray]]]:
    """The first object rises by 2 cm a snapshot."""
    poses = {placed.name: make_pose(placed) for placed in scene.objects}
    snapshots = []
    for k in range(count):
        raised = poses[scene.objects[0].name].copy()
        raised[2, 3] += 0.02 * k
        snapshots.append((k / 12.5, poses | {scene.objects[0].name: raised}))
    return snapshots


def test_film_is_h264_that_a_browser_plays_with_a_frame_for_each_step(tmp_path: Path, scene: Scene) -> None:
    path = tmp_path / "episode.mp4"
    write_film(path, make_room(scene), _snapshots(scene, 6), [(0.0, "Pick"), (0.2, "Place")], command="do it")
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert float(stream.average_rate) == 12.5
    assert len(frames) == 6
    assert frames[0].shape == (HEIGHT + BAR_HEIGHT, WIDTH, 3)
    assert np.abs(frames[0][:HEIGHT].astype(int) - frames[-1][:HEIGHT]).max() > 50  # the block moved
    assert np.abs(frames[0][HEIGHT + 28 :].astype(int) - frames[-1][HEIGHT + 28 :]).max() > 50  # the caption too
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    assert list(tmp_path.iterdir()) == [path]


def test_redrawing_only_what_moved_gives_the_same_picture_as_drawing_all(scene: Scene) -> None:
    snapshots = _snapshots(scene, 3)
    camera = FilmCamera(make_room(scene))
    for _, poses in snapshots:
        partial = camera.draw(poses).copy()
    whole = FilmCamera(make_room(scene)).draw(snapshots[-1][1])
    difference = np.abs(partial.astype(int) - whole).max(axis=2)
    # Smoothed edges at the border of the redrawn window may differ by what they average.
    assert (difference > 8).mean() < 1e-3


def test_nothing_is_drawn_when_nothing_moves(scene: Scene) -> None:
    room = make_room(scene)
    camera = FilmCamera(room)
    poses = _snapshots(scene, 1)[0][1]
    camera.draw(poses)
    assert camera._moved_window(poses) is None


def test_film_without_snapshots_is_refused(tmp_path: Path, scene: Scene) -> None:
    with pytest.raises(FilmError, match="at least one snapshot"):
        write_film(tmp_path / "a.mp4", make_room(scene), [])


def test_film_into_a_place_that_is_no_folder_leaves_nothing(tmp_path: Path, scene: Scene) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("")
    with pytest.raises(FilmError, match="cannot be written"):
        write_film(blocker / "a.mp4", make_room(scene), _snapshots(scene, 1))
    assert list(tmp_path.iterdir()) == [blocker]


def test_long_captions_are_cut_and_odd_letters_do_not_fail(tmp_path: Path, scene: Scene) -> None:
    path = tmp_path / "a.mp4"
    write_film(path, make_room(scene), _snapshots(scene, 1), [(0.0, "ö→✓ " * 100)], command="x" * 500)
    assert path.stat().st_size > 1000
