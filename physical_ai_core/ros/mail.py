"""Subscriptions that wake nobody: the middleware keeps the messages, the node takes them when it wants them.

Waking an executor for a message costs about ten times what taking it costs. A topic of which a tick wants only the
newest, or all since the last tick, needs no wake-up.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.time_source import TimeSource

CLOCK = "/clock"


def kept(_message: Any) -> None:
    """The callback that marks a subscription as one that is never called."""


def keep(node: Node, message: type[Any], topic: str, qos: QoSProfile, raw: bool = False, **more: Any) -> Any:
    """Subscribe quietly. `qos.depth` is how many messages wait; of more the oldest are lost."""
    return node.create_subscription(message, topic, kept, qos, raw=raw, **more)


def is_kept(subscription: Any) -> bool:
    return bool(subscription.callback is kept)


def take(subscription: Any) -> Iterator[tuple[Any, dict[str, Any]]]:
    """What waits, oldest first: message (or bytes) and the middleware's word on it, `received_timestamp` in ns."""
    with subscription.handle:
        while True:
            found = subscription.handle.take_message(subscription.msg_type, subscription.raw)
            if found is None:
                return
            yield found


def take_oldest(subscription: Any) -> Any:
    """The oldest that waits, or None; the rest waits on."""
    for message, _ in take(subscription):
        return message
    return None


def take_newest(subscription: Any) -> Any:
    """The newest that waits, or None."""
    newest = None
    for message, _ in take(subscription):
        newest = message
    return newest


def read_clock(node: Node) -> None:
    """Set the clock of a node on simulated time to the newest `/clock`, where no executor serves that topic."""
    for subscription in _clocks(node):
        newest = take_newest(subscription)
        if newest is not None:
            subscription.callback(newest)


def set_clock(node: Node, clock: Any) -> None:
    """Set it to a Clock message that arrived another way."""
    for subscription in _clocks(node):
        subscription.callback(clock)


def serves_clock(subscription: Any) -> bool:
    """True for the subscription by which rclpy itself keeps a node's simulated time."""
    if not isinstance(getattr(subscription.callback, "__self__", None), TimeSource):
        return False
    return bool(subscription.topic_name == CLOCK)  # the name is resolved anew each time it is asked for


def _clocks(node: Node) -> list[Any]:
    return [subscription for subscription in Node.subscriptions.fget(node) if serves_clock(subscription)]
