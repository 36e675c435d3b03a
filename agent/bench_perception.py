"""`verbot bench perception`: our odometry, inertial preintegration and maps beside what others use.

In:  how many sweeps at most.
Out: rows: segment error and CPU time against KISS-ICP and small_gicp, preintegration against gtsam; the same on real
     recordings where they are; maps against Open3D; objects against truth. Measured in processes of their own, on one
     thread.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
from collections.abc import Iterator

from . import bench_recordings
from .bench import Row, measure_apart
from .bench_fusion_rows import bench as bench_fusion
from .bench_mapping_rows import bench as bench_mapping
from .bench_objects_rows import bench as bench_objects
from .config import ConfigError

SWEEPS = 200
PEERS = ("kiss_icp", "small_gicp", "gtsam")
# Drive, peer, which number, the row, the most that our number may be of theirs.
CLAIMS = (
    ("undistorted", "kiss", "segment_error_percent", "segment error, undistorted", 0.5),
    ("distorted", "kiss", "segment_error_percent", "segment error, motion distortion (we have the IMU)", 0.5),
    ("undistorted", "kiss", "ms", "CPU time a sweep, undistorted", 1.0),
    ("distorted", "kiss", "ms", "CPU time a sweep, motion distortion", 1.0),
    ("undistorted", "gicp", "segment_error_percent", "segment error, undistorted", 1.1),
    ("undistorted", "gicp", "ms", "CPU time a sweep, undistorted", 3.0),
)
UNITS = {"segment_error_percent": "%", "ms": "ms"}


def bench(num_episodes: int) -> Iterator[Row]:
    """Every row.

    Raises:
        ConfigError: a peer is not installed.
    """
    missing = [name for name in PEERS if importlib.util.find_spec(name) is None]
    if missing:
        raise ConfigError(
            f"bench perception measures against {', '.join(missing)}, which this environment lacks. "
            "Install them: pip install 'verbot[peers]'."
        )
    sweeps = max(30, min(SWEEPS, num_episodes))
    found = measure_apart("verbot.agent.bench_odometry", sweeps)
    names = {
        "kiss": f"kiss-icp {importlib.metadata.version('kiss-icp')}",
        "gicp": f"small_gicp {importlib.metadata.version('small_gicp')} VGICP",
    }
    for which, peer, key, what, most in CLAIMS:
        ours, theirs = found[which]["ours"][key], found[which][peer][key]
        yield Row(
            f"odometry: {what} ({sweeps} sweeps 64×1024 of a street)",
            round(ours, 4),
            f"{names[peer]}: {theirs:.4g}",
            UNITS[key],
            f"<= {most:g}×",
            ours <= most * theirs,
            round(ours / theirs, 3),
        )
    yield from _covariance(sweeps)
    microseconds = found["preintegration_us"]
    yield Row("preintegration: a sample, batch 256", microseconds, "CPU time", "µs", "<= 1", microseconds <= 1.0, None)
    difference = found["gtsam_difference"]
    version = importlib.metadata.version("gtsam")
    yield Row(
        "preintegration: difference, float64", difference, f"gtsam {version}", "m", "<= 1e-6", difference <= 1e-6, None
    )
    yield from bench_mapping(num_episodes)
    yield from bench_objects(num_episodes)
    yield from bench_fusion(num_episodes)
    yield from bench_recordings.bench()


def _covariance(sweeps: int) -> Iterator[Row]:
    """Whether the pose's errors are as large as stated."""
    found = measure_apart("verbot.agent.bench_nees", sweeps)
    low, high = found["band"]
    for length in found["lengths"]:
        yield Row(
            f"odometry: NEES of the pose, mean of {found['runs']} runs of {length['sweeps']} sweeps",
            round(length["mean"], 2),
            f"chi-square, 6 degrees of freedom (median {length['median']:.2f}, theirs 5.35)",
            "",
            f"{low:.2f} to {high:.2f}",
            low <= length["mean"] <= high,
            None,
        )
