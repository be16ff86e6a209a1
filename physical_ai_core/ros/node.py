"""The thin shell around a core: a lifecycle node that converts messages, keeps the timers, and says that it lives."""

from __future__ import annotations

import gc
import math
import os
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from functools import partial
from typing import Any, Generic, TypeVar

from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn

from physical_ai_core import graph
from physical_ai_core import messages as m
from physical_ai_core.core import ERROR, Core, Health, Output, Refuses
from physical_ai_core.errors import ParameterError, PhysicalAIError
from physical_ai_core.ros import mail
from physical_ai_core.ros.declare import read_parameters
from physical_ai_core.ros.decode import decode
from physical_ai_core.ros.encode import encode, message_class
from physical_ai_core.ros.qos import publisher_qos, subscription_qos

P = TypeVar("P")
GATHER_S = 0.5  # so much traffic of a gathered topic waits; of more the oldest is lost
OVERDUE_TICKS = 2.0  # a tick this many periods late is overdue
HEARTBEAT_HZ = graph.TOPIC["heartbeat"].rate_hz


class Tick(Enum):
    """What makes a node tick. By the steady clock, `/clock` wakes it no more either: it is read at each tick."""

    BY_CLOCK = "the graph's clock, at the exact rate"
    STEADY = "the steady clock, where the graph's has moved on"
    ALWAYS = "the steady clock, even while the graph's stands"


