"""The mailbox's file: one living writer, one user, whole or not there; and what leaves the controller's hand brakes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from physical_ai_control.servo import present as presents
from physical_ai_control.servo import reference as references
from physical_ai_control.servo.link import Plan, ServoLink
from physical_ai_control.servo.loop import run_loop
from physical_ai_control.servo.mailbox import SIZE, Mailbox, mailbox_name, mailbox_path
from physical_ai_control.servo.present import BRAKE, OBEY, Present
from physical_ai_control.servo.reference import Reference
from physical_ai_control.servo.servo import REST_S, Servo
from physical_ai_control.servo.settings import ServoSettings
from physical_ai_control.servo.shared_file import ForeignMailboxError, StaleMailboxError, TakenMailboxError
from physical_ai_control.servo.tracking import Command, Mode, ServoLimits
from physical_ai_core.errors import InputError

STEPS, DT_S = 25, 0.1
OWN = f"physical_ai_test.{os.getpid()}"


def straight() -> tuple[np.ndarray, np.ndarray]:
    along, zero = DT_S * np.arange(STEPS + 1), np.zeros(STEPS + 1)
    return np.column_stack([along, zero, zero, zero + 1.0, zero]), np.zeros((STEPS, 2))


@pytest.fixture
def left_behind(tmp_path: Path) -> Path:
    """The mailbox of a controller that was killed."""
    path = tmp_path / "mailbox"
    make = f"from pathlib import Path; from physical_ai_control.servo.mailbox import Mailbox; import os; \
Mailbox(Path({str(path)!r}), create=True); os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", make], check=False)
    assert path.stat().st_size == SIZE
    return path


def test_every_controller_of_a_host_has_a_name_of_its_own() -> None:
    places = [(0, "/"), (1, "/"), (1, "/a"), (1, "/a/b"), (1, "/a_b"), (11, "/")]
    names = [mailbox_name("base", domain, namespace) for domain, namespace in places]
    assert len(set(names)) == len(names)
    assert names[3] == "base.1.a.b"
    assert all(mailbox_path(name).parent == mailbox_path(names[0]).parent for name in names)


def test_a_second_controller_of_the_same_name_is_refused_and_the_first_drives_on(tmp_path: Path) -> None:
    path = tmp_path / "mailbox"
    first, reader = Mailbox(path, create=True), Mailbox(path)
    with pytest.raises(TakenMailboxError):
        Mailbox(path, create=True)
    first.present.write(np.arange(3.0))
    assert reader.present.read_new() == (0.0, 1.0, 2.0)
    reader.close()
    first.close()
    assert list(tmp_path.iterdir()) == []


def test_what_a_dead_controller_left_is_not_read_and_the_next_one_replaces_it(left_behind: Path) -> None:
    with pytest.raises(StaleMailboxError):
        Mailbox(left_behind)
    writer = Mailbox(left_behind, create=True)
    reader = Mailbox(left_behind)
    assert reader.present.read_new() is None
    reader.close()
    writer.close()
    assert list(left_behind.parent.iterdir()) == []


def test_who_ends_late_does_not_take_its_successors_file_away(tmp_path: Path) -> None:
    path = tmp_path / "mailbox"
    early = Mailbox(path, create=True)
    early.remove()
    late = Mailbox(path, create=True)
    early.close()
    reader = Mailbox(path)
    reader.close()
    late.close()


@pytest.mark.parametrize("mode", [0o644, 0o660, 0o400])
def test_a_file_that_others_may_open_is_refused_by_reader_and_writer(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "mailbox"
    writer = Mailbox(path, create=True)
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(mode)
    for create in (False, True):
        with pytest.raises(ForeignMailboxError):
            Mailbox(path, create=create)
    writer.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_another_users_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mailbox"
    writer = Mailbox(path, create=True)
    os.chown(path, 65534, -1)
    for create in (False, True):
        with pytest.raises(ForeignMailboxError, match="65534"):
            Mailbox(path, create=create)
    writer.close()


def test_a_link_a_pipe_and_a_folder_are_no_mailbox(tmp_path: Path) -> None:
    aim = Mailbox(tmp_path / "aim", create=True)
    (tmp_path / "link").symlink_to(tmp_path / "aim")
    os.mkfifo(tmp_path / "pipe", 0o600)
    (tmp_path / "folder").mkdir()
    for name in ("link", "pipe", "folder"):
        for create in (False, True):
            with pytest.raises(ForeignMailboxError):
                Mailbox(tmp_path / name, create=create)
    aim.close()


def test_a_mailbox_that_cannot_be_made_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        Mailbox(tmp_path / ("x" * 300), create=True)
    with pytest.raises(InputError):
        Mailbox(tmp_path / "absent" / "mailbox", create=True)
    assert list(tmp_path.iterdir()) == []


# --- the controller's hand taken away ---


@pytest.fixture
def link() -> Iterator[ServoLink]:
    settings = ServoSettings(f"{OWN}.link", 0.0, 0.15, ServoLimits())
    made = ServoLink(settings, DT_S, 60.0, simulated=False)
    yield made
    made.close()


def follow_of(reader: Mailbox) -> int:
    row = reader.present.read_new()
    assert row is not None
    return presents.unpack(row).follow


def test_the_controller_tells_its_servo_to_brake_and_to_drive_again(link: ServoLink) -> None:
    reader = Mailbox(link.mailbox.path)
    states, inputs = straight()
    link.tell(1.0, (0.0, 0.0), Plan(1, 1.0, states, inputs), states[0])
    assert follow_of(reader) == 1
    link.brake()
    assert follow_of(reader) == BRAKE
    link.tell(1.1, (0.0, 0.0), Plan(1, 1.0, states, inputs), states[0])
    assert follow_of(reader) == 1
    link.tell(1.2, (0.5, 0.0), None, states[0])
    assert follow_of(reader) == OBEY
    reader.close()


def driving_servo() -> Servo:
    servo = Servo(ServoLimits(), 0.15)
    states, inputs = straight()
    servo.take_reference(Reference(1, 0.0, 60.0, DT_S, 0.15, states, inputs, np.zeros((STEPS, 2, 5))))
    servo.take_present(Present(0.0, 0.0, 1.0, 1, 0.0, 0.0, None))
    assert servo.step(0.0) == (1.0, 0.0, Mode.TRACKING)
    return servo


def test_a_servo_told_to_brake_brakes_in_the_next_cycle_and_is_quiet_once_it_stands() -> None:
    servo = driving_servo()
    servo.take_present(Present(0.01, 0.01, 1.0, BRAKE, 0.0, 0.0, None))
    said = [servo.step(0.01 * k) for k in range(1, 61)]
    assert said[0].mode is Mode.TOLD
    assert said[0].linear_mps < 1.0
    assert all(b.linear_mps <= a.linear_mps for a, b in pairwise(said))
    assert said[-1].linear_mps == 0.0
    assert not servo.quiet
    servo.step(1.0 + REST_S)
    assert servo.quiet
    servo.take_present(Present(2.0, 2.0, 1.0, OBEY, 0.4, 0.0, None))
    assert servo.step(2.0) == (0.4, 0.0, Mode.DIRECT)
    assert not servo.quiet


def test_a_loop_that_is_asked_to_end_brakes_first_and_ends_at_rest(tmp_path: Path) -> None:
    writer = Mailbox(tmp_path / "mailbox", create=True)
    servo, said = Servo(ServoLimits(), 0.15, silence_s=60.0), []
    states, inputs = straight()
    plan = Reference(1, 0.0, 1e9, 1e6, 0.15, states, inputs, np.zeros((STEPS, 2, 5)))  # steps of days
    writer.reference.write(references.pack(plan))
    writer.present.write(presents.pack(Present(1.0, 1.0, 0.0, 1, 0.0, 0.0, None)))
    reader = Mailbox(tmp_path / "mailbox")

    def say(command: Command, _: float) -> None:
        said.append(command)
        writer.present.write(presents.pack(Present(1.0, 1e12, 0.0, 1, 0.0, 0.0, None)))  # never silent

    run_loop(servo, reader, 500.0, say, lambda values: None, lambda: len(said) < 20)
    braking = said[20:]
    assert {command.mode for command in braking} == {Mode.TOLD}
    assert all(b.linear_mps <= a.linear_mps for a, b in pairwise(braking))
    assert braking[-1][:2] == (0.0, 0.0)
    assert said[19].linear_mps == pytest.approx(1.0)
    reader.close()
    writer.close()


@pytest.mark.graph
def test_a_controller_that_is_deactivated_or_ends_leaves_braking_behind_it(ros_env: dict[str, str]) -> None:
    import rclpy

    from physical_ai_control.node import ControllerNode
    from physical_ai_control.parameters import ControllerParameters

    begin = f"{OWN}.node"
    path = mailbox_path(mailbox_name(begin, int(ros_env["ROS_DOMAIN_ID"]), "/robot"))
    rclpy.init(args=["--ros-args", "-r", "__ns:=/robot", "-p", f"servo_mailbox:={begin}"])
    node = ControllerNode("controller", ControllerParameters)
    try:
        node.trigger_configure()
        node.trigger_activate()
        node._tick()
        reader = Mailbox(path)
        assert follow_of(reader) == OBEY
        node.trigger_deactivate()
        assert follow_of(reader) == BRAKE
        node.trigger_activate()
        node._tick()
        assert follow_of(reader) == OBEY
        node.close()
        assert follow_of(reader) == BRAKE
        assert not path.exists()
        reader.close()
    finally:
        node.close()
        node.destroy_node()
        rclpy.try_shutdown()
