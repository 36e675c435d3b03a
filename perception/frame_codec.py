"""One SensorFrame as bytes and back, bit for bit.

In:  a SensorFrame and a small JSON tag.
Out: bytes: length of the index, the index (JSON), the arrays one after another, deflated losslessly.
Decoding trusts nothing: types, shapes and sizes are checked before memory is taken.
"""

from __future__ import annotations

import json
import math
import struct
import zlib
from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np

from .types import (
    CameraImage,
    ContactSamples,
    ForceSamples,
    ImuSamples,
    Intrinsics,
    JointSamples,
    LidarScan,
    SensorFrame,
)

_INDEX_LENGTH = struct.Struct("<I")
_DTYPES = ("|u1", "<f4", "<f8")
_MAX_ARRAY_BYTES = 1 << 29
_MIN_DEFLATED_BYTES = 512

T = TypeVar("T")


class FrameLogError(ValueError):
    """A recording that cannot be written or read; one line that says why and what to do."""


class _Arrays:
    """Arrays packed one after another; the index keeps where each lies."""

    def __init__(self) -> None:
        self.packed: list[bytes] = []

    def add(self, array: np.ndarray) -> dict[str, Any]:
        dtype = array.dtype.newbyteorder("<").str
        if dtype not in _DTYPES:
            raise FrameLogError(f"Array of type {array.dtype} in a frame, expected uint8, float32 or float64.")
        raw = _split_bytes(np.ascontiguousarray(array, dtype=dtype))
        packed = zlib.compress(raw, 1) if len(raw) >= _MIN_DEFLATED_BYTES else raw
        is_deflated = len(packed) < len(raw)
        self.packed.append(packed if is_deflated else raw)
        return {
            "dtype": dtype,
            "shape": list(array.shape),
            "bytes": len(self.packed[-1]),
            "deflated": is_deflated,
            "number": len(self.packed) - 1,
        }


def _split_bytes(array: np.ndarray) -> bytes:
    """First bytes of all numbers, then second …: deflates floats better; neighbours differ little in the high ones."""
    width = array.dtype.itemsize
    return array.reshape(-1).view(np.uint8).reshape(-1, width).T.tobytes()


def encode_frame(frame: SensorFrame, tag: Mapping[str, Any]) -> bytes:
    """The frame and its tag as bytes."""
    arrays = _Arrays()
    index = {
        "tag": dict(tag),
        "time_s": frame.time_s,
        "images": [_image_fields(image, arrays) for image in frame.images],
        "scans": [_fields(scan, arrays) for scan in frame.scans],
        "imu": [_fields(samples, arrays) for samples in frame.imu],
        "joints": None if frame.joints is None else _fields(frame.joints, arrays),
    }
    # Only where there are such sensors: recordings without them stay as they always were.
    touch = {"forces": frame.forces, "contacts": frame.contacts}
    index |= {key: [_fields(samples, arrays) for samples in found] for key, found in touch.items() if found}
    try:
        text = json.dumps(index, allow_nan=True).encode()
    except (TypeError, ValueError) as problem:
        raise FrameLogError(f"The tag of a frame is not plain JSON: {problem}.") from None
    return _INDEX_LENGTH.pack(len(text)) + text + b"".join(arrays.packed)


def _image_fields(image: CameraImage, arrays: _Arrays) -> dict[str, Any]:
    i = image.intrinsics
    return {**_fields(image, arrays), "intrinsics": [i.width, i.height, i.fx, i.fy, i.cx, i.cy]}


def _fields(value: Any, arrays: _Arrays) -> dict[str, Any]:
    fields = {name: getattr(value, name) for name in value.__slots__}
    return {
        name: arrays.add(field) if isinstance(field, np.ndarray) else field
        for name, field in fields.items()
        if not isinstance(field, Intrinsics)
    }


