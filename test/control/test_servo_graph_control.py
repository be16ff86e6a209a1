"""The servo over DDS between processes: whoever plans may die, and the command goes to zero without anybody's help."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from physical_ai_control.servo.consumer import SILENCE_S as SILENCE_OF_PATHS_S
from physical_ai_control.servo.consumer import VALIDITY_S, TrajectoryConsumer
from physical_ai_control.servo.link import Plan, ServoLink
from physical_ai_control.servo.mailbox import Mailbox, mailbox_path
from physical_ai_control.servo.settings import SILENCE_S, ServoSettings
from physical_ai_control.servo.tracking import Mode, ServoLimits
from physical_ai_core import messages as m

PRODUCER = Path(__file__).with_name("servo_producer.py")
REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "realtime"
PATIENCE_S = 120.0  # of a machine whose processors are all taken

Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a process; it is killed at the end."""
    started: list[subprocess.Popen[bytes]] = []

    def run(*command: str, **more: object) -> subprocess.Popen[bytes]:
        started.append(subprocess.Popen(command, **more))  # type: ignore[call-overload]
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.wait()


def until(done: Callable[[], bool], meanwhile: Callable[[], None] = lambda: None) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not done():
        assert time.monotonic() < deadline, "waited in vain"
        meanwhile()
        time.sleep(0.01)


class Listener:
    """Hears one topic of twists; `heard`: (stamp, linear)."""

    def __init__(self, topic: str) -> None:
        import rclpy

        from physical_ai_core.ros import mail
        from physical_ai_core.ros.encode import message_class

        rclpy.init()
        self._node = rclpy.create_node("listener")
        self._mail = mail
        self._ear = mail.keep(self._node, message_class("geometry_msgs/msg/TwistStamped"), topic, 1000)
        self.heard: list[tuple[float, float]] = []

    def look(self) -> None:
        for message, _ in self._mail.take(self._ear):
            stamp = message.header.stamp
            self.heard.append((stamp.sec + 1e-9 * stamp.nanosec, message.twist.linear.x))

    def drives(self) -> bool:
        self.look()
        return len(self.heard) > 20 and self.heard[-1][1] > 0.9

    def stands(self) -> bool:
        self.look()
        return self.heard[-1][1] == 0.0

    def close(self) -> None:
        import rclpy

        self._node.destroy_node()
        rclpy.try_shutdown()


@pytest.fixture
def listener(ros_env: dict[str, str]) -> Iterator[Listener]:
    made = Listener("cmd_vel_nav")
    yield made
    made.close()


@pytest.mark.graph
def test_a_consumer_brakes_within_the_validity_when_its_producer_is_killed(
    ros_env: dict[str, str], start: Start, listener: Listener
) -> None:
    producer = start(sys.executable, str(PRODUCER), "path", env=ros_env)
    start(sys.executable, "-m", "physical_ai_control.servo.consume.node", env=ros_env)
    until(listener.drives)
    producer.kill()
    producer.wait()
    ended_s = time.time()  # whatever path is still under way is stamped earlier
    until(lambda: listener.stands() and listener.heard[-1][0] > ended_s + VALIDITY_S)
    after = [v for stamp_s, v in listener.heard if stamp_s > ended_s + VALIDITY_S]
    assert max(v for _, v in listener.heard) == pytest.approx(1.0, abs=0.01)
    assert after[0] < 1.0
    assert all(b <= a for a, b in pairwise(after))


@pytest.mark.graph
def test_a_servo_whose_controller_is_killed_brakes_and_ends(
    ros_env: dict[str, str], start: Start, listener: Listener
) -> None:
    name = f"physical_ai_servo_test_{os.getpid()}"
    producer = start(sys.executable, str(PRODUCER), "mailbox", name, env=ros_env)
    until(listener.drives)
    producer.kill()
    producer.wait()
    ended_s = time.time()
    until(lambda: listener.stands() and not mailbox_path(name).exists())
    after = [v for stamp_s, v in listener.heard if stamp_s > ended_s + 1e-3]  # an orphan brakes in its next cycle
    assert after[0] < 1.0
    assert all(b <= a + 1e-9 for a, b in pairwise(after))


@pytest.mark.graph
def test_a_servo_whose_controller_lets_go_brakes_to_rest_before_it_ends(ros_env: dict[str, str], start: Start) -> None:
    name = f"physical_ai_servo_close_{os.getpid()}"
    link = ServoLink(ServoSettings(name, 200.0, 0.15, ServoLimits()), 0.1, 60.0, simulated=False)
    reader, said = Mailbox(mailbox_path(name)), [0.0]
    states = np.column_stack([np.arange(26) * 0.1, *np.zeros((2, 26)), np.ones(26), np.zeros(26)])
    sequence = 0

    def drive() -> None:
        nonlocal sequence
        sequence += 1
        now_s = time.time()
        link.tell(now_s, (0.0, 0.0), Plan(sequence, now_s, states, np.zeros((25, 2))), states[0])
        listen()

    def listen() -> None:
        reply = reader.reply.read_new()
        if reply is not None:
            said.append(reply[1])

    try:
        link.start()
        until(lambda: said[-1] == pytest.approx(1.0, abs=0.01) and link.speaks(), drive)
    finally:
        link.close()
    listen()
    reader.close()
    assert said[-1] == 0.0
    assert not mailbox_path(name).exists()


