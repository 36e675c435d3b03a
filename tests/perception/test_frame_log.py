"""Recordings come back bit for bit, survive a crash and say when they are damaged."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rendered_scenes import still_imu, still_joints
from verbot.perception.frame_codec import FrameLogError, encode_frame
from verbot.perception.frame_log import FrameLogReader, FrameLogWriter
from verbot.perception.types import CameraImage, ContactSamples, ForceSamples, Intrinsics, LidarScan, SensorFrame


def _frame(time_s: float = 0.5) -> SensorFrame:
    rng = np.random.default_rng(int(time_s * 1000))
    depth_m = rng.random((12, 16), dtype=np.float32)
    depth_m[0, :3] = np.nan, np.inf, -0.0
    rgb = rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)
    image = CameraImage("c", time_s - 0.03, rgb, depth_m, Intrinsics(16, 12, 20.1, 20.2, 7.5, 5.5), np.eye(4), "hand")
    points = rng.random((200, 3), dtype=np.float32)
    scan = LidarScan("l", time_s, points, rng.random(200), rng.random(200, dtype=np.float32), np.eye(4))
    return SensorFrame(time_s, (image,), (scan,), (still_imu(time_s),), still_joints(time_s))


def test_touch_comes_back_bit_for_bit_and_frames_without_it_are_written_as_before(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    forces = ForceSamples("w", rng.random(5), rng.random((5, 3)), rng.random((5, 3)), np.eye(4), "hand")
    contacts = ContactSamples("f", rng.random(4), rng.random((4, 2)), "hand")
    felt = replace(_frame(), forces=(forces,), contacts=(contacts,))
    with FrameLogWriter(tmp_path / "log", {}) as log:
        log.append(felt)
    (frame,) = FrameLogReader(tmp_path / "log")
    assert _same(frame, felt)
    assert b"forces" not in encode_frame(_frame(), {})
    assert b"contacts" not in encode_frame(_frame(), {})


def _write(path: Path, count: int = 3) -> list[SensorFrame]:
    frames = [_frame(0.5 + 0.1 * number) for number in range(count)]
    with FrameLogWriter(path, {"seed": 7}) as log:
        for number, frame in enumerate(frames):
            log.append(frame, {"number": number})
    return frames


def _same(a: object, b: object) -> bool:
    if isinstance(a, np.ndarray):
        assert isinstance(b, np.ndarray)
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, tuple):
        assert isinstance(b, tuple)
        return len(a) == len(b) and all(_same(x, y) for x, y in zip(a, b, strict=True))
    if hasattr(a, "__slots__"):
        return type(a) is type(b) and all(_same(getattr(a, n), getattr(b, n)) for n in a.__slots__)
    return a == b


def test_frames_come_back_bit_for_bit_with_their_tags(tmp_path: Path) -> None:
    frames = _write(tmp_path / "log")
    reader = FrameLogReader(tmp_path / "log")
    records = list(reader.records())
    assert reader.header["seed"] == 7
    assert [record.tag["number"] for record in records] == [0, 1, 2]
    assert all(_same(frame, record.frame) for frame, record in zip(frames, records, strict=True))
    assert [frame.time_s for frame in reader] == [frame.time_s for frame in frames]


def test_an_empty_frame_comes_back_empty(tmp_path: Path) -> None:
    with FrameLogWriter(tmp_path / "log", {}) as log:
        log.append(SensorFrame(0.25), until_s=0.25, images=False)
    (record,) = FrameLogReader(tmp_path / "log").records()
    assert _same(record.frame, SensorFrame(0.25))
    assert record.tag == {"until_s": 0.25, "images": False}


def test_sensors_without_samples_come_back_without_samples(tmp_path: Path) -> None:
    scan = LidarScan("l", 0.0, np.zeros((0, 3), np.float32), np.zeros(0), np.zeros(0, np.float32), np.eye(4))
    with FrameLogWriter(tmp_path / "log", {}) as log:
        log.append(SensorFrame(0.0, scans=(scan,)))
    (frame,) = FrameLogReader(tmp_path / "log")
    assert _same(frame.scans[0], scan)


def test_a_recording_cut_off_by_a_crash_is_read_up_to_the_last_whole_frame(tmp_path: Path) -> None:
    _write(tmp_path / "log")
    data = (tmp_path / "log" / "frames.bin").read_bytes()
    for lost in (1, 100, len(data) // 2):
        (tmp_path / "log" / "frames.bin").write_bytes(data[:-lost])
        reader = FrameLogReader(tmp_path / "log")
        assert len(list(reader)) < 3
        assert reader.is_cut_off


def test_frames_are_on_disk_before_the_writer_closes(tmp_path: Path) -> None:
    log = FrameLogWriter(tmp_path / "log", {})
    log.append(_frame())
    assert len(list(FrameLogReader(tmp_path / "log"))) == 1
    log.close()


def test_a_flipped_bit_is_an_error_that_names_the_frame(tmp_path: Path) -> None:
    _write(tmp_path / "log")
    path = tmp_path / "log" / "frames.bin"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)
    with pytest.raises(FrameLogError, match="Frame 1 of"):
        list(FrameLogReader(tmp_path / "log"))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda p: (p / "header.json").unlink(), "no header.json"),
        (lambda p: (p / "header.json").write_text("{"), "not JSON"),
        (lambda p: (p / "header.json").write_text(json.dumps({"format": "other"})), "not of format"),
        (lambda p: (p / "frames.bin").unlink(), "no frames.bin"),
    ],
)
def test_a_folder_that_is_no_recording_is_refused(tmp_path: Path, damage, message: str) -> None:
    _write(tmp_path, 1)
    damage(tmp_path)
    with pytest.raises(FrameLogError, match=message):
        FrameLogReader(tmp_path)


def test_a_recording_is_never_written_over(tmp_path: Path) -> None:
    _write(tmp_path, 1)
    with pytest.raises(FrameLogError, match="already holds a recording"):
        FrameLogWriter(tmp_path, {})


def test_headers_and_tags_must_be_plain_json(tmp_path: Path) -> None:
    with pytest.raises(FrameLogError, match="not plain JSON"):
        FrameLogWriter(tmp_path / "a", {"array": np.zeros(3)})
    with FrameLogWriter(tmp_path / "b", {}) as log, pytest.raises(FrameLogError, match="not plain JSON"):
        log.append(SensorFrame(0.0), {"set": {1}})


def test_an_index_that_claims_a_huge_array_is_refused_before_memory_is_taken() -> None:
    from verbot.perception.frame_codec import decode_frame, encode_frame

    payload = encode_frame(_frame(), {})
    length = int.from_bytes(payload[:4], "little")
    index = json.loads(payload[4 : 4 + length])
    index["images"][0]["depth_m"]["shape"] = [1 << 20, 1 << 20]
    text = json.dumps(index).encode()
    with pytest.raises(FrameLogError, match="Frame 0"):
        decode_frame(len(text).to_bytes(4, "little") + text + payload[4 + length :], "Frame 0")
