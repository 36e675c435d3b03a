"""A minute of a car's phone IMU, wheels and satellite receiver, as comma2k19 publishes them.

In:  a folder with `imu/{accelerometer,gyro}/{t,value}`, `global_pose/frame_{times,positions,orientations,velocities}`
     (earth-centred), and where they are there `can/wheel_speed` and `live_gnss_ublox`, all .npy without a suffix.
Out: Recording. World: east, north, up at the first pose; body: forward, right, down. Time 0 is the first pose.

Schafer, Santana, Haden, Biasini, "A commute in data: the comma2k19 dataset" (2018).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Float

from ..types import ImuSamples, SensorKind, SensorSpec
from .files import load_array, load_times
from .imu_log import in_pieces, make_poses
from .types import BODY, GnssFixes, PoseTrack, Recording, RecordingFileError, WheelSpeeds

FORMAT = "road_log"
# World Geodetic System 1984.
EQUATOR_M = 6378137.0
FLATTENING = 1.0 / 298.257223563
ECCENTRICITY2 = FLATTENING * (2.0 - FLATTENING)
WHEELS = 4


def is_road_log(folder: Path) -> bool:
    """Whether the folder is laid out like one."""
    return (folder / "global_pose").is_dir() and (folder / "imu").is_dir()


def open_road_log(folder: Path) -> Recording:
    """The whole log.

    Raises:
        RecordingFileError: a file is absent or not what it should be.
    """
    pose_times_s = load_times(folder / "global_pose" / "frame_times")
    begin_s, count = pose_times_s[0], len(pose_times_s)
    places_earth = _rows(folder / "global_pose" / "frame_positions", 3, count)
    latitude_rad, longitude_rad = geodetic(places_earth[0])
    R_world_earth = east_north_up(latitude_rad, longitude_rad)
    orientations = folder / "global_pose" / "frame_orientations"
    poses = make_poses(orientations, places_earth, _rows(orientations, 4, count)[:, [1, 2, 3, 0]])  # they write w first
    poses[:, :3, :3] = R_world_earth @ poses[:, :3, :3]
    poses[:, :3, 3] = (places_earth - places_earth[0]) @ R_world_earth.T
    velocity = _rows(folder / "global_pose" / "frame_velocities", 3, count) @ R_world_earth.T
    imu = _load_imu(folder / "imu", begin_s)
    rate_hz = round(1.0 / float(np.median(np.diff(imu.times_s))), 1)
    return Recording(
        FORMAT,
        folder,
        (SensorSpec(imu.sensor, SensorKind.IMU, rate_hz, 0.0, BODY),),
        *in_pieces(imu),
        imu=imu,
        poses=PoseTrack(pose_times_s - begin_s, poses, velocity),
        wheels=_load_wheels(folder / "can" / "wheel_speed", begin_s),
        fixes=_load_fixes(folder / "live_gnss_ublox", begin_s, places_earth[0], R_world_earth),
    )


def geodetic(place_earth: Float[np.ndarray, "3"]) -> tuple[float, float]:
    """Latitude and longitude of an earth-centred place near the ground (Bowring, 1976)."""
    x, y, z = place_earth
    polar_m, out_m = EQUATOR_M * (1.0 - FLATTENING), float(np.hypot(x, y))
    reduced = np.arctan2(z * EQUATOR_M, out_m * polar_m)
    up = z + ECCENTRICITY2 / (1.0 - ECCENTRICITY2) * polar_m * np.sin(reduced) ** 3
    out = out_m - ECCENTRICITY2 * EQUATOR_M * np.cos(reduced) ** 3
    return float(np.arctan2(up, out)), float(np.arctan2(y, x))


def earth_centred(
    latitude_rad: Float[np.ndarray, "*any"],
    longitude_rad: Float[np.ndarray, "*any"],
    height_m: Float[np.ndarray, "*any"],
) -> Float[np.ndarray, "*any 3"]:
    """Places on the ellipsoid as earth-centred ones."""
    across_m = EQUATOR_M / np.sqrt(1.0 - ECCENTRICITY2 * np.sin(latitude_rad) ** 2)
    out = (across_m + height_m) * np.cos(latitude_rad)
    up = (across_m * (1.0 - ECCENTRICITY2) + height_m) * np.sin(latitude_rad)
    return np.stack([out * np.cos(longitude_rad), out * np.sin(longitude_rad), up], axis=-1)


def east_north_up(latitude_rad: float, longitude_rad: float) -> Float[np.ndarray, "3 3"]:
    """The turn from earth-centred axes to east, north, up there."""
    (sin_a, cos_a), (sin_o, cos_o) = ((np.sin(v), np.cos(v)) for v in (latitude_rad, longitude_rad))
    return np.array(
        [
            [-sin_o, cos_o, 0.0],
            [-sin_a * cos_o, -sin_a * sin_o, cos_a],
            [cos_a * cos_o, cos_a * sin_o, sin_a],
        ]
    )


def _load_imu(folder: Path, begin_s: float) -> ImuSamples:
    times_s = load_times(folder / "accelerometer" / "t")
    force = _rows(folder / "accelerometer" / "value", 3, len(times_s))
    rate_times_s = load_times(folder / "gyro" / "t")
    rate = _rows(folder / "gyro" / "value", 3, len(rate_times_s))
    if len(rate_times_s) != len(times_s) or np.abs(rate_times_s - times_s).max() > 1e-3:
        rate = np.column_stack([np.interp(times_s, rate_times_s, column) for column in rate.T])
    return ImuSamples("phone", times_s - begin_s, force, rate, np.eye(4), BODY)


def _load_wheels(folder: Path, begin_s: float) -> WheelSpeeds | None:
    if not folder.is_dir():
        return None
    times_s = load_times(folder / "t")
    return WheelSpeeds(times_s - begin_s, _rows(folder / "value", WHEELS, len(times_s)))


def _load_fixes(
    folder: Path, begin_s: float, origin_earth: Float[np.ndarray, "3"], R_world_earth: Float[np.ndarray, "3 3"]
) -> GnssFixes | None:
    """Rows of latitude and longitude in degrees, speed in m/s, their clock, height in m, course in degrees."""
    if not folder.is_dir():
        return None
    times_s = load_times(folder / "t")
    rows = _rows(folder / "value", 6, len(times_s))
    places_earth = earth_centred(np.radians(rows[:, 0]), np.radians(rows[:, 1]), rows[:, 4])
    return GnssFixes(times_s - begin_s, (places_earth - origin_earth) @ R_world_earth.T, rows[:, 2])


def _rows(path: Path, columns: int, count: int) -> Float[np.ndarray, "rows columns"]:
    values = load_array(path, columns)
    if len(values) != count:
        raise RecordingFileError(f"'{path}' holds {len(values)} rows, expected {count}: one for each time beside it.")
    return values
