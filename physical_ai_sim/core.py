"""The simulator as a core: `handle` the commands, `advance` the time, get every sensor's payloads in stamp order.

Deterministic by its seed. Drivable in one process (bench) and by the node.
"""

from __future__ import annotations

import json
from typing import Any

import mujoco
import numpy as np

from physical_ai_core import layouts
from physical_ai_core import messages as m
from physical_ai_core.core import ERROR, NOTHING, OK, Health, Output, Outputs
from physical_ai_core.errors import InputError
from physical_ai_core.geometry import Array, quaternion_of_yaw
from physical_ai_core.robot import Mount, load_robot
from physical_ai_core.site import Site, load_site
from physical_ai_sim import physics as p
from physical_ai_sim.base import Base
from physical_ai_sim.battery import Battery
from physical_ai_sim.camera import Camera
from physical_ai_sim.contacts import ContactJudge, footprint_speed
from physical_ai_sim.ground import Ground
from physical_ai_sim.parameters import SimulatorParameters
from physical_ai_sim.people import EMPTY, Crowd, Walkers, load_people
from physical_ai_sim.sensors import Body, Gnss, ImuSensor, Lidar, WheelOdometry
from physical_ai_sim.world import HIDDEN_Z_M, build_model

PERSON_CLASS = layouts.OBJECT_CLASSES.index("person")
STEPS = round(p.FRAME_S / p.TIME_STEP_S)
SETTLE_STEPS = 500


