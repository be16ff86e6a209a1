"""The telemetry node: raw subscriptions to the whole graph go to the recorder, a few are decoded for the core."""

from __future__ import annotations

import struct
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final, NamedTuple

from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from rclpy.qos import QoSProfile
from rclpy.serialization import deserialize_message

from physical_ai_core import graph
from physical_ai_core import messages as m
from physical_ai_core.core import Output
from physical_ai_core.errors import ParameterError, PhysicalAIError
from physical_ai_core.graph import Topic
from physical_ai_core.ros import mail
from physical_ai_core.ros.encode import message_class
from physical_ai_core.ros.node import CoreNode, Tick
from physical_ai_core.ros.qos import subscription_qos
from physical_ai_core.ros.spin import run_node
from physical_ai_telemetry import incidents, kpi
from physical_ai_telemetry.core import TelemetryCore
from physical_ai_telemetry.latency import OFTEN
from physical_ai_telemetry.metrics import MetricsServer
from physical_ai_telemetry.parameters import TelemetryParameters
from physical_ai_telemetry.provenance import provenance
from physical_ai_telemetry.recorder import Recorder
from physical_ai_telemetry.recorder_status import RecorderStatus
from physical_ai_telemetry.schemas import definition
from physical_ai_telemetry.split import RecordedTopic

try:
    from rclpy.event_handler import SubscriptionEventCallbacks, UnsupportedEventTypeError
except ImportError:  # Humble
    from rclpy.qos_event import SubscriptionEventCallbacks, UnsupportedEventTypeError

DEPTH_S: Final = 2.0  # the reader's queue holds so much traffic, so that a busy processor loses nothing
DEPTH: Final = (20, 500)
FAST: Final = "state/odometry"
FAST_PERIOD_NS: Final = 95_000_000
TRUST_S: Final = 5.0  # a cause whose stamp is further from the graph's clock is of another clock: it counts now
DECODED: Final = {*kpi.TOPICS, *incidents.TOPICS}
STAMP: Final = struct.Struct("<iI")  # of a header, first in its message
STAMP_AT: Final = 4  # after the four bytes that say how it is encoded
LITTLE_ENDIAN: Final = 1  # the second of these


def recorded_topics(parameters: TelemetryParameters) -> Iterator[Topic]:
    """What is recorded: the table's choice, or the one named by the parameters, and the extra topics."""
    for topic in graph.TOPICS:
        chosen = topic.name in parameters.topics if parameters.topics else topic.recorded
        if chosen and topic.name not in parameters.exclude_topics:
            yield topic
    for text in parameters.extra_topics:
        name, _, ros_type = text.partition(":")
        if not name or ros_type.count("/") != 2:
            raise ParameterError(f"'{text}' in extra_topics is no topic.", "Write 'name:package/msg/Type'.")
        yield Topic(name.strip(), ros_type.strip(), m.Text, graph.Qos.SENSOR, 0.0, (), (), "named by extra_topics")


def recording_qos(topic: Topic) -> QoSProfile:
    """The table's reliability and durability, with a deeper queue than the nodes that only want the newest."""
    profile = subscription_qos(topic)
    profile.depth = int(min(max(DEPTH[0], DEPTH_S * topic.rate_hz), DEPTH[1]))
    return profile


class Ear(NamedTuple):
    """A recorded topic. `decoded`: message class where the core needs its content, else None; `stamped`: the core
    needs its header stamp alone.
    """

    topic: Topic
    recorded: RecordedTopic
    decoded: Any
    stamped: bool


def _by_time(letter: tuple[int, Ear, bytes]) -> int:
    return letter[0]


