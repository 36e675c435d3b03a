"""Files of strangers, read with distrust: sizes first, numbers only, nothing that a file could make run.

In:  paths.
Out: arrays of the right shape, all finite; RecordingFileError names the file and what was expected.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float32, Shaped, UInt8
from PIL import Image, UnidentifiedImageError

from .types import RecordingFileError

MAX_BYTES = 256 << 20
MAX_PIXELS = 64_000_000
ROTATION_SLACK = 1e-3
NANOSECONDS = 1_000_000_000


def check_file(path: Path, what: str) -> None:
    """A plain file of a sensible size, or RecordingFileError."""
    if not path.is_file():
        raise RecordingFileError(f"'{path}' is absent, expected {what}. Check that the folder is complete.")
    size = path.stat().st_size
    if size == 0 or size > MAX_BYTES:
        raise RecordingFileError(f"'{path}' has {size} bytes, expected {what} of 1 byte to {MAX_BYTES >> 20} MiB.")


def list_files(folder: Path, pattern: str, what: str) -> list[Path]:
    """All files of that pattern by name; at least one."""
    found = sorted(path for path in folder.glob(pattern) if path.is_file())
    if not found:
        raise RecordingFileError(f"'{folder}' holds no {pattern}, expected {what}. Check that the folder is complete.")
    return found


def number_of(path: Path) -> int:
    """The number in a file's name: its place in the sequence."""
    digits = re.findall(r"\d+", path.name)
    if not digits or len(digits[-1]) > 12:
        raise RecordingFileError(f"'{path}' has no number in its name, expected one such as 000000.")
    return int(digits[-1])


def load_floats(path: Path, columns: int, what: str) -> Float32[np.ndarray, "rows columns"]:
    """Raw little-endian float32, row by row."""
    check_file(path, what)
    size = path.stat().st_size
    if size % (4 * columns):
        raise RecordingFileError(
            f"'{path}' has {size} bytes, expected whole rows of {columns} float32 ({4 * columns} bytes): cut off?"
        )
    values = np.fromfile(path, "<f4").reshape(-1, columns).astype(np.float32)
    _check_finite(path, values)
    return values


def load_table(path: Path, columns: int, what: str) -> Float[np.ndarray, "rows columns"]:
    """Numbers in a text file, the same number in each line; lines that begin with # are left out."""
    check_file(path, what)
    rows = []
    for number, line in enumerate(_lines(path), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        values = to_numbers(path, number, line.split())
        if len(values) != columns:
            raise RecordingFileError(f"'{path}', line {number} has {len(values)} numbers, expected {columns}: {what}.")
        rows.append(values)
    if not rows:
        raise RecordingFileError(f"'{path}' holds no numbers, expected {what}.")
    table = np.array(rows, dtype=np.float64)
    _check_finite(path, table)
    return table


def load_named(path: Path, counts: Mapping[str, int]) -> dict[str, Float[np.ndarray, "values"]]:
    """Lines "name: numbers" of a calibration; each wanted name with its count of numbers, others are left out."""
    check_file(path, "a calibration")
    found: dict[str, np.ndarray] = {}
    for number, line in enumerate(_lines(path), 1):
        name, _, rest = line.partition(":")
        if name.strip() in counts:
            found[name.strip()] = np.array(to_numbers(path, number, rest.split()))
    for name, count in counts.items():
        if name not in found or len(found[name]) != count or not np.isfinite(found[name]).all():
            held = len(found[name]) if name in found else "no"
            raise RecordingFileError(f"'{path}' has {held} numbers under '{name}', expected {count} finite ones.")
    return found


def load_array(path: Path, columns: int) -> Float[np.ndarray, "rows columns"]:
    """A .npy file, whatever it is called: numbers only, never pickled objects."""
    check_file(path, "a .npy array")
    try:
        # Mapped, so that a header which promises more than the file holds is found out before memory is taken.
        values = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError, SyntaxError) as problem:
        raise RecordingFileError(f"'{path}' is not a .npy array of numbers: {_short(problem)}.") from None
    values = values[:, None] if values.ndim == 1 else values
    if values.ndim != 2 or values.shape[1] != columns or values.dtype.kind not in "fiu" or not len(values):
        raise RecordingFileError(
            f"'{path}' is of shape {values.shape} and type {values.dtype}, expected rows of {columns} numbers."
        )
    values = np.array(values, dtype=np.float64)
    _check_finite(path, values)
    return values


def load_times(path: Path) -> Float[np.ndarray, "times"]:
    """A .npy file of moments in seconds that only go forward."""
    times_s = load_array(path, 1)[:, 0]
    check_times(path, times_s)
    return times_s