class CoreNode(LifecycleNode, Generic[P]):
    """A node of the graph table driving one core.

    configure: parameters are checked, the core is built, topics are opened. activate: ticking starts.
    An exception inside the core is logged once by its text, reported by the heartbeat, and the node lives on.

    Example:
        class PerceptionNode(CoreNode[PerceptionParameters]):
            def build(self, parameters): return PerceptionCore(parameters)
        CoreNode subclasses run with `run_node(lambda: PerceptionNode("perception", PerceptionParameters))`.
    """

    TICK = Tick.BY_CLOCK

    def __init__(self, name: str, parameters: type[P]) -> None:
        self._own_clock = False
        super().__init__(name)
        self.spec = graph.NODE[name]
        self._parameter_class = parameters
        try:
            self.stamped_cmd_vel = bool(
                self.declare_parameter("stamped_cmd_vel", True).value  # False: geometry_msgs/Twist, for older fleets
            )
            self.parameters: P = read_parameters(self, parameters)
        except (InvalidParameterTypeException, InvalidParameterValueException) as error:
            raise ParameterError(f"Node '{name}': {error}.", "docs/parameters.md lists every parameter.") from error
        self.core: Core | None = None
        self._active = False
        self._ears: list[Any] = []
        self._mouths: dict[str, Any] = {}
        self._mail: list[tuple[graph.Topic, Any]] = []  # topics taken at the tick
        self._later: list[tuple[graph.Topic, Any]] = []  # topics taken after it
        self._mail_s = -math.inf  # when all mail was taken last, by the steady clock
        self._ticker: Any = None
        self._fault = ""
        self._faults = 0
        self._ticks = 0
        self._late_ticks = 0
        self._last_tick_s: float | None = None
        self._steady = Clock(clock_type=ClockType.STEADY_TIME)
        sim_time = bool(self.get_parameter("use_sim_time").value)
        self._own_clock = sim_time or self.TICK is not Tick.BY_CLOCK  # the executor does not serve rclpy's /clock
        self._due_s = -math.inf
        self._clock_ear: Any = None
        if sim_time and self.TICK is Tick.BY_CLOCK:
            topic = graph.TOPIC[mail.CLOCK]
            self._clock_ear = self.create_subscription(
                message_class(topic.ros_type), topic.name, self._hear_clock, subscription_qos(topic)
            )
        self._heart = self.create_publisher(
            message_class(graph.TOPIC["heartbeat"].ros_type), "heartbeat", publisher_qos(graph.TOPIC["heartbeat"])
        )
        self._beat = self.create_timer(1.0 / HEARTBEAT_HZ, self._heartbeat, clock=self._steady)
        if not self.spec.managed:
            self.trigger_configure()
            self.trigger_activate()

    def build(self, parameters: P) -> Core:
        """Make the core. Raise a PhysicalAIError to refuse configuration with a reason."""
        raise NotImplementedError

    def opened(self) -> None:
        """Hook: topics are open and the core exists; add services, broadcasters, markers here."""

    def heard(self, topic: str, data: Any, stamp_s: float) -> None:
        """Hook: after the core handled a payload."""

    def said(self, output: Output) -> None:
        """Hook: after an output was published."""

    def close(self) -> None:
        """Hook: the process ends."""

    def now_s(self) -> float:
        """Time of the graph's clock (simulated where `use_sim_time`, else the system's)."""
        clock = self.get_clock()
        return float(clock.now().nanoseconds) * 1e-9 if clock.ros_time_is_active else time.time()

    @property
    def subscriptions(self) -> Iterator[Any]:
        """What the executor serves: all but those whose messages are kept until they are wanted."""
        for subscription in super().subscriptions:
            if not mail.is_kept(subscription) and not (self._own_clock and mail.serves_clock(subscription)):
                yield subscription

    # --- lifecycle ---

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        try:
            self.core = self.build(self.parameters)
            self._open()
        except Exception as error:  # rclpy would swallow it: the reason must reach the log and the heartbeat
            text = str(error) if isinstance(error, PhysicalAIError) else f"{type(error).__name__}: {error}"
            self._report_fault(f"Configuration refused. {text}")
            self._close_topics()
            return TransitionCallbackReturn.FAILURE
        return TransitionCallbackReturn.SUCCESS

    def _open(self) -> None:
        for topic in graph.said_by(self.spec.name):
            if topic.name != "heartbeat":
                self._mouths[topic.name] = self.create_publisher(
                    self._class_of(topic), topic.name, publisher_qos(topic)
                )
        for topic in graph.heard_by(self.spec.name):
            message, qos = self._class_of(topic), subscription_qos(topic)
            if topic.name in (*self.spec.samples, *self.spec.gathers):
                qos.depth = 1 if topic.name in self.spec.samples else max(qos.depth, int(GATHER_S * topic.rate_hz))
                ear = mail.keep(self, message, topic.name, qos)
                self._mail.append((topic, ear))
            elif topic.name in self.spec.defers:
                ear = mail.keep(self, message, topic.name, qos)
                self._later.append((topic, ear))
            else:
                ear = self.create_subscription(message, topic.name, partial(self._hear, topic), qos)
            self._ears.append(ear)
        self.opened()

    def _close_topics(self) -> None:
        for subscription in self._ears:
            self.destroy_subscription(subscription)
        for publisher in self._mouths.values():
            self.destroy_publisher(publisher)
        self._ears, self._mouths, self._mail, self._later, self.core = [], {}, [], [], None

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        self._active = True
        self._last_tick_s = None
        self._due_s = -math.inf
        # A full collection walks everything that libraries made at import: some 100 ms in which nothing ticks.
        gc.collect()
        gc.freeze()
        if self._clock_ear is None:
            clock = None if self.TICK is Tick.BY_CLOCK else self._steady
            self._ticker = self.create_timer(1.0 / self.spec.rate_hz, self._tick, clock=clock)
        return super().on_activate(state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        self._active = False
        if self._ticker is not None:
            self.destroy_timer(self._ticker)
            self._ticker = None
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        self._close_topics()
        self._fault, self._faults = "", 0
        return TransitionCallbackReturn.SUCCESS

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        self.on_deactivate(state)
        return self.on_cleanup(state)

    # --- traffic ---

    def _class_of(self, topic: graph.Topic) -> Any:
        if topic.data is m.Twist and not self.stamped_cmd_vel:
            return message_class("geometry_msgs/msg/Twist")
        return message_class(topic.ros_type)

    def _take_mail(self, gathered_only: bool = False) -> None:
        """Hand the core what was kept, in the order of the stamps."""
        if self.TICK is not Tick.BY_CLOCK:
            mail.read_clock(self)
        if not gathered_only:
            self._mail_s = time.monotonic()
        letters = []
        for topic, ear in self._mail:
            if not gathered_only or topic.name in self.spec.gathers:
                letters += [(_stamp_s(message), topic, message) for message, _ in mail.take(ear)]
        for _, topic, message in sorted(letters, key=_by_stamp):
            self._handle(topic, message)

    def _hear_clock(self, clock: Any) -> None:
        """One wake-up for the clock and the tick that is due by it."""
        mail.set_clock(self, clock)
        stamp_s, period_s = self.now_s(), 1.0 / self.spec.rate_hz
        if stamp_s < self._due_s - 2.0 * period_s:  # the clock was set back
            self._due_s = -math.inf
        if self._active and stamp_s > self._due_s - 0.1 * period_s:
            self._due_s = max(self._due_s, stamp_s - 0.5 * period_s) + period_s
            self._tick()

    def _hear(self, topic: graph.Topic, message: Any) -> None:
        """A message that woke the node; what was gathered until now comes before it.

        So do samples where their tick is overdue: a core that answers at once would take what lies unread for silence.
        """
        overdue = self._active and time.monotonic() - self._mail_s > OVERDUE_TICKS / self.spec.rate_hz
        self._take_mail(gathered_only=not overdue)
        self._handle(topic, message)

    def _handle(self, topic: graph.Topic, message: Any) -> None:
        if not self._active or self.core is None:
            return
        with_core = self.core

        def work() -> Iterable[Output]:
            try:
                data = decode(topic.data, message)
            except Exception as error:  # content of another form is the sender's fault, not the core's
                if not isinstance(with_core, Refuses):
                    raise
                with_core.refuse(topic.name, error.cause if isinstance(error, PhysicalAIError) else str(error))
                return ()
            stamp_s = getattr(data, "stamp_s", None)
            if stamp_s is None or stamp_s != stamp_s:  # no header
                stamp_s = self.now_s()
            outputs = with_core.handle(topic.name, data, stamp_s)
            self.heard(topic.name, data, stamp_s)
            return outputs

        self._run(work)

    def _tick(self) -> None:
        self._take_mail()
        stamp_s = self.now_s()
        if stamp_s <= 0.0 or self.core is None:  # simulated clock not heard yet
            return
        if self.TICK is Tick.STEADY and stamp_s == self._last_tick_s:
            return
        if self._last_tick_s is not None and stamp_s - self._last_tick_s > 1.5 / self.spec.rate_hz:
            self._late_ticks += 1
        self._last_tick_s = stamp_s
        self._ticks += 1
        self._run(partial(self.core.tick, stamp_s))
        for topic, ear in self._later:
            message = mail.take_oldest(ear)
            if message is not None:
                self._handle(topic, message)

    def _run(self, work: Callable[[], Iterable[Output]]) -> None:
        try:
            for output in work():
                self.say(output)
        except Exception as error:  # a core's fault must not take the process down: the layer below takes over
            self._report_fault(f"{type(error).__name__}: {error}")

    def say(self, output: Output) -> None:
        """Publish one output of the core."""
        publisher = self._mouths.get(output.topic)
        if publisher is None:
            raise KeyError(f"'{self.spec.name}' does not say '{output.topic}' in the graph table")
        topic = graph.TOPIC[output.topic]
        ros_type = topic.ros_type
        if topic.data is m.Twist and not self.stamped_cmd_vel:
            ros_type = "geometry_msgs/msg/Twist"
        publisher.publish(encode(ros_type, output.data))
        self.said(output)

    def _report_fault(self, text: str) -> None:
        self._faults += 1
        if text != self._fault:
            self._fault = text
            self.get_logger().error(text)

    # --- heartbeat ---

    def _heartbeat(self) -> None:
        health = self.core.health() if self.core is not None else Health(0, "not configured")
        if self._fault:
            health = Health(max(health.level, ERROR), self._fault, health.values)
        values = {
            "active": str(self._active).lower(),
            "pid": str(os.getpid()),
            "host": socket.gethostname(),
            "cpu_s": f"{time.process_time():.3f}",
            "ticks": str(self._ticks),
            "late_ticks": str(self._late_ticks),
            "faults": str(self._faults),
            **health.values,
        }
        status = m.Status(health.level, self.spec.name, health.message, values)
        beat = m.Diagnostics(self.now_s(), (status,))
        self._heart.publish(encode(graph.TOPIC["heartbeat"].ros_type, beat))


def _stamp_s(message: Any) -> float:
    """Stamp of the header in seconds; 0 where there is none."""
    stamp = getattr(getattr(message, "header", None), "stamp", None)
    return 0.0 if stamp is None else float(stamp.sec) + 1e-9 * stamp.nanosec


def _by_stamp(letter: tuple[float, graph.Topic, Any]) -> float:
    return letter[0]
