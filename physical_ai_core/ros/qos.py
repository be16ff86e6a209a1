"""QoS profiles of the graph table as rclpy objects."""

from __future__ import annotations

from typing import Final

from rclpy.duration import Duration
from rclpy.qos import DurabilityPolicy, LivelinessPolicy, QoSProfile, ReliabilityPolicy

from physical_ai_core.graph import Qos, Topic

_RELIABLE, _BEST_EFFORT = ReliabilityPolicy.RELIABLE, ReliabilityPolicy.BEST_EFFORT
_FORM: Final = {
    Qos.SENSOR: (_BEST_EFFORT, 5),
    Qos.STATE: (_RELIABLE, 5),
    Qos.COMMAND: (_RELIABLE, 1),
    Qos.LATCHED: (_RELIABLE, 1),
    Qos.CLOCK: (_BEST_EFFORT, 1),
}
DEADLINE_PERIODS: Final = 5.0  # a publisher promises one message within so many periods
LEASE_S: Final = 1.0


def subscription_qos(topic: Topic) -> QoSProfile:
    """What a subscription asks for: no deadline, no liveliness; staleness is judged by stamps."""
    reliability, depth = _FORM[topic.qos]
    profile = QoSProfile(depth=depth, reliability=reliability)
    if topic.qos is Qos.LATCHED:
        profile.durability = DurabilityPolicy.TRANSIENT_LOCAL
    return profile


def publisher_qos(topic: Topic) -> QoSProfile:
    """What a publisher offers: the same, and for commands and states a deadline and automatic liveliness."""
    profile = subscription_qos(topic)
    if topic.qos in (Qos.STATE, Qos.COMMAND) and topic.rate_hz > 0.0:
        profile.deadline = Duration(seconds=DEADLINE_PERIODS / topic.rate_hz)
        profile.liveliness = LivelinessPolicy.AUTOMATIC
        profile.liveliness_lease_duration = Duration(seconds=LEASE_S)
    return profile