@pytest.mark.skipif(shutil.which("gcc") is None, reason="no C compiler")
def test_the_consumer_in_c_follows_the_mailbox_and_brakes_when_it_falls_silent(tmp_path: Path) -> None:
    program = tmp_path / "consumer"
    subprocess.run(
        ["gcc", "-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", f"-I{REFERENCE}", str(REFERENCE / "consumer.c"),
         "-o", str(program), "-lm", "-lrt"], check=True,
    )  # fmt: skip
    name = f"physical_ai_servo_c_{os.getpid()}"
    link = ServoLink(ServoSettings(name, 0.0, 0.15, ServoLimits()), 0.1, VALIDITY_S, simulated=False)
    reader = subprocess.Popen([str(program), name, str(PATIENCE_S)], stdout=subprocess.PIPE, text=True)
    said: list[tuple[float, float]] = []  # moment of CLOCK_MONOTONIC, speed

    def listen() -> None:
        assert reader.stdout is not None
        for line in reader.stdout:
            words = line.split()
            if line.endswith("\n"):  # the last is torn where it is killed
                said.append((float(words[0]), float(words[1])))

    listener = threading.Thread(target=listen)
    listener.start()
    states = np.column_stack([np.arange(26) * 0.1, *np.zeros((2, 26)), np.ones(26), np.zeros(26)])
    sequence, told_s = 0, 0.0

    def drive() -> None:
        nonlocal sequence, told_s
        sequence, now_s = sequence + 1, time.time()
        link.tell(now_s, (0.0, 0.0), Plan(sequence, now_s, states, np.zeros((25, 2))), states[0])
        told_s = time.monotonic()

    try:
        until(lambda: bool(said) and said[-1][1] == pytest.approx(1.0, abs=0.05), drive)
        until(lambda: said[-1][1] == 0.0)  # nobody writes any more
    finally:
        reader.kill()
        listener.join()
        reader.wait()
        link.close()
    assert max(speed for _, speed in said) == pytest.approx(1.0, abs=0.05)
    braking = [speed for moment_s, speed in said if moment_s > told_s + SILENCE_S + 2e-3]
    assert braking[0] < 1.0
    assert all(b <= a for a, b in pairwise(braking))


@pytest.mark.graph
def test_the_wheels_turn_by_the_allowed_velocity_and_stand_when_it_ends(ros_env: dict[str, str], start: Start) -> None:
    import rclpy

    from physical_ai_core.ros import mail
    from physical_ai_core.ros.encode import encode, message_class

    rclpy.init()
    node = rclpy.create_node("gate")
    kind = "geometry_msgs/msg/TwistStamped"
    mouth = node.create_publisher(message_class(kind), "cmd_vel", 1)
    ear = mail.keep(node, message_class("std_msgs/msg/Float64MultiArray"), "wheel_commands", 1000)
    doctor = mail.keep(node, message_class("diagnostic_msgs/msg/DiagnosticArray"), "/diagnostics", 1000)
    start(sys.executable, "-m", "physical_ai_control.servo.wheel.node", env=ros_env)
    heard: list[list[float]] = []
    reports: list[str] = []

    def look() -> None:
        heard.extend(list(message.data) for message, _ in mail.take(ear))
        reports.extend(status.message for message, _ in mail.take(doctor) for status in message.status)

    def allow(late_s: float = 0.0) -> None:
        mouth.publish(encode(kind, m.Twist(time.time() + late_s, "base_link", 1.0, 0.5)))
        look()

    try:
        until(lambda: any(wheels == pytest.approx([9.0, 11.0]) for wheels in heard), allow)
        until(lambda: heard[-1] == [0.0, 0.0], look)
        heard.clear()
        until(lambda: any("too old" in text for text in reports), lambda: allow(-10.0))
        assert all(wheels == [0.0, 0.0] for wheels in heard)
    finally:
        node.destroy_node()
        rclpy.try_shutdown()


def test_a_consumer_refuses_what_is_old_untimed_or_not_finite_and_times_out_by_its_own_clock() -> None:
    poses = np.column_stack([0.1 * np.arange(26), np.zeros(26), np.zeros(26)])
    stamps_s = 10.0 + 0.1 * np.arange(26)
    consumer = TrajectoryConsumer(ServoLimits())
    assert consumer.step(10.0, 0.0).mode is Mode.NO_TRAJECTORY
    assert consumer.hear(m.Path(10.0, "odom", poses, stamps_s), arrived_s=0.0)
    assert not consumer.hear(m.Path(10.0, "odom", poses, stamps_s), arrived_s=0.1)
    assert not consumer.hear(m.Path(11.0, "odom", poses, None), arrived_s=0.1)
    assert not consumer.hear(m.Path(11.0, "odom", poses * np.nan, stamps_s), arrived_s=0.1)
    assert consumer.refused == 3
    assert consumer.step(10.1, 0.1).linear_mps == pytest.approx(1.0)
    assert consumer.step(10.1, 0.2).mode is Mode.TRACKING  # the graph's clock stands …
    assert consumer.step(10.1, 0.01 + SILENCE_OF_PATHS_S).mode is Mode.SILENT  # … its own does not
    assert consumer.hear(m.Path(11.0, "odom", poses, stamps_s + 1.0), 0.6, valid_until_s=11.0)
    assert consumer.step(11.01, 0.61).mode is Mode.EXPIRED  # status said that nothing was to be followed


def test_a_mailbox_alone_has_no_process_and_leaves_the_commands_to_the_controller() -> None:
    name = f"physical_ai_servo_alone_{os.getpid()}"
    link = ServoLink(ServoSettings(name, 0.0, 0.15, ServoLimits()), 0.1, VALIDITY_S, simulated=False)
    link.tell(1.0, (0.3, 0.0), None, None)
    reader = Mailbox(mailbox_path(name))
    assert reader.present.read_new() is not None
    assert not link.speaks()
    reader.close()
    link.close()
    assert not mailbox_path(name).exists()