def check_times(path: Path, times_s: Shaped[np.ndarray, "times"]) -> None:
    """Each later than the one before."""
    backward = np.nonzero(np.diff(times_s) <= 0)[0]
    if len(backward):
        row = int(backward[0])
        raise RecordingFileError(
            f"'{path}': time goes from {times_s[row]:.6f} s to {times_s[row + 1]:.6f} s after row {row + 1}, "
            "expected times that only go forward."
        )


def load_stamps(path: Path, count: int) -> Float[np.ndarray, "times"]:
    """Lines such as "2011-09-26 13:02:25.594360375" as seconds since midnight of the first day."""
    check_file(path, "one time in each line")
    lines = [line.strip() for line in _lines(path) if line.strip()]
    if len(lines) < count:
        raise RecordingFileError(f"'{path}' holds {len(lines)} times, expected {count}: one for each scan or picture.")
    try:
        stamps = np.array([np.datetime64(line.replace(" ", "T"), "ns") for line in lines[:count]])
    except ValueError as problem:
        raise RecordingFileError(
            f"'{path}': {_short(problem)}; expected times such as 2011-09-26 13:02:25.594360375."
        ) from None
    since = (stamps - stamps[0].astype("datetime64[D]")).astype(np.int64)
    times_s = since / NANOSECONDS
    check_times(path, times_s)
    return times_s


def load_picture(path: Path, size: tuple[int, int] | None = None) -> UInt8[np.ndarray, "height width 3"]:
    """A colour picture; `size` is the width and height that it must have."""
    with _opened(path, size, "a colour picture") as picture:
        return np.array(_loaded(path, picture).convert("RGB"))


def load_depth(path: Path, size: tuple[int, int]) -> Float32[np.ndarray, "height width"]:
    """A 16-bit picture of whole numbers."""
    with _opened(path, size, "a 16-bit depth picture") as picture:
        if picture.mode not in ("I;16", "I;16B", "I"):
            raise RecordingFileError(f"'{path}' is a picture of mode {picture.mode}, expected 16-bit depth.")
        return np.array(_loaded(path, picture)).astype(np.float32)


def size_of_picture(path: Path) -> tuple[int, int]:
    """Width and height, from the header alone."""
    with _opened(path, None, "a picture") as picture:
        return picture.size


def make_rigid(path: Path, pose: Float[np.ndarray, "4 4"]) -> Float[np.ndarray, "4 4"]:
    """The pose with its rotation made exact; RecordingFileError when it is no rotation at all."""
    left, _, right = np.linalg.svd(pose[:3, :3])
    rotation = left @ right
    is_far = np.abs(rotation - pose[:3, :3]).max() > ROTATION_SLACK
    if is_far or np.linalg.det(rotation) < 0 or not np.allclose(pose[3], (0, 0, 0, 1), atol=1e-6):
        raise RecordingFileError(f"'{path}' is not a rigid pose, expected a rotation and a place in a 4×4 matrix.")
    rigid = np.eye(4)
    rigid[:3, :3], rigid[:3, 3] = rotation, pose[:3, 3]
    return rigid


def to_numbers(path: Path, number: int, words: list[str]) -> list[float]:
    """The words of a line as numbers."""
    try:
        return [float(word) for word in words]
    except ValueError as problem:
        raise RecordingFileError(f"'{path}', line {number}: {_short(problem)}; expected numbers.") from None


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        raise RecordingFileError(f"'{path}' is not text, expected lines of numbers.") from None


def _check_finite(path: Path, values: Shaped[np.ndarray, "rows columns"]) -> None:
    if not np.isfinite(values).all():
        row = int(np.nonzero(~np.isfinite(values).all(axis=1))[0][0])
        raise RecordingFileError(f"'{path}' has a value that is not finite in row {row + 1}, expected finite numbers.")


def _opened(path: Path, size: tuple[int, int] | None, what: str) -> Image.Image:
    check_file(path, what)
    try:
        picture = Image.open(path)
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError):
        raise RecordingFileError(f"'{path}' cannot be read as a picture, expected {what}.") from None
    wide, high = picture.size
    if wide * high > MAX_PIXELS or (size is not None and (wide, high) != size):
        wanted = f"{size[0]}×{size[1]}" if size is not None else f"at most {MAX_PIXELS // 1_000_000} megapixels"
        picture.close()
        raise RecordingFileError(f"'{path}' is {wide}×{high} pixels, expected {wanted}.")
    return picture


def _loaded(path: Path, picture: Image.Image) -> Image.Image:
    try:
        picture.load()
    except (OSError, SyntaxError, ValueError):
        raise RecordingFileError(f"'{path}' is cut off or damaged, expected a whole picture.") from None
    return picture


def _short(problem: Exception) -> str:
    return " ".join(str(problem).split())[:120].rstrip(".")
