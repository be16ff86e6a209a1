"""The robot's own next seconds: bounded whatever it is fed, kinematic without a model, better on slippery ground."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from physical_ai_core.errors import ModelError
from physical_ai_core.geometry import gravity_in_base, quaternion_of_yaw
from physical_ai_world_model.own_motion import dynamics, telling, weights
from physical_ai_world_model.own_motion.kinematic import follow_command, follow_commands
from physical_ai_world_model.own_motion.model import Ahead, OwnMotion
from physical_ai_world_model.own_motion.trust import Trust

TIMES = np.array([0.0, 0.2, 0.5, 1.0, 2.0, 3.0])
LAG_S = 0.15
number = st.floats(-1e3, 1e3)
ODD = st.one_of(st.floats(-3, 3), st.just(math.nan), st.just(math.inf), st.floats(-1e9, 1e9))


def fed(own: OwnMotion, seconds: float = 2.0, v: float = 1.0, w: float = 0.0, every_s: float = 0.02) -> float:
    """Feed a steady drive that does what it is told; the stamp of the last state."""
    stamp_s = yaw = x = y = 0.0
    for k in range(round(seconds / every_s)):
        stamp_s = k * every_s
        own.observe(stamp_s, np.array([x, y, yaw]), np.array([v, 0.0, w]))
        own.command(stamp_s, v, w)
        x, y, yaw = x + v * every_s * math.cos(yaw), y + v * every_s * math.sin(yaw), yaw + w * every_s
    return stamp_s


def assert_sane(ahead: Ahead) -> None:
    assert np.isfinite(ahead.poses).all() and np.isfinite(ahead.covariance).all()
    assert np.all(np.linalg.eigvalsh(ahead.covariance) > 0.0)


# Dynamics


@given(
    z=st.lists(number, min_size=telling.OUTPUTS, max_size=telling.OUTPUTS), twist=st.tuples(*[st.floats(-5, 5)] * 3),
    pull=st.tuples(st.floats(-5, 5), st.floats(-5, 5)), command=st.tuples(st.floats(-10, 10), st.floats(-20, 20)),
    step_s=st.floats(1e-4, 0.2),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_whatever_the_network_says_the_robot_stays_within_its_speed_bound(z, twist, pull, command, step_s) -> None:  # type: ignore[no-untyped-def]
    said = telling.told(z, pull[0], pull[1], 0.3, math)
    start = dynamics.Motion(0.0, 0.0, 0.3, twist[0], twist[1], twist[2], 0.0, 0.0, 0.0, 0.0)
    path = dynamics.roll_out(dynamics.Base(), start, said.ground, [command] * 40, step_s, math)
    bound = math.hypot(dynamics.SPEED_BOUND_MPS, dynamics.SPEED_BOUND_MPS) * step_s
    for a, b in itertools.pairwise(path):
        assert all(map(math.isfinite, b))
        assert math.hypot(b.x - a.x, b.y - a.y) <= bound * 1.001
        assert abs(b.w) <= dynamics.YAW_RATE_BOUND_RPS
    assert all(v > 0.0 for v in telling.variances(said.spread, 2.0))


def roll(
    traction: float,
    command: tuple[float, float],
    seconds: float,
    step_s: float = 0.02,
    pull: float = 0.0,
    v: float = 0.0,
) -> dynamics.Motion:
    start = dynamics.Motion(0.0, 0.0, 0.0, v, 0.0, 0.0, v, 0.0, v, 0.0)
    ground = dynamics.Ground(traction, 1.0, 1.0, pull, 0.0)
    commands = [command] * round(seconds / step_s)
    return dynamics.roll_out(dynamics.Base(), start, ground, commands, step_s, math)[-1]


def test_on_dry_ground_it_soon_does_what_it_is_told() -> None:
    end = roll(9.81, (1.2, 0.8), 2.0)
    assert end.v == pytest.approx(1.2, abs=0.02) and end.w == pytest.approx(0.8, abs=0.02)
    assert abs(end.u) < 0.05


def test_on_ice_it_gathers_and_loses_speed_no_faster_than_traction() -> None:
    assert roll(0.5, (1.5, 0.0), 1.0).v == pytest.approx(0.5, rel=0.1)
    assert roll(0.5, (0.0, 0.0), 1.0, v=1.5).v == pytest.approx(1.0, rel=0.1)


def test_on_ice_a_bend_carries_it_outwards() -> None:
    end = roll(0.5, (1.5, 1.5), 1.5, v=1.5)
    assert end.u < -0.3  # a bend to the left, slides to the right


def test_a_slope_moves_what_stands_on_dry_ground_hardly_and_what_stands_on_ice_away() -> None:
    assert abs(roll(9.81, (0.0, 0.0), 2.0, pull=-0.5).v) < 0.02
    assert roll(0.3, (0.0, 0.0), 2.0, pull=-0.5).v < -0.3


@given(traction=st.floats(0.3, 10.0), v=st.floats(-0.5, 1.5), w=st.floats(-1.5, 1.5), pull=st.floats(-0.5, 0.5))
@example(traction=0.75, v=1.0, w=1.0, pull=0.5)
@settings(max_examples=12, deadline=None)
def test_the_length_of_a_step_hardly_matters(traction: float, v: float, w: float, pull: float) -> None:
    fine, usual = (roll(traction, (v, w), 2.0, step_s, pull) for step_s in (0.01, dynamics.STEP_S))
    slides = math.hypot(v * w, pull) > traction  # in a bend at the edge of grip, a step decides when it breaks away
    assert math.hypot(fine.x - usual.x, fine.y - usual.y) < (0.3 if slides else 0.06)


# Runtime


def test_the_shipped_weights_are_those_of_their_card_and_speak_on_a_steady_drive() -> None:
    own = OwnMotion(LAG_S)
    assert own.missing == ""
    stamp_s = fed(own)
    ahead = own.predict(stamp_s, TIMES)
    assert ahead.reason == ""
    assert_sane(ahead)
    moved = ahead.poses[:, 0] - ahead.poses[0, 0]
    np.testing.assert_allclose(moved, TIMES, atol=0.12)
    assert np.all(np.diff(ahead.covariance[:, 0, 0]) > 0.0)


def test_without_weights_it_is_the_kinematic_model_and_says_why(tmp_path: Path) -> None:
    own = OwnMotion(LAG_S, folder=tmp_path)
    stamp_s = fed(own, 1.0, 0.8, 0.5)
    own.command(stamp_s, 0.2, -0.6)
    ahead = own.predict(stamp_s, TIMES)
    pose = own.pose_at(stamp_s).pose
    wanted = follow_command(pose, np.array([0.8, 0.5]), np.array([0.2, -0.6]), LAG_S, np.linspace(0.0, 3.0, 301))
    np.testing.assert_allclose(ahead.poses[:, :2], wanted[np.round(TIMES * 100).astype(int), :2], atol=2e-3)
    assert "cannot be read" in ahead.reason
    assert_sane(ahead)


def _copy(folder: Path) -> Path:
    shutil.copytree(weights.default_folder(), folder, dirs_exist_ok=True)
    return folder / weights.FILE


def _sign(folder: Path, content: bytes) -> None:
    (folder / weights.FILE).write_bytes(content)
    card = {"file": weights.FILE, "sha256": hashlib.sha256(content).hexdigest()}
    (folder / weights.CARD).write_text(yaml.safe_dump(card), encoding="utf-8")


def test_damaged_weights_are_refused_by_their_hash_and_the_kinematic_model_goes_on(tmp_path: Path) -> None:
    path = _copy(tmp_path)
    content = bytearray(path.read_bytes())
    content[-7] ^= 0x40
    path.write_bytes(content)
    own = OwnMotion(LAG_S, folder=tmp_path)
    assert "not those of their card" in own.missing
    assert_sane(own.predict(fed(own), TIMES))


def test_weights_of_another_architecture_are_refused_by_name(tmp_path: Path) -> None:
    from safetensors.numpy import save

    _sign(tmp_path, save({"a": np.zeros(2, np.float32)}, {"architecture": "other-9"}))
    with pytest.raises(ModelError, match="other-9"):
        weights.load(tmp_path)


@pytest.mark.parametrize("spoil", ["nan", "lacking", "constants", "noise"])
def test_weights_without_sense_are_refused(tmp_path: Path, spoil: str) -> None:
    from safetensors.numpy import load, save

    content = _copy(tmp_path).read_bytes()
    tensors = dict(load(content))
    metadata = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])["__metadata__"]
    if spoil == "nan":
        tensors["head.weight"] = np.full_like(tensors["head.weight"], np.nan)
    elif spoil == "lacking":
        del tensors["encoder.embed.bias"]
    elif spoil == "constants":
        said = json.loads(metadata[weights.ENTRY])
        said["base"]["lag_s"] = 0.0
        metadata[weights.ENTRY] = json.dumps(said)
    _sign(tmp_path, save(tensors, metadata) if spoil != "noise" else b"no safetensors at all")
    with pytest.raises(ModelError):
        weights.load(tmp_path)


@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from([0.0, 0.001, 0.02, 0.05, 0.3, 10.0, -0.02, -5.0, math.nan]),
            st.lists(ODD, min_size=8, max_size=8),
        ),
        max_size=40,
    )
)  # fmt: skip
@settings(max_examples=40, deadline=None)
def test_no_input_makes_it_say_what_is_not_finite(rows: list[tuple[float, list[float]]]) -> None:
    own = OWN
    own.clear()
    stamp_s = 100.0
    for dt_s, values in rows:
        own.observe(stamp_s + dt_s, np.array([1.0, 2.0, values[0]]), np.array(values[1:4]), np.array(values[4:6]))
        own.command(stamp_s + dt_s, values[6], values[7])
        stamp_s = stamp_s + dt_s if math.isfinite(dt_s) else stamp_s
        assert_sane(own.predict(stamp_s, TIMES))
    assert np.isfinite(own.pose_at(stamp_s + 0.1).pose).all()
    assert_sane(own.predict(math.nan, TIMES))


OWN = OwnMotion(LAG_S)


def test_a_silence_makes_it_begin_anew_and_the_same_stamp_twice_changes_nothing() -> None:
    own = OwnMotion(LAG_S)
    stamp_s = fed(own)
    before = own.predict(stamp_s, TIMES)
    own.observe(stamp_s, np.zeros(3), np.array([9.0, 0.0, 0.0]))
    np.testing.assert_array_equal(own.predict(stamp_s, TIMES).poses, before.poses)
    assert own.predict(stamp_s + 1.0, TIMES).reason == "the state is too old"
    own.observe(stamp_s + 10.0, np.zeros(3), np.array([1.0, 0.0, 0.0]))
    assert own.predict(stamp_s + 10.0, TIMES).reason == "the history is too short"
    own.observe(stamp_s - 50.0, np.zeros(3), np.array([1.0, 0.0, 0.0]))  # a bag that began anew
    assert own.fallback(stamp_s - 50.0) == "the history is too short"


def test_what_it_says_hardly_depends_on_the_rate_of_the_state() -> None:
    said = []
    for every_s in (0.01, 0.02, 0.05):
        own = OwnMotion(LAG_S)
        stamp_s = fed(own, 3.0, 0.9, 0.6, every_s)
        pose = own.pose_at(stamp_s).pose
        ahead = own.predict(stamp_s, TIMES).poses - pose
        c, s = math.cos(pose[2]), math.sin(pose[2])
        said.append(ahead[:, :2] @ np.array([[c, -s], [s, c]]))
    np.testing.assert_allclose(said[0], said[1], atol=0.03)
    np.testing.assert_allclose(said[0], said[2], atol=0.06)


@pytest.mark.parametrize("hybrid", [True, False])
def test_delay_is_made_up_for_by_the_state_in_which_a_command_takes_effect(tmp_path: Path, hybrid: bool) -> None:
    delay_s = 0.1
    own = OwnMotion(LAG_S, delay_s, None if hybrid else tmp_path)
    stamp_s = fed(own)
    own.command(stamp_s, 0.0, 0.0)
    at_effect = own.pose_at(own.effect_stamp_s(stamp_s))
    assert at_effect.twist[0] > 0.9  # not felt yet
    assert at_effect.pose[0] == pytest.approx(own.pose_at(stamp_s).pose[0] + delay_s, abs=0.02)
    later = own.pose_at(stamp_s + delay_s + 0.3)
    assert later.twist[0] < 0.7  # felt
    ahead = own.predict(stamp_s, np.array([delay_s + 0.3])).poses[0]
    np.testing.assert_allclose(later.pose, ahead, atol=0.01)


@pytest.mark.parametrize("hybrid", [True, False])
def test_after_the_commands_fell_silent_the_base_is_known_to_brake(tmp_path: Path, hybrid: bool) -> None:
    own = OwnMotion(LAG_S, folder=None if hybrid else tmp_path)
    stamp_s = fed(own)
    for k in range(1, 16):  # the state goes on for 0.3 s, the commands do not
        own.observe(stamp_s + 0.02 * k, np.array([0.02 * k, 0.0, 0.0]), np.array([1.0, 0.0, 0.0]))
    moved = own.predict(stamp_s + 0.3, TIMES).poses
    assert moved[-1, 0] - moved[0, 0] < 1.2
    own.command(stamp_s + 0.1, 1.0, 0.0)  # one that was only late
    own.command(stamp_s + 0.3, 1.0, 0.0)
    moved = own.predict(stamp_s + 0.3, TIMES).poses
    assert moved[-1, 0] - moved[0, 0] > 2.0


def test_commands_that_are_known_replace_the_one_in_force() -> None:
    own = OwnMotion(LAG_S)
    stamp_s = fed(own)
    held = own.predict(stamp_s, TIMES).poses
    stop = own.predict(stamp_s, TIMES, (np.array([stamp_s + 0.5]), np.zeros((1, 2)))).poses
    np.testing.assert_allclose(held[:3], stop[:3], atol=0.01)
    assert stop[-1, 0] < held[-1, 0] - 1.0


@pytest.mark.parametrize(
    ("stamps", "values"),
    [
        ([2.0, 1.9], [[1, 0], [1, 0]]),
        ([math.nan], [[1, 0]]),
        ([2.0], [[math.inf, 0]]),
        ([2.0, 2.1], [[1, 0]]),
        ([], []),
    ],
)
def test_commands_that_make_no_sequence_are_left_out_and_counted(
    stamps: list[float], values: list[list[float]]
) -> None:
    own = OwnMotion(LAG_S)
    stamp_s = fed(own)
    odd = own.predict(stamp_s, TIMES, (np.array(stamps), np.array(values, dtype=float)))
    np.testing.assert_array_equal(odd.poses, own.predict(stamp_s, TIMES).poses)
    assert own.refused == 1


def test_a_hybrid_that_was_farther_off_than_the_kinematic_model_is_not_believed_until_it_is_better_again() -> None:
    trust = Trust()
    wrong = dynamics.Motion(0.5, 0.0, 0.0, *[0.0] * 7)
    for _ in range(8):
        trust.take(np.zeros(3), wrong, np.zeros(3), (0.01, 0.01), 0.6)
    assert "farther off" in trust.reason and trust.inflation > 3.0
    right = wrong._replace(x=0.0)
    for _ in range(16):
        trust.take(np.zeros(3), right, np.array([0.3, 0.0, 0.0]), (0.01, 0.01), 0.6)
    assert trust.reason == "" and trust.inflation == 1.0


def test_attitude_tells_which_way_gravity_pulls() -> None:
    np.testing.assert_allclose(gravity_in_base(quaternion_of_yaw(1.0)), 0.0, atol=1e-12)
    nose_down = np.array([0.0, math.sin(0.05), 0.0, math.cos(0.05)])  # pitch 0.1 rad
    np.testing.assert_allclose(gravity_in_base(nose_down), [9.81 * math.sin(0.1), 0.0], atol=1e-6)
    left_up = np.array([math.sin(0.05), 0.0, 0.0, math.cos(0.05)])  # roll 0.1 rad
    np.testing.assert_allclose(gravity_in_base(left_up), [0.0, -9.81 * math.sin(0.1)], atol=1e-6)
    assert np.isfinite(gravity_in_base(np.full(4, np.nan))).all()


def test_a_trajectory_gives_the_commands_that_drive_along_it() -> None:
    from physical_ai_world_model.own_motion import commands_along

    times = np.linspace(0.0, 2.5, 26)
    poses = follow_command(np.array([1.0, -2.0, 3.0]), np.array([0.9, 0.8]), np.array([0.9, 0.8]), LAG_S, times)
    stamps, values = commands_along(poses, 50.0 + times, 0.1)
    np.testing.assert_allclose(stamps, 49.9 + times)
    np.testing.assert_allclose(values[:-1], np.tile([0.9, 0.8], (25, 1)), atol=1e-2)
    twice = np.repeat(times, 2)
    assert np.isfinite(commands_along(np.repeat(poses, 2, axis=0), twice)[1]).all()


def test_one_command_held_is_the_same_in_both_kinematic_forms() -> None:
    pose, twist, command = np.array([1.0, 2.0, 0.5]), np.array([0.4, -0.2]), np.array([1.1, 0.7])
    fine = follow_command(pose, twist, command, LAG_S, np.linspace(0.0, 2.0, 201))
    np.testing.assert_allclose(follow_commands(pose, twist, np.tile(command, (200, 1)), LAG_S, 0.01), fine, atol=1e-9)


# Against training and simulator


def test_training_and_runtime_say_the_same() -> None:
    torch = pytest.importorskip(
        "torch", reason="torch is not installed (extra `language`): equality with training unseen"
    )
    pytest.importorskip("mujoco", reason="mujoco is not installed (extra `sim`)")
    from physical_ai_learning.world_model.own_data import commands_ahead, hear
    from physical_ai_learning.world_model.own_network import Moment, OwnModel
    from physical_ai_learning.world_model.own_record import record

    mission = record(57, 8.0)
    found = weights.load(weights.default_folder())
    model = OwnModel(found.base, found.shape)
    state = {name: torch.from_numpy(value) for name, value in found.tensors.items()}
    model.load_state_dict({**state, "constants": torch.zeros(3)})
    heard = hear(mission, found.base, None)
    row = np.array([220])
    twist, points, pull = (torch.from_numpy(part[row]) for part in (heard.twist, heard.points, heard.pull))
    at = Moment(twist, points, pull, torch.from_numpy(commands_ahead(mission, row)).float())
    with torch.no_grad():
        z = model(torch.from_numpy(heard.features)[None], torch.from_numpy(heard.dt_s)[None])[0]
        trained = model.ahead(z[row], at).xy[0].numpy()
    own = OwnMotion(LAG_S, backend="numpy")
    for k in range(row[0] + 1):
        stamp_s = 0.02 * k
        own.observe(stamp_s, np.zeros(3), mission.seen[k, :3], mission.seen[k, 3:])
        if k < row[0]:
            own.command(stamp_s, *mission.command[k])
    np.testing.assert_allclose(own._z, z[row[0]].numpy(), rtol=1e-4, atol=1e-4)
    stamps = stamp_s + dynamics.STEP_S * np.arange(75.0)
    ahead = own.predict(stamp_s, dynamics.STEP_S * np.arange(76.0), (stamps, at.commands[0].numpy().astype(float)))
    np.testing.assert_allclose(ahead.poses[:, :2], trained, atol=1e-4)


def test_on_slippery_ground_of_the_simulator_it_is_off_by_a_third_less_than_the_kinematic_model() -> None:
    pytest.importorskip("mujoco", reason="mujoco is not installed (extra `sim`)")
    from physical_ai_learning.world_model.own_record import drive, driver
    from physical_ai_sim.parameters import SimulatorParameters

    rng = np.random.default_rng(990_001)
    mission = drive(SimulatorParameters(ground_friction=0.1), driver(rng), 16.0, rng)
    own, errors = OwnMotion(LAG_S), []
    for k in range(len(mission.truth) - 101):
        stamp_s, pose = 0.02 * k, mission.truth[k, :3]
        own.observe(stamp_s, pose, mission.seen[k, :3], mission.seen[k, 3:])
        own.command(stamp_s, *mission.command[k])
        if k > 50 and k % 20 == 0:
            commands = mission.command[k : k + 100]
            ahead = own.predict(stamp_s, np.array([2.0]), (stamp_s + 0.02 * np.arange(100.0), commands)).poses[-1]
            simple = follow_commands(pose, mission.seen[k, [0, 2]], commands, 1e-4, 0.02)[-1]
            errors.append([np.hypot(*(p[:2] - mission.truth[k + 100, :2])) for p in (ahead, simple)])
    hybrid, kinematic = np.mean(errors, axis=0)
    assert kinematic > 0.05
    assert hybrid < 0.7 * kinematic


@pytest.mark.slow
def test_a_tiny_training_writes_weights_that_load_and_resumes(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="torch is not installed (extra `language`)")
    from physical_ai_learning.world_model.own_train import Settings, run

    def quiet(*_: object) -> None: ...

    metrics = run(Settings.smoke(), tmp_path, tmp_path / "weights", quiet)
    assert metrics["position_error_m"]["2.0"] < 1.0
    again = run(Settings.smoke(), tmp_path, tmp_path / "weights", quiet)
    assert again["sha256"] == metrics["sha256"]
    own = OwnMotion(LAG_S, folder=tmp_path / "weights")
    assert own.missing == ""
