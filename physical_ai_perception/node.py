"""The perception node: PerceptionCore on ROS topics, TF where tf2_msgs is installed, and the kept pose on disk."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from physical_ai_core import graph
from physical_ai_core import messages as m
from physical_ai_core.core import Output
from physical_ai_core.errors import InputError
from physical_ai_core.ros import mail
from physical_ai_core.ros.encode import message_class, set_stamp
from physical_ai_core.ros.node import CoreNode
from physical_ai_core.ros.qos import subscription_qos
from physical_ai_core.ros.spin import run_node
from physical_ai_perception.camera.worker import WorkerEye
from physical_ai_perception.core import PerceptionCore
from physical_ai_perception.fusion.localisation import Kept
from physical_ai_perception.markers import marker_array
from physical_ai_perception.parameters import PerceptionParameters
from physical_ai_perception.warm_up import warm_up

KEEP_EVERY_S: Final = 1.0
MARK_EVERY_S: Final = 0.19
TF_DEPTH: Final = 100
DECLARED_DEPTH: Final = 200  # messages of a declared sensor that wait for a tick: 0.5 s at 400 Hz


class PerceptionNode(CoreNode[PerceptionParameters]):
    """Static sensor frames come from robot_state_publisher; this node says map → odom → base_link."""

    _tf: Any = None
    _kept_s = _marked_s = float("-inf")
    _markers: Any = None

    def build(self, parameters: PerceptionParameters) -> PerceptionCore:
        warm_up(parameters)
        core = PerceptionCore(parameters, WorkerEye)
        kept = _read(parameters.resume_file)
        if kept is not None:
            core.resume(kept)
        return core

    def close(self) -> None:
        if isinstance(self.core, PerceptionCore):
            self.core.camera.close()

    def opened(self) -> None:
        self._hear_declared()
        if self._markers is None:
            kind = message_class("visualization_msgs/msg/MarkerArray")
            self._markers = self.create_publisher(kind, "state/objects_markers", 1)
        try:
            tf_class = message_class("tf2_msgs/msg/TFMessage")
        except InputError:
            self.get_logger().info("tf2_msgs is not installed: no TF; state/* says the same")
            return
        if self._tf is None:
            self._tf = self.create_publisher(tf_class, "/tf", TF_DEPTH)

    def _hear_declared(self) -> None:
        """Sensors of the sensor file that the graph table does not know: gathered, and taken at each tick."""
        if not isinstance(self.core, PerceptionCore):
            return
        known = {topic.name for topic in graph.heard_by(self.spec.name)}
        for sensor in self.core.sensors.sensors:
            if sensor.topic not in known:
                topic = graph.Topic(
                    sensor.topic, sensor.ros_type, sensor.data, graph.Qos.SENSOR, 0, (), (self.spec.name,), "declared"
                )
                qos = subscription_qos(topic)
                qos.depth = DECLARED_DEPTH
                ear = mail.keep(self, message_class(topic.ros_type), topic.name, qos)
                self._mail.append((topic, ear))
                self._ears.append(ear)

    def said(self, output: Output) -> None:
        data = output.data
        if output.topic == "state/odometry":
            self._broadcast(data, data.child_frame_id)
        elif output.topic == "state/map_to_odom":
            self._broadcast(data, "odom")
            self._keep(data.stamp_s)
        elif output.topic == "state/objects":
            self._mark(data)

    def _mark(self, data: m.Objects) -> None:
        """Markers for whoever looks, seldom enough to cost nothing worth speaking of."""
        if 0.0 <= data.stamp_s - self._marked_s < MARK_EVERY_S or not self._markers.get_subscription_count():
            return
        self._marked_s = data.stamp_s
        self._markers.publish(marker_array(data))

    def _broadcast(self, data: m.Odometry | m.Pose, child: str) -> None:
        if self._tf is None:
            return
        stamped = message_class("geometry_msgs/msg/TransformStamped")()
        set_stamp(stamped.header.stamp, data.stamp_s)
        stamped.header.frame_id, stamped.child_frame_id = data.frame_id, child
        move, turn = stamped.transform.translation, stamped.transform.rotation
        move.x, move.y, move.z = data.position_m.tolist()
        turn.x, turn.y, turn.z, turn.w = data.orientation_xyzw.tolist()
        self._tf.publish(message_class("tf2_msgs/msg/TFMessage")(transforms=[stamped]))

    def _keep(self, stamp_s: float) -> None:
        path = self.parameters.resume_file
        if not path or 0.0 <= stamp_s - self._kept_s < KEEP_EVERY_S or not isinstance(self.core, PerceptionCore):
            return
        self._kept_s = stamp_s
        kept = self.core.checkpoint()
        if kept is None:
            return
        part = Path(f"{path}.part")
        part.write_text(json.dumps(asdict(kept)), encoding="utf-8")
        os.replace(part, path)  # whole or not at all: the process may be killed at any time


def _read(path: str) -> Kept | None:
    """The kept pose, or None: there is none, or it is not one."""
    if not path:
        return None
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        return Kept(
            float(content["stamp_s"]),
            _numbers(content["odom"], 4),
            _numbers(content["map_to_odom"], 4),
            _numbers(content["variances"], 3),
            *_numbers([content.get("speed_mps", 0.0)], 1),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _numbers(values: Any, count: int) -> Any:
    numbers = tuple(float(v) for v in values)
    if len(numbers) != count or not all(abs(v) < 1e9 for v in numbers):
        raise ValueError("not a kept pose")
    return numbers


def main() -> None:
    raise SystemExit(run_node(lambda: PerceptionNode("perception", PerceptionParameters)))


if __name__ == "__main__":
    main()
