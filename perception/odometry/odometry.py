"""The road: sweeps and inertial samples in, where each robot is out.

In:  Sweeps of a batch of robots, their IMU samples since the last one, and their wheels' speeds.
Out: BodyState in the frame where each robot was first; how well the sweep fitted.

predict (IMU, wheels) → deskew → Gaussians → match with map and prediction → correct → map. Without an IMU a robot is
taken to go on as before. Where the surroundings do not say (a corridor), the prediction stays and the covariance grows.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Annotated

import torch
from torch import Tensor

from .body_state import BodyState, FirstGuess, first_state
from .deskew import Track, make_track
from .gaussians import Gaussians, make_gaussians
from .preintegration import ImuNoise, Path, make_path, sum_up
from .registration import Fit, Matching, register, renewal
from .rotations import turned
from .voxel_map import VoxelMap
from .wheels import WheelNoise, WheelSamples, roll

STARTS = 3
"""How often the first sweep is straightened: each time leaves about a tenth of the error."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """One sweep of each robot's LiDAR in the body's frame, a time for each point; False in `is_there` is padding."""

    points_body: Annotated[Tensor, "robots points 3"]
    times_s: Annotated[Tensor, "robots points"]
    is_there: Annotated[Tensor, "robots points"]
    start_s: Annotated[Tensor, "robots"]
    end_s: Annotated[Tensor, "robots"]


@dataclass(frozen=True, slots=True)
class InertialSamples:
    """Samples from the last sweep's end to this one's; each holds until the next, the last until the sweep's end."""

    times_s: Annotated[Tensor, "robots samples"]
    force_mps2: Annotated[Tensor, "robots samples 3"]
    rate_radps: Annotated[Tensor, "robots samples 3"]
    is_known: Annotated[Tensor, "robots"] | None = None
    """False where too much is missing: that robot is taken to go on as before. None: known of all."""


@dataclass(frozen=True, slots=True)
class OdometryConfig:
    """Sizes fit a street or a hall; a table wants a tenth of them."""

    scan_voxel_m: float = 0.75
    """Wide enough for more than one ring of points: a single one lies on the ground wherever the robot is."""
    map_voxel_m: float = 1.0
    coarse_voxel_m: float = 4.0
    map_slots: int = 1 << 16
    radius_m: float = 100.0
    unsure_m: float = 0.3
    """A prediction less sure than this is first matched with coarse voxels, which pull from farther away."""
    scale: float = 0.3
    """Neighbouring Gaussians err together: how many times less is known than their number says."""
    laying_scale: float = 0.065
    """The same of what is laid into the map."""
    matching: Matching = field(default_factory=Matching)
    coarse: Matching = field(default_factory=lambda: Matching(floor_m=0.05, along_m=0.4, max_iterations=20))
    noise: ImuNoise = field(default_factory=ImuNoise)
    guess: FirstGuess = field(default_factory=FirstGuess)
    wheels: WheelNoise = field(default_factory=WheelNoise)
    coasting_mps2: float = 3.0
    coasting_radps: float = 0.3


@dataclass(frozen=True, slots=True)
class Memory:
    """An odometry at one moment."""

    state: BodyState | None
    end_s: Tensor
    updates: int
    first: tuple[Sweep, InertialSamples | None] | None
    map: VoxelMap


