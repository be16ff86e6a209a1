"""Running one node as a process: the best executor this ROS has, and a clean end on SIGINT and SIGTERM."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from rclpy.task import Future

from physical_ai_core.errors import PhysicalAIError

SLICE_S = 0.2  # how long a spin may go without looking at the stop flag


def make_executor() -> Any:
    """EventsExecutor where this rclpy has one (half the CPU of the wait-set executor), else SingleThreaded."""
    try:
        from rclpy.experimental import EventsExecutor
    except ImportError:
        return SingleThreadedExecutor()
    return EventsExecutor()


def spin(executor: Any, stop: Callable[[], bool]) -> None:
    """Spin until `stop()`.

    In slices of `spin_until_future_complete`: the plain `spin()` of the events executor is unsound in Kilted.
    """
    never: Future = Future()
    while rclpy.ok() and not stop():
        try:
            executor.spin_until_future_complete(never, timeout_sec=SLICE_S)
        except ExternalShutdownException:
            return


def run_node(make: Callable[[], Node], args: list[str] | None = None) -> int:
    """Entry point of every node executable. Returns the exit code."""
    rclpy.init(args=args if args is not None else sys.argv, signal_handler_options=SignalHandlerOptions.NO)
    stopping = False

    def request_stop(_signal: int, _frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, request_stop)
    try:
        node = make()
    except PhysicalAIError as error:
        print(f"error: {error}", file=sys.stderr)
        rclpy.try_shutdown()
        return error.exit_code
    executor = make_executor()
    executor.add_node(node)
    try:
        spin(executor, lambda: stopping)
    finally:
        # Ctrl-C arrives twice, from the terminal and from the launcher: the second must not cut this short.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        close = getattr(node, "close", None)
        if close is not None:
            close()
        executor.remove_node(node)
        node.destroy_node()
        rclpy.try_shutdown()
    return 0
