"""`episode.rrd` for the rerun viewer: pictures, points, perceived objects, plan and verdicts over the robot's time.

rerun-sdk is an optional extra (`pip install 'verbot[rerun]'`).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import rerun as rr  # pyright: ignore[reportMissingImports]

from ..perception.types import CameraImage, RobotBody, SceneState, SensorFrame
from ..planning.types import Plan, PlanStep, Problem, Task, Trajectory, Verdict
from .observers import Observer
from .recorder import camera_pose


class RerunLog(Observer):
    """Writes as the run goes on, so that an interrupted run can be looked at."""

    def __init__(self, path: Path, body: RobotBody | None) -> None:
        self._body = body
        self._stream = rr.RecordingStream("verbot")
        self._stream.save(str(path))
        self._stream.log("world", rr.ViewCoordinates.RIGHT_HAND_Z_UP, static=True)
        self._time_s = 0.0

    def on_scene(self, frame: SensorFrame, scene: SceneState) -> None:
        """Pictures, scans and the fused objects."""
        self._at(frame.time_s)
        for image in frame.images:
            self._log_image(image, scene)
        for scan in frame.scans:
            if scan.mount == "world":
                points = scan.points_sensor @ scan.T_mount_sensor[:3, :3].T + scan.T_mount_sensor[:3, 3]
                self._stream.log(f"world/{scan.sensor}", rr.Points3D(points, radii=0.002))
        if scene.objects:
            self._stream.log(
                "world/objects",
                rr.Boxes3D(
                    centers=np.array([o.position_world for o in scene.objects]),
                    half_sizes=np.array([o.size_m / 2 for o in scene.objects]),
                    quaternions=np.array([[0, 0, np.sin(o.yaw_rad / 2), np.cos(o.yaw_rad / 2)] for o in scene.objects]),
                    colors=np.array([np.append(o.color_rgb, 1.0) for o in scene.objects]),
                    labels=[f"{o.color} {o.shape.value} {o.id}" for o in scene.objects],
                ),
            )
        for health in scene.health:
            self._stream.log(f"health/{health.sensor}", rr.Scalars(health.health))

    def on_task(self, task: Task | Problem) -> None:
        """Goal facts, or why there are none."""
        text = task.message if isinstance(task, Problem) else "; ".join(str(f) for f in task.goal)
        self._note("goal", text)

    def on_plan(self, plan: Plan) -> None:
        """The steps that remain."""
        self._note("plan", " -> ".join(str(s) for s in plan.steps[plan.index :]) or plan.status.value)

    def on_step(self, step: PlanStep, trajectory: Trajectory, verdict: Verdict, time_s: float) -> None:
        """Every finding, and the planned joint positions."""
        self._at(time_s)
        for finding in verdict.findings:
            margin = "" if finding.margin is None else f" {finding.margin:+.4f} {finding.unit}"
            self._note("verdict", f"{finding.rule}: {finding.ruling.value}{margin} {finding.reason}")
        for offset_s, positions in zip(trajectory.times_s[::10], trajectory.positions_rad[::10], strict=True):
            self._at(time_s + float(offset_s))
            self._stream.log("joints/planned", rr.Scalars(positions))

    def on_progress(self, step: PlanStep, fraction: float, scene: SceneState) -> None:
        """Measured joints."""
        if scene.body is not None:
            self._at(scene.time_s)
            self._stream.log("joints/measured", rr.Scalars(scene.body.positions_rad))

    def on_outcome(self, step: PlanStep, kind: str, detail: str, time_s: float) -> None:
        """What became of a step."""
        self._at(time_s)
        self._note("outcome", f"{step}: {kind} {detail}")

    def _log_image(self, image: CameraImage, scene: SceneState) -> None:
        path = f"world/{image.sensor}"
        pose = camera_pose(image, scene, self._body)
        if pose is not None:
            self._stream.log(path, rr.Transform3D(translation=pose[:3, 3], mat3x3=pose[:3, :3]))
        i = image.intrinsics
        self._stream.log(path, rr.Pinhole(image_from_camera=i.matrix, width=i.width, height=i.height))
        self._stream.log(f"{path}/rgb", rr.Image(image.rgb).compress(jpeg_quality=85))
        self._stream.log(f"{path}/depth", rr.DepthImage(image.depth_m, meter=1.0))

    def _note(self, where: str, text: str) -> None:
        self._stream.log(f"log/{where}", rr.TextLog(text))

    def _at(self, time_s: float) -> None:
        self._time_s = max(self._time_s, time_s)
        self._stream.set_time("robot_time", duration=time_s)
