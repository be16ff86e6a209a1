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
from physical_ai_core.core import NOTHING, Health, Output, Outputs
from physical_ai_core.geometry import Array, quaternion_of_yaw
from physical_ai_core.robot import load_robot
from physical_ai_core.site import load_site
from physical_ai_sim import physics as p
from physical_ai_sim.base import Base
from physical_ai_sim.camera import Camera
from physical_ai_sim.contacts import ContactJudge
from physical_ai_sim.parameters import SimulatorParameters
from physical_ai_sim.people import People, Person, load_people
from physical_ai_sim.sensors import Gnss, ImuSensor, Lidar, WheelOdometry
from physical_ai_sim.world import HIDDEN_Z_M, build_model

PERSON_CLASS = layouts.OBJECT_CLASSES.index("person")


class SimulatorCore:
    """World, robot, sensors, people and ground truth. Raises SiteError, RobotError or InputError at construction."""

    def __init__(self, parameters: SimulatorParameters) -> None:
        site, robot = load_site(parameters.site), load_robot(parameters.robot)
        self._people: People = load_people(parameters.people, parameters.seed)
        self._model = build_model(site, robot, self._people.capacity, parameters.barn_world)
        self._data = mujoco.MjData(self._model)
        self._place(site.places[site.start].pose.as_array())
        draws = np.random.default_rng(parameters.seed).spawn(4)
        self._base = Base()
        self._lidar = Lidar(robot.mount("lidar"), draws[0])
        self._imu = ImuSensor(draws[1])
        self._wheels = WheelOdometry(draws[2])
        self._gnss = Gnss(robot.mount("gps"), site.datum, draws[3]) if site.datum is not None else None
        self._camera = Camera(self._model) if parameters.camera else None
        self._judge = ContactJudge(np.abs(np.array(robot.footprint)).max(axis=0))
        self._tool = False
        self._frame = 0
        self._present: list[Person] = []
        self._chassis = self._model.geom("chassis").id
        self._ground = self._model.geom("ground").id

    @property
    def stamp_s(self) -> float:
        """Simulated time."""
        return p.START_STAMP_S + self._frame * p.FRAME_S

    @property
    def true_pose(self) -> Array:
        """`[x_m, y_m, yaw_rad]` of `base_link` in `map`."""
        body = self._data.body("base")
        turn = body.xmat.reshape(3, 3)
        return np.array([body.xpos[0], body.xpos[1], np.arctan2(turn[1, 0], turn[0, 0])])

    def handle(self, topic: str, data: Any, stamp_s: float) -> Outputs:
        """Take `cmd_vel` (m.Twist) or `tool` (m.Flag); other topics are ignored."""
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
            outputs += self._step()
        return outputs

    def health(self) -> Health:
        return Health(0, "ok", {"people": str(len(self._present)), "stamp_s": f"{self.stamp_s:.3f}"})

    def _place(self, pose: Array) -> None:
        """Put the robot at a pose and let it settle on its wheels."""
        quaternion = quaternion_of_yaw(float(pose[2]))
        self._data.qpos[:7] = [pose[0], pose[1], 0.0, quaternion[3], *quaternion[:3]]
        self._move_people([])
        mujoco.mj_step(self._model, self._data, 200)

    def _move_people(self, present: list[Person]) -> None:
        for slot in range(self._people.capacity):
            if slot < len(present):
                x, y = present[slot].position_m
                self._data.mocap_pos[slot] = [x, y, p.PERSON_HEIGHT_M / 2]
            else:
                self._data.mocap_pos[slot] = [0.0, float(slot), HIDDEN_Z_M]

    def _due(self, rate_hz: float) -> bool:
        period = round(1.0 / (rate_hz * p.FRAME_S))
        return self._frame % period == 0

    def _step(self) -> list[Output]:
        self._data.ctrl[:] = self._base.wheel_speeds(self.stamp_s, p.FRAME_S)
        mujoco.mj_step(self._model, self._data, round(p.FRAME_S / p.TIME_STEP_S))
        self._frame += 1
        stamp_s, pose = self.stamp_s, self.true_pose
        if self._due(p.TRUTH_HZ):
            self._present = self._people.at(stamp_s - p.START_STAMP_S, pose[:2])
            self._move_people(self._present)
        outputs = [Output("imu/data", self._imu.measure(self._data, stamp_s, p.FRAME_S))]
        if self._due(p.WHEEL_HZ):
            odometry, joints = self._wheels.measure(self._data, stamp_s, 1.0 / p.WHEEL_HZ)
            outputs += [Output("wheel/odometry", odometry), Output("joint_states", joints)]
        if self._due(p.TRUTH_HZ):
            outputs += self._truth(stamp_s, pose)
        if self._due(p.PEOPLE_HZ):
            outputs.append(Output("ground_truth/people", self._true_people(stamp_s)))
        if self._gnss is not None and self._due(p.GNSS_HZ):
            outputs.append(Output("gps/fix", self._gnss.measure(self._data, stamp_s)))
        if self._due(p.LIDAR_HZ):
            mujoco.mj_kinematics(self._model, self._data)  # people moved since the last step
            outputs.append(Output("scan", self._lidar.measure(self._model, self._data, stamp_s)))
        if self._camera is not None and self._due(p.CAMERA_HZ):
            image, info = self._camera.measure(self._data, stamp_s)
            outputs += [Output("camera/image_raw", image), Output("camera/camera_info", info)]
        return outputs

    def _truth(self, stamp_s: float, pose: Array) -> list[Output]:
        turn = self._data.body("base").xmat.reshape(3, 3)
        linear, angular = turn.T @ self._data.qvel[:3], np.array(self._data.qvel[3:6])
        odometry = m.Odometry(
            stamp_s, "map", "base_link", np.array(self._data.body("base").xpos),
            quaternion_of_yaw(float(pose[2])), linear, angular,
        )  # fmt: skip
        speed = float(np.hypot(linear[0], linear[1]))
        contacts = self._judge.judge(stamp_s, pose, speed, self._present, self._touched_structures())
        events = [Output("ground_truth/events", m.Text(json.dumps(contact.as_json()))) for contact in contacts]
        return [Output("ground_truth/odometry", odometry), *events]

    def _touched_structures(self) -> set[str]:
        found = set()
        for contact in self._data.contact[: self._data.ncon]:
            if self._chassis in contact.geom:
                other = int(contact.geom[0] if contact.geom[1] == self._chassis else contact.geom[1])
                if other != self._ground:
                    found.add(str(self._model.geom(other).name))
        return found

    def _true_people(self, stamp_s: float) -> m.Objects:
        rows = layouts.empty(layouts.OBJECT, len(self._present))
        for row, person in zip(rows, self._present, strict=True):
            row["id"], row["radius"], row["class_id"], row["existence"] = person.id, p.PERSON_RADIUS_M, PERSON_CLASS, 1
            row["x"], row["y"] = person.position_m
            row["vx"], row["vy"] = person.velocity_mps
        return m.Objects(stamp_s, "map", rows)
