"""The spectator's film of an episode: not a sensor, nobody on the road sees it.

In:  RayRoom, snapshots of body poses over time, captions over time.
Out: an MP4 (H.264, yuv420p, index in front) that a browser plays.

The camera stands still, so between two frames only the window around what moved, and its shadow, is drawn again.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Float32, Int, UInt8

from .lit_view import find_lit, look_up, paint, shade_table
from .mounting import look_at
from .pinhole import Pinhole, View, make_intrinsics
from .raycast import RayRoom

Snapshot = tuple[float, Mapping[str, Float[np.ndarray, "4 4"]]]

WIDTH, HEIGHT, BAR_HEIGHT = 640, 480, 56
EYE = (1.50, -0.95, 0.98)
TARGET = (0.33, 0.0, 0.24)
FOV_X_RAD = 0.92
ENCODERS = ("libx264", "libopenh264", "h264")
BAR_COLOR, COMMAND_COLOR, STEP_COLOR = (24, 26, 30), (245, 245, 245), (150, 200, 255)
# Where a pixel with an edge in it is looked at again, in pixels from its centre; the centre counts too.
SAMPLES = ((0.36, -0.18), (-0.30, 0.32))
EDGE_STEP = 60.0  # in the sum of three colours of 0–255


class FilmError(ValueError):
    """The film cannot be written; one line that says why."""


def write_film(
    path: Path,
    room: RayRoom,
    snapshots: Sequence[Snapshot],
    captions: Sequence[tuple[float, str]] = (),
    *,
    command: str = "",
    fps: float = 12.5,
) -> None:
    """Draw the snapshots at an even rate and write the film; the file appears whole or not at all.

    `captions` are (time, text) in order: each is shown from its time on, below the command. Moves the room.
    """
    if not snapshots:
        raise FilmError("A film needs at least one snapshot, got none. Record body poses while the robot moves.")
    write_pictures(path, _draw_frames(room, snapshots, captions, command, fps), (WIDTH, HEIGHT + BAR_HEIGHT), fps)


def write_pictures(
    path: Path, pictures: Iterable[UInt8[np.ndarray, "height width 3"]], size: tuple[int, int], fps: float
) -> None:
    """Write pictures of that (width, height), both even, as a film; the file appears whole or not at all."""
    import av  # Needs its codecs only here.

    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with av.open(str(part), "w", format="mp4", options={"movflags": "+faststart"}) as container:
            stream = container.add_stream(_find_encoder(), rate=Fraction(fps).limit_denominator(1000))
            assert isinstance(stream, av.VideoStream)
            stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
            stream.codec_context.options = {"preset": "veryfast", "crf": "21", "threads": "1"}
            for picture in pictures:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            container.mux(stream.encode())
        os.replace(part, path)
    except OSError as problem:
        raise FilmError(
            f"{path}: the film cannot be written ({problem.strerror or problem}). Give a folder that can be written."
        ) from None
    finally:
        with contextlib.suppress(OSError):
            part.unlink()


class FilmCamera:
    """Draws frames; keeps the last one and the poses it shows."""

    def __init__(self, room: RayRoom) -> None:
        self._room = room
        self._pinhole = Pinhole(make_intrinsics(WIDTH, HEIGHT, FOV_X_RAD))
        self._T_world_camera = look_at(np.array(EYE), np.array(TARGET))
        self._picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        self._poses: dict[str, Float[np.ndarray, "4 4"]] = {}

    def draw(self, poses: Mapping[str, Float[np.ndarray, "4 4"]]) -> UInt8[np.ndarray, "height width 3"]:
        """The picture with the bodies at these poses."""
        window = self._moved_window(poses)
        self._room.move(poses)
        self._poses.update(poses)
        if window is not None:
            view = self._pinhole.look(self._room, self._T_world_camera, window)
            self._picture[window] = self._shade(view)
        return self._picture

    def _moved_window(self, poses: Mapping[str, Float[np.ndarray, "4 4"]]) -> tuple[slice, slice] | None:
        """Rows and columns around everything that moved and its shadow, before and after; None: nothing moved."""
        corners: list[Float[np.ndarray, "points 3"]] = []
        for body in self._room.bodies:
            after, before = poses.get(body.name), self._poses.get(body.name)
            if after is None or (before is not None and np.abs(after - before).max() < 1e-5):
                continue
            if before is None:
                return slice(0, HEIGHT), slice(0, WIDTH)
            for pose in (before, after):
                corners.append(body.vertices @ pose[:3, :3].T + pose[:3, 3])
        if not corners:
            return None
        points_world = np.concatenate(corners)
        down = np.array(self._room.light.toward_light)
        # Shadows on the table reach as far as those on whatever stands on it.
        shadows_world = points_world - down * (np.maximum(points_world[:, 2:3], 0.0) / down[2])
        return self._window_around(np.concatenate([points_world, shadows_world]))

    def _window_around(self, points_world: Float[np.ndarray, "points 3"]) -> tuple[slice, slice] | None:
        eye, rotation = self._T_world_camera[:3, 3], self._T_world_camera[:3, :3]
        x, y, z = ((points_world - eye) @ rotation).T
        lens = self._pinhole.intrinsics
        z = np.maximum(z, 0.05)
        u, v = lens.fx * x / z + lens.cx, lens.fy * y / z + lens.cy
        left, right = (int(np.clip(edge, 0, WIDTH)) // 2 * 2 for edge in (u.min() - 4, u.max() + 6))
        top, bottom = (int(np.clip(edge, 0, HEIGHT)) // 2 * 2 for edge in (v.min() - 4, v.max() + 6))
        return (slice(top, bottom), slice(left, right)) if right > left and bottom > top else None

    def _shade(self, view: View) -> UInt8[np.ndarray, "rows columns 3"]:
        """Colours 0–255, edges smoothed by looking again at the pixels that hold one."""
        table = shade_table(self._room, 255.0)
        color = look_up(table, find_lit(view), view.triangle)
        paint(view, color)
        edges = np.flatnonzero(_has_edge(color))
        if len(edges):
            pixels = color.reshape(-1, 3)
            pixels[edges] = (pixels[edges] + self._look_again(view, edges, table)) / np.float32(len(SAMPLES) + 1)
        return np.clip(color, 0.0, 255.0).astype(np.uint8)

    def _look_again(
        self, view: View, pixels: Int[np.ndarray, " pixels"], table: Float32[np.ndarray, "2 triangles 3"]
    ) -> Float32[np.ndarray, "pixels 3"]:
        """Sum of the colours at a few places within each pixel."""
        lens = self._pinhole.intrinsics
        shifts = [(right / lens.fx, down / lens.fy, 0.0) for right, down in SAMPLES]
        directions = view.directions_camera.reshape(-1, 3)[pixels] + np.array(shifts, np.float32)[:, None]
        directions_world = directions.reshape(-1, 3) @ view.T_world_camera[:3, :3].T.astype(np.float32)
        eye = view.T_world_camera[:3, 3].astype(np.float32)
        hits = self._room.cast(eye, directions_world)
        reach = np.where(hits.is_hit, hits.distance_m, np.float32(0.0))
        is_lit = self._room.is_lit(eye + directions_world * reach[:, None])
        color = look_up(table, is_lit, hits.triangle)
        self._room.paint(color, hits.triangle, reach, eye, directions_world)
        return color.reshape(len(SAMPLES), -1, 3).sum(axis=0)


def _has_edge(color: Float32[np.ndarray, "rows columns 3"]) -> Bool[np.ndarray, "rows columns"]:
    """Pixels whose brightness differs clearly from the one to the right or below, and those neighbours."""
    gray = color.sum(axis=2)
    has_edge = np.zeros(gray.shape, bool)
    across, down = np.abs(np.diff(gray, axis=1)) > EDGE_STEP, np.abs(np.diff(gray, axis=0)) > EDGE_STEP
    has_edge[:, 1:] |= across
    has_edge[:, :-1] |= across
    has_edge[1:] |= down
    has_edge[:-1] |= down
    return has_edge


def _draw_frames(
    room: RayRoom, snapshots: Sequence[Snapshot], captions: Sequence[tuple[float, str]], command: str, fps: float
) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
    """One picture for each 1/fps from the first snapshot to the last; the snapshot shown is the latest one."""
    camera = FilmCamera(room)
    times_s = [time_s for time_s, _ in snapshots]
    num_frames = int((times_s[-1] - times_s[0]) * fps + 1e-6) + 1
    shown, bar = None, np.zeros((BAR_HEIGHT, WIDTH, 3), np.uint8)
    for k in range(num_frames):
        time_s = times_s[0] + k / fps
        latest = max(int(np.searchsorted(times_s, time_s + 1e-6, side="right")) - 1, 0)
        text = next((text for start_s, text in reversed(captions) if start_s <= time_s + 1e-6), "")
        if text != shown:
            shown, bar = text, _draw_bar(command, text)
        yield np.concatenate([camera.draw(snapshots[latest][1]), bar])


def _draw_bar(command: str, text: str) -> UInt8[np.ndarray, "rows columns 3"]:
    from PIL import Image, ImageDraw, ImageFont

    bar = Image.new("RGB", (WIDTH, BAR_HEIGHT), BAR_COLOR)
    canvas = ImageDraw.Draw(bar)
    for line, size, top, color in ((command, 18, 5, COMMAND_COLOR), (text, 15, 31, STEP_COLOR)):
        font = ImageFont.load_default(size)
        while line and canvas.textlength(line, font=font) > WIDTH - 24:
            line = line.removesuffix("…")[:-1] + "…"
        canvas.text((12, top), line, font=font, fill=color)
    return np.asarray(bar)


def _find_encoder() -> str:
    """The first H.264 encoder that this PyAV has; its wheels carry libx264."""
    import av

    for name in ENCODERS:
        if name in av.codecs_available:
            return name
    raise FilmError(f"PyAV has no H.264 encoder, expected one of {', '.join(ENCODERS)}. Install PyAV from its wheel.")
