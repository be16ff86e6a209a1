"""The servo between two solutions: on the trajectory, inside the limits, and at rest once nobody vouches for it."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from closed_loop import World, straight
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import expm, solve_discrete_are

from physical_ai_control.servo import present as presents
from physical_ai_control.servo import reference as references
from physical_ai_control.servo.gains import TrackingGains, Weights, in_command_space
from physical_ai_control.servo.link import Pace, Plan, References
from physical_ai_control.servo.mailbox import Mailbox, Slot
from physical_ai_control.servo.present import Present
from physical_ai_control.servo.reference import Reference, of_poses
from physical_ai_control.servo.servo import Servo
from physical_ai_control.servo.settings import SILENCE_S
from physical_ai_control.servo.tracking import Command, Mode, ServoLimits, TrackingLaw
from physical_ai_core.errors import InputError
from physical_ai_core.geometry import Array

STEPS, DT_S, LAG_S, VALID_S = 25, 0.1, 0.15, 0.5
LIMITS = ServoLimits()
GAINS = TrackingGains(STEPS, DT_S, LAG_S)
any_number = st.floats(allow_nan=True, allow_infinity=True)


def bend(speed_mps: float = 1.0, yaw_rate_rps: float = 0.4, acceleration_mps2: float = 0.0) -> tuple[Array, Array]:
    """A trajectory of the model: constant acceleration on a constant yaw rate."""
    t = np.arange(STEPS + 1) * DT_S
    fine = np.linspace(0.0, t[-1], 2501)
    speed, yaw = speed_mps + acceleration_mps2 * fine, yaw_rate_rps * fine
    steps = np.diff(fine, prepend=0.0)
    x, y = np.cumsum(steps * speed * np.cos(yaw)), np.cumsum(steps * speed * np.sin(yaw))
    states = np.column_stack([x, y, yaw, speed, np.full(len(fine), yaw_rate_rps)])[::100]
    return states, np.tile([acceleration_mps2, 0.0], (STEPS, 1))


def reference(states: Array, inputs: Array, valid_s: float = VALID_S, gains: Array | None = None) -> Reference:
    return Reference(1, 0.0, valid_s, DT_S, LAG_S, states, inputs, GAINS(states, inputs) if gains is None else gains)


def drive(law: TrackingLaw, state: Array, seconds: float, feedback: bool = True) -> Array:
    """State after following the law at 500 Hz on a base of first order."""
    x, dt = state.copy(), 2e-3
    for k in range(round(seconds / dt)):
        u = law.command(k * dt, dt, x.tolist() if feedback else None)
        assert u.mode is Mode.TRACKING
        x += dt * np.array([x[3] * np.cos(x[2]), x[3] * np.sin(x[2]), x[4],
                            (u.linear_mps - x[3]) / LAG_S, (u.angular_rps - x[4]) / LAG_S])  # fmt: skip
    return x


@settings(max_examples=10, deadline=None)
@given(
    along=st.floats(-0.15, 0.15), left=st.floats(-0.15, 0.15), turn=st.floats(-0.2, 0.2),
    speed=st.floats(0.4, 1.5), yaw_rate=st.floats(-0.6, 0.6),
)  # fmt: skip
def test_feedback_takes_a_disturbance_back(
    along: float, left: float, turn: float, speed: float, yaw_rate: float
) -> None:
    states, inputs = bend(speed, yaw_rate)
    disturbed = states[0] + np.array([along, left, turn, 0.0, 0.0])
    weigh = np.array([1.0, 1.0, 0.5])

    def error_after(feedback: bool) -> float:
        law = TrackingLaw(LIMITS)
        law.take(reference(states, inputs, valid_s=3.0))
        return float(np.linalg.norm(weigh * (drive(law, disturbed, 2.4, feedback)[:3] - states[24, :3])))

    before = float(np.linalg.norm(weigh * np.array([along, left, turn])))
    with_feedback = error_after(True)
    assert with_feedback <= 0.75 * before + 0.01  # slowest: 0.72, far to the side at 0.4 m/s
    assert with_feedback <= error_after(False) + 0.01


def test_without_disturbance_the_base_stays_on_the_trajectory() -> None:
    states, inputs = bend(0.5, 0.3, 0.4)
    law = TrackingLaw(LIMITS)
    law.take(reference(states, inputs, valid_s=3.0))
    assert drive(law, states[0], 2.0)[:4] == pytest.approx(states[20, :4], abs=0.01)


@settings(max_examples=60, deadline=None)
@given(
    numbers=st.lists(any_number, min_size=21 + 8 + 40, max_size=21 + 8 + 40), now_s=any_number, dt_s=any_number,
    state=st.none() | st.lists(any_number, min_size=5, max_size=5), valid_s=any_number, step_s=any_number,
    last=st.tuples(any_number, any_number),
)  # fmt: skip
def test_whatever_it_is_given_the_command_is_finite_and_inside_the_limits(
    numbers: list[float], now_s: float, dt_s: float, state: list[float] | None, valid_s: float, step_s: float,
    last: tuple[float, float],
) -> None:  # fmt: skip
    row = np.array(numbers)
    held = Reference(
        1, 0.0, valid_s, step_s, LAG_S, np.resize(row[:21], (5, 5)), row[21:29].reshape(4, 2), row[29:].reshape(4, 2, 5)
    )
    law = TrackingLaw(LIMITS)
    law.last = LIMITS.clip(*last) if np.isfinite(last).all() else last
    law.take(held)
    linear, angular, mode = law.command(now_s, dt_s, state)
    assert -LIMITS.reverse_mps <= linear <= LIMITS.top_mps
    assert abs(angular) <= LIMITS.yaw_rate_rps
    assert isinstance(mode, Mode)


@settings(max_examples=60, deadline=None)
@given(speed=st.floats(-0.5, 2.0), yaw_rate=st.floats(-2.0, 2.0), dt_s=st.floats(5e-4, 0.05))
def test_past_its_validity_it_brakes_monotonely_to_rest(speed: float, yaw_rate: float, dt_s: float) -> None:
    states, inputs = bend(1.0)
    law = TrackingLaw(LIMITS)
    law.take(reference(states, inputs))
    law.last = (speed, yaw_rate)
    said = [Command(*law.last, Mode.TRACKING)]
    longest_s = abs(speed) / LIMITS.braking_mps2 + abs(yaw_rate) / LIMITS.yaw_braking_rps2
    for k in range(math.ceil(longest_s / dt_s) + 3):
        said.append(law.command(VALID_S + 1e-6 + k * dt_s, dt_s, states[0].tolist()))
        assert said[-1].mode is Mode.EXPIRED
        assert abs(said[-1].linear_mps) <= abs(said[-2].linear_mps)
        assert abs(said[-1].angular_rps) <= abs(said[-2].angular_rps)
        assert said[-1].linear_mps * speed >= 0.0
    assert said[-1][:2] == (0.0, 0.0)


def test_not_a_number_in_the_state_brakes_and_says_so_and_a_good_state_drives_again() -> None:
    states, inputs = bend(1.0)
    law = TrackingLaw(LIMITS)
    law.take(reference(states, inputs))
    first = law.command(0.0, 1e-3, states[0].tolist())
    bad = law.command(1e-3, 1e-3, [math.nan, 0.0, 0.0, 1.0, 0.0])
    assert bad.mode is Mode.NOT_FINITE
    assert bad.linear_mps < first.linear_mps
    assert law.command(2e-3, 1e-3, states[0].tolist()).mode is Mode.TRACKING


def test_a_state_far_from_the_trajectory_is_not_tracked() -> None:
    states, inputs = bend(1.0)
    law = TrackingLaw(LIMITS)
    law.take(reference(states, inputs))
    assert law.command(0.1, 1e-3, (states[1] + [0.0, 0.6, 0.0, 0.0, 0.0]).tolist()).mode is Mode.OFF


def test_a_turn_on_the_spot_does_not_creep() -> None:
    states, inputs = bend(0.0, 0.8)
    law = TrackingLaw(LIMITS)
    law.take(reference(states, inputs))
    command = law.command(0.1, 1e-3, (states[1] + [0.05, 0.0, 0.0, 0.0, 0.0]).tolist())
    assert command.linear_mps == 0.0
    assert command.angular_rps > 0.5


def test_a_trajectory_that_never_reverses_is_not_reversed_on() -> None:
    states, inputs = bend(0.1, 0.0)
    law = TrackingLaw(LIMITS)
    law.take(reference(states, inputs))
    ahead = states[0].copy()
    ahead[0] += 0.3
    assert law.command(0.02, 2e-3, ahead.tolist()).linear_mps == 0.0


def test_far_from_the_end_the_gains_are_those_of_the_stationary_riccati_equation() -> None:
    states, inputs = bend(1.0, 0.0)
    rates = np.zeros((5, 5))
    rates[0, 3] = rates[2, 4] = rates[1, 2] = 1.0  # straight ahead at 1 m/s
    rates[3, 3] = rates[4, 4] = -1.0 / LAG_S
    pushes = np.zeros((5, 2))
    pushes[3, 0] = pushes[4, 1] = 1.0 / LAG_S
    both = expm(DT_S * np.block([[rates, pushes], [np.zeros((2, 7))]]))
    a, b, w = both[:5, :5], both[:5, 5:], Weights()
    spread = [w.position_m, w.position_m, w.yaw_rad, w.speed_mps, w.yaw_rate_rps]
    q, r = np.diag(1.0 / np.square(spread)), np.diag(1.0 / np.square([w.correction_mps, w.correction_rps]))
    value = solve_discrete_are(a, b, q, r)
    wanted = -np.linalg.solve(r + b.T @ value @ b, b.T @ value @ a)
    assert GAINS(states, inputs)[0] == pytest.approx(wanted, abs=0.1)  # the horizon is not endless


def test_gains_on_the_acceleration_and_on_the_command_move_the_base_alike() -> None:
    rng = np.random.default_rng(0)
    gains, error = rng.normal(size=(3, 2, 5)), rng.normal(size=5)
    commands = in_command_space(gains, LAG_S) @ error  # beyond v_ref + lag · dv_ref
    moved = (commands - error[3:]) / LAG_S  # of a base of first order, beyond dv_ref
    assert moved == pytest.approx(gains @ error)


def present(now_s: float, follow: int = 1, state: tuple[float, ...] | None = (0.0, 0.0, 0.0, 1.0, 0.0)) -> Present:
    return Present(now_s, now_s, 1.0, follow, 0.7, 0.1, state)


def test_the_servo_follows_obeys_and_brakes_when_the_controller_falls_silent() -> None:
    states, inputs = bend(1.0, 0.0)
    servo = Servo(LIMITS, LAG_S)
    assert servo.step(0.0) == (0.0, 0.0, Mode.NO_TRAJECTORY)
    servo.take_reference(reference(states, inputs))
    servo.take_present(present(0.0))
    assert servo.step(0.01).mode is Mode.TRACKING
    servo.take_present(present(0.1, follow=-1))
    assert servo.step(0.11) == (0.7, 0.1, Mode.DIRECT)
    servo.take_present(present(0.45))
    modes = [servo.step(0.45 + 1e-3 * k).mode for k in range(1500)]
    assert modes[0] is Mode.TRACKING
    assert modes[60] is Mode.EXPIRED
    assert modes[round(SILENCE_S / 1e-3) + 2] is Mode.SILENT
    assert modes[-1] is Mode.SILENT
    assert servo.law.last == (0.0, 0.0)


def test_a_graph_whose_clock_stands_does_not_keep_a_dead_controller_valid() -> None:
    states, inputs = bend(1.0, 0.0)
    servo = Servo(LIMITS, LAG_S)
    servo.take_reference(reference(states, inputs))
    servo.take_present(present(0.0)._replace(pace=0.0))
    said = [servo.step(1e-2 * k) for k in range(600)]
    assert said[10].mode is Mode.TRACKING
    assert said[round(SILENCE_S / 1e-2) + 2].mode is Mode.SILENT
    assert said[-1][:2] == (0.0, 0.0)


def test_a_word_that_is_not_finite_leaves_the_last_to_age() -> None:
    servo = Servo(LIMITS, LAG_S)
    servo.take_present(present(0.0, follow=-1))
    servo.take_present(present(math.nan, follow=-1))
    assert servo.step(0.1).mode is Mode.DIRECT
    assert servo.step(0.3).mode is Mode.SILENT


def test_records_come_back_as_they_were_written() -> None:
    states, inputs = bend(1.0)
    held = reference(states, inputs)
    again = references.unpack(references.pack(held))
    assert all(np.array_equal(a, b) for a, b in zip(held, again, strict=True))
    for word in (present(1.0), present(2.0, -1, None)):
        assert presents.unpack(presents.pack(word).tolist()) == word
    with pytest.raises(InputError):
        references.unpack([1.0, 2.0])


def test_a_mailbox_gives_each_record_once_and_never_half_of_one(tmp_path: Path) -> None:
    path = tmp_path / "mailbox"
    writer = Mailbox(path, create=True)
    reader = Mailbox(path)
    assert reader.present.read_new() is None
    writer.present.write(np.arange(11.0))
    assert reader.present.read_new() == tuple(range(11))
    assert reader.present.read_new() is None
    memory = reader._map
    start = memory.find(np.arange(11.0).tobytes())
    writer.present.write(np.arange(11.0))
    memory[start + 9] ^= 1  # as where two halves of different records met
    assert reader.present.read_new() is None
    writer.present.write(np.ones(3))
    assert reader.present.read_new() == (1.0, 1.0, 1.0)
    with pytest.raises(InputError):
        writer.present.write(np.zeros(1000))
    reader.close()
    writer.close()
    assert not path.exists()
    with pytest.raises(InputError):
        Mailbox(path)


def test_a_writer_that_died_in_the_middle_is_not_read() -> None:
    buffer = memoryview(bytearray(16 + 8 * 4))
    writer, reader = Slot(buffer, 0, 4), Slot(buffer, 0, 4)
    writer.write(np.ones(2))
    assert reader.read_new() == (1.0, 1.0)
    buffer[:8].cast("Q")[0] += 1  # odd: being written
    assert reader.read_new() is None
    writer.write(np.zeros(2))  # the one who comes after mends it
    assert reader.read_new() == (0.0, 0.0)


def test_a_path_alone_gives_the_speeds_that_drew_it() -> None:
    states, _ = bend(0.8, 0.5)
    held = of_poses(3, states[:, :3], np.arange(STEPS + 1) * DT_S, 0.5)
    assert held.states[:, 3] == pytest.approx(0.8, abs=0.01)
    assert held.states[:, 4] == pytest.approx(0.5, abs=1e-6)
    with pytest.raises(InputError):
        of_poses(3, np.full((4, 3), np.nan), np.arange(4.0), 0.5)
    with pytest.raises(InputError):
        of_poses(3, np.zeros((4, 3)), np.zeros(4), 0.5)


class ServoWorld(World):
    """The closed world with a servo of 200 Hz between the controller's ticks."""

    servo = Servo(LIMITS, LAG_S)

    def _move(self, dt: float) -> None:
        if self.k == 0:
            self.servo, self.references, self.tracked = Servo(LIMITS, LAG_S), References(DT_S, LAG_S, VALID_S), 0
        if self.k % 2 == 0:
            told = self.controller.following
            if told.drive is not None:
                plan = Plan(told.sequence, told.begun_s, told.drive.states, told.drive.inputs)
                self.servo.take_reference(self.references(plan, told.drive))
            state = None if told.state is None else tuple(told.state.tolist())
            follow = -1 if told.drive is None else told.sequence
            self.servo.take_present(Present(self.t, self.t, 1.0, follow, *self.command, state))
        for k in range(2):
            said = self.servo.step(self.t + k * dt / 2)
            self.tracked += said.mode is Mode.TRACKING
            self.command = np.array(said[:2])
            super()._move(dt / 2)


def test_with_the_servo_the_robot_arrives_and_touches_nobody() -> None:
    world = ServoWorld(seed=1, people=np.array([[3.0, -2.0, 0.0, 0.6]]), discs=np.array([[2.0, 0.35, 0.2]]))
    world.plan(straight(4.0))
    outcome = world.run(12.0)
    assert outcome.contacts == 0
    assert outcome.arrived_s < 10.0  # without a servo: 6.9 s
    assert world.tracked > 400


def test_the_pace_of_a_simulated_clock_is_measured_and_the_systems_is_one() -> None:
    pace = Pace(simulated=True)
    found = [pace(0.3 * 0.02 * k, 0.02 * k) for k in range(100)]
    assert found[-1] == pytest.approx(0.3)
    assert pace(0.0, 2.02) == 1.0  # set back: it begins anew
    assert Pace(simulated=False)(5.0, 1.0) == 1.0