class Odometry:
    """Follows a batch of robots from sweep to sweep."""

    def __init__(self, robots: int, config: OdometryConfig, device: torch.device | str = "cpu") -> None:
        self.config = config
        self.device = torch.device(device)
        self.map = VoxelMap(robots, config.map_voxel_m, config.map_slots, device, config.matching.shape)
        self.state: BodyState | None = None
        self.end_s = torch.zeros(robots, dtype=torch.float64, device=device)
        self._updates = 0
        self._first: tuple[Sweep, InertialSamples | None] | None = None

    def update(
        self, sweep: Sweep, imu: InertialSamples | None = None, wheels: WheelSamples | None = None
    ) -> tuple[BodyState, Fit | None]:
        """One sweep of every robot; points that are not finite count as absent."""
        # What is not finite stays so in a sum.
        is_finite = sweep.points_body.sum(dim=2).isfinite() & sweep.times_s.isfinite()
        sweep = replace(sweep, is_there=sweep.is_there & is_finite)
        if self.state is None:
            self.state, self.end_s, self._first = self._begin(sweep, imu), sweep.end_s, (sweep, imu)
            return self.state, None
        if self._first is not None:
            self._redo_first(sweep, imu)
        predicted, track = self._predict(self.state, sweep, imu)
        if wheels is not None:
            predicted = self._roll(predicted, sweep, imu, wheels)
        scan = self._gaussians(sweep, track)
        fit = self._match(predicted, scan)
        age_s = _age_s(sweep)
        state = predicted.matched(fit.R_map_body, fit.place_map, fit.information, age_s)
        self.state, self.end_s = self._learn(state, scan, age_s), sweep.end_s
        return state, fit

    def ahead(self, time_s: float, imu: InertialSamples | None) -> BodyState:
        """Where the robots are at a moment after the last sweep, by inertia alone; nothing is remembered of it."""
        if self.state is None:
            raise RuntimeError("The odometry has seen no sweep yet, so that there is no state to go on from.")
        ends_s = torch.full_like(self.end_s, time_s)
        nothing = torch.zeros(len(ends_s), 0, dtype=torch.float64, device=ends_s.device)
        sweep = Sweep(nothing[..., None].expand(-1, -1, 3), nothing, nothing.bool(), self.end_s, ends_s)
        return self._predict(self.state, sweep, imu)[0]

    def remember(self) -> Memory:
        """All that the next sweep's result depends on, to go back to."""
        return Memory(self.state, self.end_s, self._updates, self._first, self.map.copy())

    def go_back(self, memory: Memory) -> None:
        """To where `remember` was called: from there on everything comes out alike, bit for bit."""
        self.state, self.end_s, self._updates, self._first = memory.state, memory.end_s, memory.updates, memory.first
        self.map = memory.map.copy()

    def _begin(self, sweep: Sweep, imu: InertialSamples | None) -> BodyState:
        """The map starts where the first sweep ended."""
        force = sweep.points_body.new_zeros(len(sweep.end_s), 3)
        if imu is not None:
            # What is not before the sweep's end is padding.
            weight = (imu.times_s < sweep.end_s[:, None])[..., None].to(imu.force_mps2)
            force = (imu.force_mps2 * weight).sum(dim=1) / weight.sum(dim=1).clamp_min(1.0)
        state = first_state(force, self.config.guess)
        return self._learn(state, self._gaussians(sweep, None), _age_s(sweep))

    def _redo_first(self, second: Sweep, imu: InertialSamples | None) -> None:
        """The first sweep was measured at a speed that only the second tells: straighten it, and match again."""
        assert self.state is not None
        assert self._first is not None
        (first, first_imu), self._first = self._first, None
        start = self.state
        for _ in range(STARTS):
            predicted, track = self._predict(self.state, second, imu)
            fit = self._match(predicted, self._gaussians(second, track))
            speed = (fit.place_map - start.place_map) / (second.end_s - first.end_s)[:, None]
            gone = speed * (first.start_s - first.end_s)[:, None]
            before = replace(start, place_map=start.place_map + gone, velocity_map=speed)
            self.end_s = first.start_s
            _, track = self._predict(before, first, first_imu)
            self.end_s = first.end_s
            self.map.clear()
            self.state = replace(start, velocity_map=speed)
            self.state = self._learn(self.state, self._gaussians(first, track), _age_s(first))

    def _predict(self, state: BodyState, sweep: Sweep, imu: InertialSamples | None) -> tuple[BodyState, Track]:
        if imu is None:
            return self._coast(state, sweep, torch.stack([sweep.start_s, sweep.end_s], dim=1))
        ends = torch.cat([imu.times_s[:, 1:], sweep.end_s[:, None]], dim=1)
        starts = torch.cat([self.end_s[:, None], imu.times_s[:, 1:]], dim=1)
        step_s = (ends - starts).clamp_min(0.0)
        force, rate = imu.force_mps2.double(), imu.rate_radps.double()
        path = make_path(force, rate, step_s, state.force_bias_mps2, state.rate_bias_radps)
        noise, moments_s = self.config.noise, torch.cat([starts[:, :1], ends], dim=1)
        predicted, track = state.after_imu(sum_up(path, noise), noise), _track(state, path, moments_s)
        if imu.is_known is None or imu.is_known.all():
            return predicted, track
        coasted, coasting = self._coast(state, sweep, moments_s)
        return predicted.where(imu.is_known, coasted), track.where(imu.is_known, coasting)

    def _coast(self, state: BodyState, sweep: Sweep, moments_s: Tensor) -> tuple[BodyState, Track]:
        """Without an IMU: on as before."""
        config = self.config
        predicted = state.after_coasting(sweep.end_s - self.end_s, config.coasting_mps2, config.coasting_radps)
        back = state.velocity_map[:, None] * (moments_s - sweep.end_s[:, None])[..., None]
        rotation = predicted.R_map_body[:, None].expand(-1, moments_s.shape[1], 3, 3)
        return predicted, make_track(moments_s, rotation, predicted.place_map[:, None] + back)

    def _roll(self, state: BodyState, sweep: Sweep, imu: InertialSamples | None, wheels: WheelSamples) -> BodyState:
        noise = self.config.wheels
        rolling = roll(wheels, sweep.end_s, noise)
        if not rolling.information.any():
            return state
        axle_body_m = torch.tensor(noise.axle_body_m).to(state.place_map)
        rate_radps = None
        if imu is not None and any(noise.axle_body_m):
            rate_radps = imu.rate_radps[:, -1].double()
        return state.rolled(rolling, axle_body_m, rate_radps)

    def _gaussians(self, sweep: Sweep, track: Track | None) -> Gaussians:
        is_bent = track is not None and bool((sweep.times_s != sweep.end_s[:, None]).any())
        points = track.carried(sweep.points_body, sweep.times_s) if track and is_bent else sweep.points_body
        return make_gaussians(points, sweep.is_there, self.config.scan_voxel_m)

    def _match(self, predicted: BodyState, scan: Gaussians) -> Fit:
        config = self.config
        turn, place = predicted.R_map_body.float(), predicted.place_map.float()
        spread = predicted.covariance.diagonal(dim1=1, dim2=2)[:, :6]
        prior = torch.diag_embed(1.0 / (spread + 1e-6)).float()
        is_unsure = (spread[:, 3:].amax(dim=1) > config.unsure_m**2)[:, None]
        if is_unsure.any():
            rough = register(scan, self.map.coarsened(config.coarse_voxel_m), turn, place, prior, config.coarse)
            turn = torch.where(is_unsure[..., None], rough.R_map_body, turn)
            place = torch.where(is_unsure, rough.place_map, place)
        fit = register(scan, self.map, turn, place, prior, config.matching)
        return replace(
            fit,
            R_map_body=_orthonormal(fit.R_map_body.double()),
            place_map=fit.place_map.double(),
            information=fit.information.double() / config.scale,
        )

    def _learn(self, state: BodyState, scan: Gaussians, age_s: Annotated[Tensor, "robots"]) -> BodyState:
        turn, place = state.R_map_body.float(), state.place_map.float()
        self.map.add(scan.moved(turn, place))
        renewed = renewal(scan, self.map, turn, place, self.config.matching)
        state = state.laid(renewed, self.config.laying_scale, age_s)
        self._updates += 1
        if self._updates % 20 == 0:
            self.map.keep_near(place, self.config.radius_m)
        return state


def _age_s(sweep: Sweep) -> Annotated[Tensor, "robots"]:
    """How long before its end the points of a sweep were measured, on average."""
    since_s = torch.where(sweep.is_there, sweep.end_s[:, None] - sweep.times_s, 0.0)
    return since_s.sum(dim=1) / sweep.is_there.sum(dim=1).clamp_min(1)


def _track(state: BodyState, path: Path, times_s: Tensor) -> Track:
    """The path with gravity and the velocity at its beginning, in the frame of its first moment."""
    velocity, gravity = (
        turned(state.R_map_body.mT, vector).T[..., None] for vector in (state.velocity_map, state.gravity_map)
    )
    since_s = path.step_s.cumsum(dim=-1)
    place = path.place + velocity * since_s + 0.5 * gravity * since_s.square()
    place = torch.nn.functional.pad(place, (1, 0))
    return make_track(times_s, path.rotation.permute(2, 3, 0, 1), place.permute(1, 2, 0))


def _orthonormal(rotation: Tensor) -> Tensor:
    left, _, right = torch.linalg.svd(rotation)
    return left @ right