class TelemetryNode(CoreNode[TelemetryParameters]):
    """Records from activation to deactivation. A disk that refuses is a reported fault, never the robot's problem."""

    TICK = Tick.STEADY

    def build(self, parameters: TelemetryParameters) -> TelemetryCore:
        list(recorded_topics(parameters))  # refuses what is no topic
        unknown = [kind for kind in parameters.incident_kinds if kind not in incidents.KINDS]
        if unknown:
            raise ParameterError(f"incident_kinds names {unknown}.", f"Known: {', '.join(incidents.KINDS)}.")
        return TelemetryCore(parameters)

    def opened(self) -> None:
        self._recorder: Recorder | None = None
        self._recording_ears: list[tuple[Ear, Any]] = []
        self._taken_ns = 0  # the graph's clock when the mail was last taken
        self._fast_ns = 0
        self._left_out = ""
        self._metrics: MetricsServer | None = None
        self._waiting: list[tuple[RecordedTopic, int, bytes]] = []  # heard before the graph's clock

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        if self.parameters.record or self.parameters.incidents:
            what_runs = provenance(self.parameters, sys.argv)
            info = {"node": self.get_fully_qualified_name(), "software": what_runs.software}
            self._recorder = Recorder(self.parameters, info, what_runs)
            self._recorder.start()
        self._offer_metrics()
        result = super().on_activate(state)
        for topic in recorded_topics(self.parameters):
            self._listen(topic)
        return result

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        self.close()
        return super().on_deactivate(state)

    def close(self) -> None:
        self._stop_recording()
        metrics = getattr(self, "_metrics", None)  # absent where configuration was refused
        if metrics is not None:
            metrics.close()
            self._metrics = None

    def _offer_metrics(self) -> None:
        """A port that is taken, or a library that is missing, is reported; the recording does not depend on it."""
        if not self.parameters.metrics_port or not isinstance(self.core, TelemetryCore):
            return
        labels = {"robot": self.parameters.robot, "site": self.parameters.site}
        try:
            self._metrics = MetricsServer(self.parameters.metrics_host, self.parameters.metrics_port, labels)
            self.core.note_fault("")
        except PhysicalAIError as error:
            self.core.note_fault(str(error))
            self.get_logger().warning(str(error))

    def _stop_recording(self) -> None:
        if getattr(self, "_recorder", None) is not None:
            self._record()
        for _, subscription in getattr(self, "_recording_ears", ()):
            self.destroy_subscription(subscription)
        self._recording_ears = []
        recorder = getattr(self, "_recorder", None)
        if recorder is not None:
            recorder.stop()
            self._note()
            self._recorder = None

    def _note(self) -> None:
        if isinstance(self.core, TelemetryCore) and self._recorder is not None:
            status = self._recorder.status()
            self.core.note_recorder(replace(status, error=status.error or self._left_out))

    def said(self, output: Output) -> None:
        """Once a second, with the diagnostics: the metrics are renewed, and the recorder learns what runs."""
        if not isinstance(self.core, TelemetryCore):
            return
        if self._recorder is not None:
            self._recorder.name_what_runs(self.core.said)
        if self._metrics is not None:
            status = self._recorder.status() if self._recorder is not None else RecorderStatus()
            self._metrics.show(self.core.kpis(), status)

    def _tick(self) -> None:
        mail.read_clock(self)
        self._record()
        self._note()
        super()._tick()

    def _record(self) -> None:
        """Take what waits on every topic; each message gets the time at which it arrived, by the graph's clock."""
        now_ns, wall_ns = self.get_clock().now().nanoseconds, time.time_ns()
        letters = []
        for ear, subscription in self._recording_ears:
            for raw, info in mail.take(subscription):
                age_ns = wall_ns - int(info.get("received_timestamp") or wall_ns)
                letters.append((max(self._taken_ns, now_ns - max(0, age_ns)), ear, raw))
        self._taken_ns = now_ns
        for stamp_ns, ear, raw in sorted(letters, key=_by_time):
            self._hear_raw(ear, stamp_ns, raw)
        if self._recorder is not None and isinstance(self.core, TelemetryCore):
            for cause in self.core.take_causes():
                foreign = abs(cause.stamp_s - now_ns * 1e-9) > TRUST_S
                self._recorder.note(replace(cause, stamp_s=now_ns * 1e-9) if foreign else cause)

    def _listen(self, topic: Topic) -> None:
        """Open a raw subscription; a topic that cannot be recorded is reported and left out."""
        try:
            message = message_class(topic.ros_type) if topic.name not in graph.TOPIC else self._class_of(topic)
            ros_type = _type_name(message)
            definition(ros_type)
        except (PhysicalAIError, ValueError) as error:
            self._left_out = f"The topic '{topic.name}' is not recorded. {error}"
            self.get_logger().warning(self._left_out)
            return
        decoded = message if topic.name in DECODED else None
        stamped = topic.name in OFTEN and "header" in message.get_fields_and_field_types()
        resolved = self.resolve_topic_name(topic.name)
        ear = Ear(topic, RecordedTopic(resolved, ros_type, topic.qos), decoded, stamped)
        self._recording_ears.append((ear, self._subscribe(message, topic)))

    def _subscribe(self, message: Any, topic: Topic) -> Any:
        qos = recording_qos(topic)
        try:
            events = SubscriptionEventCallbacks(message_lost=self._count_lost)
            return mail.keep(self, message, topic.name, qos, raw=True, event_callbacks=events)
        except UnsupportedEventTypeError:  # this middleware does not tell
            return mail.keep(self, message, topic.name, qos, raw=True)

    def _count_lost(self, info: Any) -> None:
        if self._recorder is not None:
            self._recorder.count_lost(int(info.total_count_change))

    def _hear_raw(self, ear: Ear, stamp_ns: int, raw: bytes) -> None:
        topic, recorded, decoded, stamped = ear
        if self._recorder is not None:
            if stamp_ns > 0 and not self._waiting:
                self._recorder.write(recorded, stamp_ns, raw)
            else:
                self._wait_for_clock(recorded, stamp_ns, raw)
        if stamped:
            self._hear_stamp(topic.name, raw)
        if decoded is not None and self._is_due(topic, stamp_ns):
            message = readable(raw, decoded)
            if message is not None:
                self._handle(topic, message)
            elif not self._left_out:
                self._left_out = f"A message on '{topic.name}' could not be read; it is recorded as it came."
                self.get_logger().warning(self._left_out)

    def _hear_stamp(self, topic: str, raw: bytes) -> None:
        if len(raw) >= STAMP_AT + STAMP.size and raw[1] == LITTLE_ENDIAN and isinstance(self.core, TelemetryCore):
            seconds, nanoseconds = STAMP.unpack_from(raw, STAMP_AT)
            self.core.hear_stamp(topic, seconds + 1e-9 * nanoseconds)

    def _is_due(self, topic: Topic, stamp_ns: int) -> bool:
        """Thin out the one fast topic: decoding costs more than recording, and the figures need no more."""
        if topic.name != FAST:
            return True
        if 0 <= stamp_ns - self._fast_ns < FAST_PERIOD_NS:
            return False
        self._fast_ns = stamp_ns
        return True

    def _wait_for_clock(self, recorded: RecordedTopic, stamp_ns: int, raw: bytes) -> None:
        """Before simulated time is known a message has no time: it is kept, and recorded with the first one."""
        if len(self._waiting) < DEPTH[1]:
            self._waiting.append((recorded, stamp_ns, raw))
        if stamp_ns > 0 and self._recorder is not None:
            for topic, _, data in self._waiting:
                self._recorder.write(topic, stamp_ns, data)
            self._waiting = []


def readable(raw: bytes, message: Any) -> Any:
    """The message of these bytes; None where they are none: what somebody sends must not end the recording."""
    try:
        return deserialize_message(raw, message)
    except Exception:  # rclpy raises what its middleware has, RMWError or another
        return None


def _type_name(message: Any) -> str:
    """`package/msg/Name` of a message class."""
    package, folder, *_ = message.__module__.split(".")
    return f"{package}/{folder}/{message.__name__}"


def main() -> None:
    raise SystemExit(run_node(lambda: TelemetryNode("telemetry", TelemetryParameters)))


if __name__ == "__main__":
    main()
