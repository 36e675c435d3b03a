"""One look: place every image and scan in the world, level them on the table, measure the objects.

In:  a SensorFrame with images or scans, the body's poses, trust in each sensor.
Out: Views, then Measurements; the table and the time of the last look are kept here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float

from .contradiction import find_contradictions, odd_one_out
from .furniture import Furniture, Slid
from .fusion.network import Kind
from .fusion.refine import Refiner
from .geometry import is_pose
from .health import LEAST_TRUST, HealthMonitor
from .innovation import GATE_SIGMAS, TableMemory
from .lattice import lay_out
from .measurement import Measurement
from .objects import LookQuality, measure_objects
from .people import find_person, near_person
from .points import Cloud, View, fuse_views
from .proprioception import Proprioception
from .recall import Recall
from .scan_objects import ScanQuality, measure_scan_objects
from .segmenter.segmenter import Segmenter
from .steady_scans import SteadyScans, beam_angles
from .table import TableFit, find_table, level_correction, sample_surface
from .tracker import Track
from .types import (
    CameraImage,
    Contradiction,
    HealthReason,
    LidarScan,
    ObjectState,
    PersonState,
    SensorFrame,
    SupportSurface,
)
from .zones import ZoneMemory, find_zones

# Both leave enough trust to be looked at again with the next look.
ODD_ONE_OUT, UNDECIDED = 0.65, 0.3
_SURPRISING = 0.4
_GRAVITY_LIMIT_RAD = 0.03
_TILT_LIMIT_RAD = 0.03
_SCAN_NOISE_M = 0.004


@dataclass(frozen=True, slots=True)
class LookSettings:
    """From FusedConfig."""

    table_height_m: float | None
    max_height_m: float
    voxel_m: float
    robot_margin_m: float
    extrinsic_m: float
    has_cubes: bool
    fusion: Kind | Literal["off"] = "off"
    segmenter: Segmenter | None = None


@dataclass(frozen=True, slots=True)
class Fused:
    """One look laid together: what stands above the table, the views levelled on it, what limits all that."""

    cloud: Cloud
    level: list[View]
    fit: TableFit
    quality: LookQuality


class Look:
    """Turns frames into measurements; remembers the table."""

    def __init__(
        self,
        settings: LookSettings,
        proprioception: Proprioception,
        health: HealthMonitor,
        furniture: Furniture,
        device: str,
    ) -> None:
        self._settings, self._body, self._health, self._furniture = settings, proprioception, health, furniture
        self._device = torch.device(device)
        self.table: SupportSurface | None = None
        self.seen_s: float | None = None
        self.person: PersonState | None = None
        self.slid: list[Slid] = []
        """Drawers that the last look saw elsewhere than the one before."""
        self.contradictions: tuple[Contradiction, ...] = ()
        """Between sensors of the last look, where nobody knows which of them is right."""
        self.views: list[View] = []
        """The views that the last look believed."""
        self._memory = ZoneMemory()
        self._recall = Recall()
        self._tables = TableMemory()
        self._surprised: set[str] = set()
        self._steady = SteadyScans()
        self._refine = None if settings.fusion == "off" else Refiner(settings.fusion, self._device)

    @property
    def zones(self) -> tuple[ObjectState, ...]:
        """Zones painted on the table, as far as they were seen."""
        return self._memory.zones

    def place(self, frame: SensorFrame) -> list[View]:
        """Views that can be used: each sensor's newest, if sound, with a known pose, from a mount that stood still."""
        views = []
        for measured in _newest(frame):
            mounted = measured.T_mount_camera if isinstance(measured, CameraImage) else measured.T_mount_sensor
            if self._health.trust(measured.sensor) < LEAST_TRUST or not is_pose(mounted):
                continue
            pose = self._body.mount_pose(measured.mount, measured.time_s)
            if pose is None or not self._body.was_still(measured.mount, measured.time_s):
                continue
            if not self._body.knows_where_it_is(measured.time_s):
                continue  # an arm taken to be elsewhere would be seen as things
            views.append(
                View(measured, pose @ mounted, self._body.capsules(measured.time_s), self._systematic(measured))
            )
        return views

    def measure(self, views: list[View], held: Track | None) -> list[Measurement]:
        """Level, fuse, split and describe; no table in view gives no objects."""
        is_blind = self._health.is_blind() and not any(isinstance(v.measured, CameraImage) for v in views)
        fused = self.fuse([self._steadied(view) for view in views] if is_blind else views, held)
        if fused is None:
            return []
        cloud, self.slid = self._furniture.observe(fused.cloud, self.seen_s or 0.0, fused.quality.noise_m)
        if is_blind:
            measured = self._measure_scans(cloud, fused.level, fused.fit)
        else:
            measured = measure_objects(
                cloud, fused.level, fused.fit.surface, fused.quality, self._recall, self._furniture.floor_under
            )
        return self._refined(measured, fused)

    def _refined(self, measured: list[Measurement], fused: Fused) -> list[Measurement]:
        """As a fusion network sees them too, if one is asked for."""
        if self._refine is None:
            return measured
        noises_m = {name: plane.noise_m for name, plane in fused.fit.planes.items()}
        trusts = {view.sensor: self._health.trust(view.sensor) for view in fused.level}
        return self._refine(measured, fused.level, noises_m, trusts)

    def fuse(self, views: list[View], held: Track | None) -> Fused | None:
        """Level the views on the table and lay together what they see above it; None where no table is in view."""
        views = [_mask_held(view, held) for view in views]
        lattices = [lay_out(view, self._device) for view in views]
        self.slid, self.contradictions, self.views = [], (), views
        samples = [sample_surface(lattice) for lattice in lattices]
        fit = find_table(samples, self._settings.table_height_m, self.table)
        if fit is None:
            return None
        self.table = fit.surface
        self.seen_s = max(view.measured.time_s for view in views)
        self._compare(views, fit)
        corrections = {
            s.sensor: level_correction(fit.planes[s.sensor], s.origin_world, fit.surface.height_m)
            for s in samples
            if s.sensor in fit.planes
        }
        self._memory.observe(find_zones(lattices, corrections, fit.surface), self.seen_s)
        s = self._settings
        noises_m = {name: plane.noise_m for name, plane in fit.planes.items()}
        self.person = find_person(lattices, fit.surface, self.person)

        def fuse(views: list[View]) -> tuple[Cloud, list[View]]:
            """What stands above the table but people, and the views levelled."""
            cloud = fuse_views(
                views, corrections, fit.surface, s.max_height_m, s.robot_margin_m, noises_m, self._device
            )
            level = [replace(v, T_world_sensor=corrections.get(v.sensor, np.eye(4)) @ v.T_world_sensor) for v in views]
            return cloud.without(near_person(self.person, cloud.points_world)), level

        cloud, level = fuse(views)
        if odd := self._hear(find_contradictions(cloud, level, noises_m), cloud):
            self.views = views = [view for view in views if view.sensor != odd]
            cloud, level = fuse(views)
        return Fused(cloud, level, fit, self._quality(views, fit, cloud))

    def _steadied(self, view: View) -> View:
        """A LiDAR that must do alone and stands still sees better by looking again."""
        if not isinstance(view.measured, LidarScan):
            return view
        noise_m = self._health.noise(view.sensor, "range_m")
        return replace(view, measured=self._steady.steady(view.measured, _SCAN_NOISE_M if noise_m is None else noise_m))

    def _measure_scans(self, cloud: Cloud, views: list[View], fit: TableFit) -> list[Measurement]:
        """Without any camera: what each LiDAR tells of things, which is all but colour."""
        found: list[Measurement] = []
        for number, view in enumerate(views):
            if isinstance(view.measured, LidarScan):
                plane = fit.planes.get(view.sensor)
                quality = ScanQuality(
                    view.sensor,
                    view.T_world_sensor[:3, 3],
                    *beam_angles(view.measured),
                    _SCAN_NOISE_M if plane is None else plane.noise_m,
                    view.systematic_m,
                    fit.surface.height_m,
                )
                found += measure_scan_objects(
                    cloud.points_world[cloud.view == number].cpu().numpy().astype(np.float64), quality
                )
        return found

    def _hear(self, contradictions: list[Contradiction], cloud: Cloud) -> str | None:
        """The sensor that all others speak against loses trust and is left out; what nobody can decide is stated."""
        odd = odd_one_out(contradictions, cloud)
        if odd is not None:
            self._health.disagrees(odd, ODD_ONE_OUT)
        elif (odd := self._knocked(contradictions)) is not None:
            self._health.disagrees(odd, ODD_ONE_OUT, HealthReason.INNOVATION)
        else:
            self.contradictions = tuple(contradictions)
            for name in {name for c in contradictions for name in (c.seer, c.owner)}:
                self._health.disagrees(name, UNDECIDED)
        return odd

    def _knocked(self, contradictions: list[Contradiction]) -> str | None:
        """The only one of those who contradict each other that no longer sees the table where it saw it itself."""
        knocked = {name for c in contradictions for name in (c.seer, c.owner) if name in self._surprised}
        return knocked.pop() if len(knocked) == 1 else None

    def _systematic(self, measured: CameraImage | LidarScan) -> float:
        """A LiDAR's range error moves all of a surface's points, like a mount's; who is trusted less knows less."""
        kind = 3.0 if isinstance(measured, LidarScan) else 1.0
        return self._settings.extrinsic_m * kind / self._health.trust(measured.sensor)

    def _quality(self, views: list[View], fit: TableFit, cloud: Cloud) -> LookQuality:
        cameras = [v for v in views if isinstance(v.measured, CameraImage)]
        noises = [p.noise_m for v in cameras if (p := fit.planes.get(v.sensor)) is not None]
        xy = np.mean([v.T_world_sensor[:2, 3] for v in cameras], axis=0) if cameras else np.zeros(2)
        spacing = [s for s, v in zip(cloud.spacing_m, views, strict=True) if isinstance(v.measured, CameraImage)]
        voxel_m = max(self._settings.voxel_m, 1.6 * max(spacing, default=0.0), 2.0 * max(noises, default=0.0))
        min_points = int(np.clip(1e-4 / max(min(spacing, default=0.001), 1e-4) ** 2, 8, 40))
        noise_m = max(noises, default=0.002)
        return LookQuality(
            noise_m,
            self._settings.extrinsic_m,
            xy,
            voxel_m,
            min_points,
            self._settings.has_cubes,
            self._settings.segmenter,
        )

    def _compare(self, views: list[View], fit: TableFit) -> None:
        """Sensors whose table or gravity lies beside the others', or beside their own before, lose trust."""
        innovations = self._tables.innovations(fit.planes.values())
        self._surprised = {name for name, sigmas in innovations.items() if sigmas > GATE_SIGMAS}
        errors = self._body.gravity_error_rad(self.seen_s or 0.0)
        for name, error_rad in errors.items():
            self._health.disagrees(name, 0.5 if error_rad > _GRAVITY_LIMIT_RAD else 0.0)
        for view in views:
            plane = fit.planes.get(view.sensor)
            is_tilted = plane is not None and plane.tilt_rad > _TILT_LIMIT_RAD
            if is_tilted or view.sensor in fit.disagreeing:
                self._health.disagrees(view.sensor, 0.5)
            elif view.sensor in self._surprised:
                self._health.disagrees(view.sensor, _SURPRISING, HealthReason.INNOVATION)
            else:
                self._health.disagrees(view.sensor, 0.0)


def _newest(frame: SensorFrame) -> list[CameraImage | LidarScan]:
    """One measurement a sensor, in the order in which they first came: a burst costs no more than one look."""
    newest: dict[str, CameraImage | LidarScan] = {}
    for measured in (*frame.images, *frame.scans):
        known = newest.get(measured.sensor)
        if known is None or measured.time_s > known.time_s:
            newest[measured.sensor] = measured
    return list(newest.values())


def _mask_held(view: View, held: Track | None) -> View:
    """The held object belongs to the robot's body while it is held."""
    if held is None:
        return view
    radius = float(np.linalg.norm(held.size_m[:2]) / 2)
    half: Float[np.ndarray, "3"] = held.pose_world[:3, 2] * float(held.size_m[2]) / 2
    center = held.pose_world[:3, 3]
    capsule = np.concatenate([center - half, center + half, [radius]])
    known = np.zeros((0, 7)) if view.capsules is None else view.capsules
    return View(view.measured, view.T_world_sensor, np.vstack([known, capsule]), view.systematic_m)