class SimulatorCore:
    """World, robot, sensors, people and ground truth. Raises SiteError, RobotError or InputError at construction.

    Example:
        core = SimulatorCore(SimulatorParameters(seed=1))
        for output in core.advance(core.stamp_s + 0.02): ...  # scan, imu/data, …, ground_truth/…
        core.handle("cmd_vel", m.Twist(core.stamp_s, "base_link", 0.5, 0.0), core.stamp_s)
    """

    def __init__(self, parameters: SimulatorParameters, people: Walkers | None = None) -> None:
        """`people`: others than those that the parameters name."""
        site, robot = load_site(parameters.site), load_robot(parameters.robot)
        self._people: Walkers = people or load_people(
            parameters.people, parameters.seed, parameters.people_start_s, parameters.people_at_once
        )
        self._model = build_model(site, robot, self._people.capacity, parameters.barn_world)
        self._data = mujoco.MjData(self._model)
        self._ground = Ground(parameters, self._model, self._data)
        self._hidden = np.array([[0.0, float(slot), HIDDEN_Z_M] for slot in range(self._people.capacity)]).reshape(
            -1, 3
        )
        self._body = Body(self._model, self._data)
        self._frame = 0
        self._crowd: Crowd = EMPTY
        self._place(_start(site, parameters.start))
        draws, noise = np.random.default_rng(parameters.seed).spawn(4), parameters.noise
        self._base = Base(robot.limits)
        self._lidar = Lidar(robot.mount("lidar"), draws[0], noise, parameters.lidar_full_circle)
        imu_mount = robot.mounts.get("imu", Mount(xyz_m=(0.0, 0.0, 0.15)))
        self._imu = ImuSensor(imu_mount, draws[1], noise, 0.0 - self._ground.gravity_mps2)
        self._wheels = WheelOdometry(self._body, draws[2], noise)
        self._gnss = Gnss(robot.mount("gps"), site.datum, draws[3], noise) if site.datum is not None else None
        self._camera = Camera(self._model) if parameters.camera else None
        self._battery = Battery(
            site, parameters.battery_wh, parameters.battery_charge, float(self._model.body("base").subtreemass[0])
        )
        self._half = np.abs(np.array(robot.footprint)).max(axis=0)
        self._judge = ContactJudge(self._half)
        self._tool = False
        self._chassis = self._model.geom("chassis").id
        self._period = {
            rate_hz: round(1.0 / (rate_hz * p.FRAME_S))
            for rate_hz in (
                p.LIDAR_HZ,
                p.WHEEL_HZ,
                p.GNSS_HZ,
                p.CAMERA_HZ,
                p.TRUTH_HZ,
                p.PEOPLE_HZ,
                p.CONTACT_HZ,
                p.BATTERY_HZ,
            )
        }

    @property
    def stamp_s(self) -> float:
        """Simulated time."""
        return p.START_STAMP_S + self._frame * p.FRAME_S

    @property
    def true_pose(self) -> Array:
        """`[x_m, y_m, yaw_rad]` of `base_link` in `map`."""
        return self._body.planar_pose()

    def handle(self, topic: str, data: Any, stamp_s: float) -> Outputs:
        """Take `cmd_vel` (m.Twist) or `tool` (m.Flag); other topics are ignored.

        The base's watchdog counts from the arrival, as a motor controller's does.
        """
        if topic == "cmd_vel":
            self._base.hear(data.linear_x_mps, data.angular_z_rps, self.stamp_s)
        elif topic == "tool":
            self._tool = bool(data.data)
        return NOTHING

    def tick(self, stamp_s: float) -> Outputs:
        """The same as `advance`."""
        return self.advance(stamp_s)

    def advance(self, to_stamp_s: float) -> list[Output]:
        """Step the world until `to_stamp_s`; everything that was measured on the way, in stamp order."""
        outputs: list[Output] = []
        while self.stamp_s + 0.5 * p.FRAME_S < to_stamp_s:
            self._step(outputs)
        return outputs

    def health(self) -> Health:
        unstable = int(self._data.warning[mujoco.mjtWarning.mjWARN_BADQACC].number)
        values = {
            "people": str(len(self._crowd)),
            "stamp_s": f"{self.stamp_s:.3f}",
            "tool": str(self._tool).lower(),
            "watchdog": str(self._base.silent(self.stamp_s)).lower(),
        }
        if unstable:
            return Health(ERROR, f"the physics became unstable {unstable} times and was reset", values)
        return Health(OK, "ok", values)

    def _place(self, pose: Array) -> None:
        """Put the robot at a pose, settled on its wheels and at rest."""
        data = self._data
        quaternion = quaternion_of_yaw(float(pose[2]))
        data.qpos[:7] = [pose[0], pose[1], 0.0, quaternion[3], *quaternion[:3]]
        data.mocap_pos[:] = self._hidden
        mujoco.mj_step(self._model, data, SETTLE_STEPS)
        data.qvel[:] = 0.0
        mujoco.mj_kinematics(self._model, data)

    def _move_people(self) -> None:
        position = self._data.mocap_pos
        position[:] = self._hidden
        position[: len(self._crowd), :2] = self._crowd.position_m
        position[: len(self._crowd), 2] = 0.5 * p.PERSON_HEIGHT_M

    def _due(self, rate_hz: float) -> bool:
        return self._frame % self._period[rate_hz] == 0

    def _step(self, outputs: list[Output]) -> None:
        data, body = self._data, self._body
        self._ground.update()
        data.ctrl[:] = self._base.wheel_speeds(self.stamp_s, p.FRAME_S)
        mujoco.mj_step(self._model, data, STEPS)
        self._frame += 1
        stamp_s = self.stamp_s
        if self._due(p.CONTACT_HZ):
            self._crowd = self._people.at(stamp_s - p.START_STAMP_S, data.qpos[:2])
            self._move_people()
        mujoco.mj_kinematics(self._model, data)  # positions after the step, and of the people that moved
        outputs.append(Output("imu/data", self._imu.measure(body, stamp_s, p.FRAME_S)))
        if self._due(p.WHEEL_HZ):
            odometry, joints = self._wheels.measure(body, stamp_s, 1.0 / p.WHEEL_HZ)
            outputs += [Output("wheel/odometry", odometry), Output("joint_states", joints)]
        if self._gnss is not None and self._due(p.GNSS_HZ):
            outputs.append(Output("gps/fix", self._gnss.measure(body, stamp_s)))
        if self._due(p.LIDAR_HZ):
            outputs.append(Output("scan", self._lidar.measure(self._model, data, body, stamp_s)))
        if self._camera is not None and self._due(p.CAMERA_HZ):
            image, info = self._camera.measure(data, stamp_s)
            outputs += [Output("camera/image_raw", image), Output("camera/camera_info", info)]
        if self._due(p.BATTERY_HZ):
            speed = float(np.hypot(*body.velocity_mps[:2]))
            outputs.append(
                Output("battery_state", self._battery.update(stamp_s, data.qpos[:2], speed, 1.0 / p.BATTERY_HZ))
            )
        self._truth(stamp_s, outputs)

    def _truth(self, stamp_s: float, outputs: list[Output]) -> None:
        contact_due, odometry_due = self._due(p.CONTACT_HZ), self._due(p.TRUTH_HZ)
        if not (contact_due or odometry_due):
            return
        pose, rate = self._body.planar_pose(), self._body.turn_rate_rps
        linear = self._body.rotation.T @ self._body.velocity_mps
        if odometry_due:
            odometry = m.Odometry(
                stamp_s, "map", "base_link", self._body.position_m, quaternion_of_yaw(float(pose[2])), linear, rate
            )
            outputs.append(Output("ground_truth/odometry", odometry))
        if contact_due:
            speed = footprint_speed(self._half, float(linear[0]), float(linear[1]), float(rate[2]))
            contacts = self._judge.judge(stamp_s, pose, speed, self._crowd, self._touched_structures())
            for contact in contacts:
                outputs.append(Output("ground_truth/events", m.Text(json.dumps(contact.as_json()))))
        if self._due(p.PEOPLE_HZ):
            outputs.append(Output("ground_truth/people", self._true_people(stamp_s)))

    def _touched_structures(self) -> set[str]:
        pairs = self._data.contact.geom
        met = pairs[(pairs == self._chassis).any(axis=1)]
        return {str(self._model.geom(int(a if b == self._chassis else b)).name) for a, b in met}

    def _true_people(self, stamp_s: float) -> m.Objects:
        crowd = self._crowd
        rows = layouts.empty(layouts.OBJECT, len(crowd))
        rows["id"], rows["radius"], rows["class_id"], rows["existence"] = (
            crowd.ids,
            p.PERSON_RADIUS_M,
            PERSON_CLASS,
            1.0,
        )
        rows["x"], rows["y"] = crowd.position_m[:, 0], crowd.position_m[:, 1]
        rows["z"] = 0.5 * p.PERSON_HEIGHT_M
        rows["vx"], rows["vy"] = crowd.velocity_mps[:, 0], crowd.velocity_mps[:, 1]
        return m.Objects(stamp_s, "map", rows)


def _start(site: Site, place: str) -> Array:
    name = place or site.start
    if name not in site.places:
        raise InputError(
            f"The start '{name}' is not a place of the site '{site.name}'.", f"Places: {sorted(site.places)}."
        )
    return site.places[name].pose.as_array()