def decode_frame(payload: bytes, where: str) -> tuple[SensorFrame, dict[str, Any]]:
    """The frame and its tag; FrameLogError, beginning with `where`, when the bytes are not a frame."""
    try:
        index, arrays = _open(payload)
        images = tuple(_make_image(entry, arrays) for entry in index["images"])
        scans = tuple(_make(LidarScan, entry, arrays) for entry in index["scans"])
        imu = tuple(_make(ImuSamples, entry, arrays) for entry in index["imu"])
        entry = index["joints"]
        joints = None
        if entry is not None:
            joints = _make(JointSamples, {**entry, "names": tuple(entry["names"])}, arrays)
        forces = tuple(_make(ForceSamples, entry, arrays) for entry in index.get("forces", ()))
        contacts = tuple(_make(ContactSamples, entry, arrays) for entry in index.get("contacts", ()))
        frame = SensorFrame(float(index["time_s"]), images, scans, imu, joints, forces, contacts)
        return frame, dict(index["tag"])
    except FrameLogError as problem:
        raise FrameLogError(f"{where}: {problem}") from None
    except (KeyError, TypeError, ValueError, RecursionError, struct.error, zlib.error) as problem:
        raise FrameLogError(f"{where} cannot be read ({problem}): the recording is damaged. Record again.") from None


def _open(payload: bytes) -> tuple[dict[str, Any], list[memoryview]]:
    """The index and the packed arrays, cut by the sizes that the index declares."""
    (length,) = _INDEX_LENGTH.unpack_from(payload)
    start = _INDEX_LENGTH.size + length
    index = json.loads(payload[_INDEX_LENGTH.size : start])
    sizes: dict[int, int] = {}
    for entry in _array_entries(index):
        sizes[int(entry["number"])] = int(entry["bytes"])
    view, arrays = memoryview(payload), []
    for number in range(len(sizes)):
        stop = start + sizes[number]
        if sizes[number] < 0 or stop > len(payload):
            raise FrameLogError("an array reaches beyond the frame's end: the recording is damaged. Record again.")
        arrays.append(view[start:stop])
        start = stop
    return index, arrays


def _array_entries(index: dict[str, Any]) -> list[dict[str, Any]]:
    parts = [*index["images"], *index["scans"], *index["imu"], *([index["joints"]] if index["joints"] else [])]
    parts += [*index.get("forces", ()), *index.get("contacts", ())]
    return [entry for part in parts for entry in part.values() if isinstance(entry, dict) and "number" in entry]


def _make_image(entry: dict[str, Any], arrays: list[memoryview]) -> CameraImage:
    width, height, *rest = entry["intrinsics"]
    intrinsics = Intrinsics(int(width), int(height), *(float(value) for value in rest))
    return _make(CameraImage, {**entry, "intrinsics": intrinsics}, arrays)


def _make(kind: type[T], entry: dict[str, Any], arrays: list[memoryview]) -> T:
    fields = {
        name: _unpack(field, arrays) if isinstance(field, dict) and "number" in field else field
        for name, field in entry.items()
    }
    return kind(**fields)


def _unpack(entry: dict[str, Any], arrays: list[memoryview]) -> np.ndarray:
    if entry["dtype"] not in _DTYPES:
        raise FrameLogError(f"array of type {str(entry['dtype'])[:20]!r}, expected one of {', '.join(_DTYPES)}.")
    dtype, shape = np.dtype(entry["dtype"]), tuple(int(n) for n in entry["shape"])
    size = math.prod(shape) * dtype.itemsize
    if min(shape, default=0) < 0 or size > _MAX_ARRAY_BYTES:
        raise FrameLogError(f"array of shape {shape} is beyond {_MAX_ARRAY_BYTES >> 20} MiB. Record smaller images.")
    raw = bytes(arrays[int(entry["number"])])
    if entry["deflated"]:
        opened = zlib.decompressobj()
        raw = opened.decompress(raw, size + 1)
    if len(raw) != size:
        raise FrameLogError(f"array of shape {shape} has {len(raw)} bytes, expected {size}: damaged. Record again.")
    columns = np.frombuffer(raw, dtype=np.uint8).reshape(dtype.itemsize, -1)
    return np.ascontiguousarray(columns.T).reshape(-1).view(dtype).reshape(shape)
