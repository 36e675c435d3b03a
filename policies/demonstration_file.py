"""One demonstration as a file: named arrays in a zip of `.npy` members, which `numpy.load` opens.

In:  arrays of numbers and words by name.
Out: bytes that are the same for the same arrays, whoever writes them and when; and the arrays again.
Reading trusts nothing: sizes are bounded before memory is taken, and nothing is ever unpickled.
"""

from __future__ import annotations

import io
import math
import struct
import zipfile
import zlib
from collections.abc import Mapping

import numpy as np

MAX_BYTES = 2 << 30
MAX_MEMBERS = 10_000
KINDS = "biufU"
BROKEN = (
    OSError, ValueError, EOFError, KeyError, IndexError, RuntimeError, NotImplementedError, SyntaxError,
    zipfile.BadZipFile, zlib.error, struct.error,
)  # fmt: skip
"""What numpy and zipfile raise at damaged files."""
STORED = "jpeg"
"""Members whose name ends so are compressed already."""


class DemonstrationError(ValueError):
    """A dataset or an episode of it that cannot be read; one line that says why and what to do."""


def pack_arrays(arrays: Mapping[str, np.ndarray]) -> bytes:
    """The arrays as the bytes of an `.npz` file."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compresslevel=6) as archive:
        for name, array in arrays.items():
            if array.dtype.kind not in KINDS:
                raise DemonstrationError(f"Array '{name}' has type {array.dtype}, expected numbers or words.")
            # A fixed date: the bytes depend on the arrays alone.
            member = zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0))
            member.compress_type = zipfile.ZIP_STORED if name.endswith(STORED) else zipfile.ZIP_DEFLATED
            content = io.BytesIO()
            np.lib.format.write_array(content, np.asarray(array, order="C"), allow_pickle=False)
            archive.writestr(member, content.getvalue(), compresslevel=6)
    return buffer.getvalue()


def unpack_arrays(content: bytes, where: str) -> dict[str, np.ndarray]:
    """The arrays of an `.npz` file; DemonstrationError, beginning with `where`, when it is none."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            if len(members) > MAX_MEMBERS or sum(member.file_size for member in members) > MAX_BYTES:
                raise ValueError(f"more than {MAX_MEMBERS} arrays or {MAX_BYTES >> 20} MiB")
            return {member.filename.removesuffix(".npy"): _read_array(archive, member) for member in members}
    except BROKEN as error:
        reason = " ".join(str(error).split())
        raise DemonstrationError(f"{where} cannot be read ({reason}): damaged. Record it again.") from None


def _read_array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    """One member, its declared shape compared with its size before memory is taken."""
    with archive.open(member) as stream:
        if np.lib.format.read_magic(stream) != (1, 0):
            raise ValueError(f"{member.filename} is of another version of numpy's format")
        shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(stream)
        size = math.prod(shape) * dtype.itemsize
        if is_fortran or dtype.kind not in KINDS or size > member.file_size:
            raise ValueError(f"{member.filename} declares {shape} of {dtype}, which it does not hold")
        raw = stream.read()
        if len(raw) != size:
            raise ValueError(f"{member.filename} has {len(raw)} bytes, expected {size}")
        return np.frombuffer(raw, dtype).reshape(shape)
