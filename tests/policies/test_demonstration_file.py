import io
import subprocess
import sys
import zlib

import numpy as np
import pytest
from verbot.policies.demonstration_file import DemonstrationError, pack_arrays, unpack_arrays

ARRAYS = {
    "looks.time_s": np.array([0.0, 0.25]),
    "look.front.depth": np.arange(24, dtype=np.uint16).reshape(2, 3, 4),
    "look.front.jpeg": np.arange(200, dtype=np.uint8),
    "steps.object_name": np.array(["the red block", ""]),
    "imu.imu.mount": np.array("panda_hand"),
    "objects.is_zone": np.zeros(0, bool),
}


def test_arrays_come_back_as_they_were_and_numpy_alone_reads_them() -> None:
    content = pack_arrays(ARRAYS)
    for found in (unpack_arrays(content, "x"), dict(np.load(io.BytesIO(content)))):
        assert list(found) == list(ARRAYS)
        for name, array in ARRAYS.items():
            assert found[name].dtype == array.dtype
            np.testing.assert_array_equal(found[name], array)


def test_the_same_arrays_give_the_same_bytes() -> None:
    assert pack_arrays(ARRAYS) == pack_arrays({name: array.copy() for name, array in ARRAYS.items()})


def test_objects_are_neither_written_nor_unpickled() -> None:
    with pytest.raises(DemonstrationError, match="expected numbers or words"):
        pack_arrays({"x": np.array([{}], dtype=object)})
    buffer = io.BytesIO()
    np.savez(buffer, x=np.array([{}], dtype=object))
    with pytest.raises(DemonstrationError, match="x.npz cannot be read"):
        unpack_arrays(buffer.getvalue(), "x.npz")


def test_files_that_claim_more_than_they_may_or_hold_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    content = pack_arrays({"x": np.zeros(1000)})
    assert content.count(b"(1000,)") == 0  # deflated
    stored = pack_arrays({"x.jpeg": np.zeros(1000, np.uint8)})
    lying = stored.replace(b"(1000,)", b"(9999,)")
    lying = lying.replace(
        zlib.crc32(_member(stored)).to_bytes(4, "little"), zlib.crc32(_member(lying)).to_bytes(4, "little")
    )
    with pytest.raises(DemonstrationError, match=r"declares \(9999,\) of uint8, which it does not hold"):
        unpack_arrays(lying, "x.npz")
    monkeypatch.setattr("verbot.policies.demonstration_file.MAX_BYTES", 4000)
    with pytest.raises(DemonstrationError, match="more than"):
        unpack_arrays(content, "x.npz")


def _member(content: bytes) -> bytes:
    begin = content.index(b"\x93NUMPY")
    return content[begin : begin + 128 + 1000]


@pytest.mark.parametrize("seed", range(20))
def test_any_damage_is_one_clear_error_or_does_not_show(seed: int) -> None:
    rng, content = np.random.default_rng(seed), bytearray(pack_arrays(ARRAYS))
    for at in rng.integers(len(content), size=3):
        content[at] ^= int(rng.integers(1, 256))
    cut = bytes(content[: int(rng.integers(len(content)))])
    told = [_error(damaged) for damaged in (bytes(content), cut)]
    assert all(text is None or (text.startswith("x.npz") and "\n" not in text) for text in told)
    assert told[1] is not None


def _error(content: bytes) -> str | None:
    try:
        unpack_arrays(content, "x.npz")
    except DemonstrationError as error:
        return str(error)
    return None


def test_reading_needs_neither_simulator_nor_agent_nor_torch() -> None:
    program = (
        "import sys, verbot.policies.dataset\n"
        "heavy = {'pybullet', 'open3d', 'pinocchio', 'torch', 'scipy', 'verbot.sim', 'verbot.agent'}\n"
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or 0)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
