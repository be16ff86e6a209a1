"""The core of the world model, driven as a node would drive it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from physical_ai_core import layouts
from physical_ai_core import messages as m
from physical_ai_core.core import OK, STALE, WARN
from physical_ai_core.geometry import quaternion_of_yaw
from physical_ai_world_model.core import WorldModelCore
from physical_ai_world_model.parameters import WorldModelParameters
from physical_ai_world_model.predictor import COLUMNS

PERSON, STATIC = 2, 1


def objects(stamp_s: float, states: object, class_id: int = PERSON, sigma: float = 0.03) -> m.Objects:
    values = np.atleast_2d(np.asarray(states, dtype=float))
    rows = layouts.empty(layouts.OBJECT, len(values))
    rows["id"] = np.arange(len(values)) + 1
    for column, name in enumerate(("x", "y", "vx", "vy")):
        rows[name] = values[:, column]
    rows["radius"], rows["class_id"], rows["existence"] = 0.3, class_id, 1.0
    layouts.set_covariances(rows, np.tile(np.diag([sigma**2, sigma**2, 0.01, 0.01]), (len(rows), 1, 1)))
    return m.Objects(stamp_s, "odom", rows)


def odometry(stamp_s: float, v: float = 0.0, w: float = 0.0) -> m.Odometry:
    return m.Odometry(
        stamp_s, "odom", "base_link", np.zeros(3), quaternion_of_yaw(0.0), np.array([v, 0, 0]), np.array([0, 0, w])
    )


def said(outputs: object, topic: str) -> object:
    return next(output.data for output in outputs if output.topic == topic)  # type: ignore[attr-defined]


def walk(core: WorldModelCore, positions: np.ndarray, velocities: np.ndarray, dt: float = 0.05) -> object:
    """Show one object along positions; return what is said at the end."""
    outputs: object = ()
    for k, (p, v) in enumerate(zip(positions, velocities, strict=True)):
        core.handle("state/odometry", odometry(1.0 + k * dt), 1.0 + k * dt)
        core.handle("state/objects", objects(1.0 + k * dt, [*p, *v]), 1.0 + k * dt)
        outputs = core.tick(1.0 + k * dt)
    return outputs


def constant(count: int = 40, speed: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    t = np.arange(count) * 0.05
    return np.column_stack([speed * t, 0 * t]), np.tile([speed, 0.0], (count, 1))


def test_a_walker_is_predicted_ahead_with_growing_doubt_and_weights_that_add_up() -> None:
    outputs = walk(WorldModelCore(WorldModelParameters()), *constant())
    rows = said(outputs, "world_model/prediction").rows  # type: ignore[attr-defined]
    cruise = rows[rows["mode"] == 0]
    np.testing.assert_allclose(cruise["x"], 1.95 + cruise["t_s"], atol=0.1)
    assert np.all(np.diff(cruise["sxx"]) > 0.0)
    assert cruise["t_s"][0] == 0.0 and cruise["t_s"][-1] == pytest.approx(4.8)
    at_start = rows[rows["t_s"] == 0.0]
    assert at_start["weight"].sum() == pytest.approx(1.0, abs=1e-5)
    slow = rows[rows["mode"] == 1]
    assert slow["x"][-1] < cruise["x"][-1] - 0.5


def test_a_walker_who_stops_is_believed_to_slow_down() -> None:
    t = np.arange(80) * 0.05
    speed = np.where(t < 2.0, 1.2, np.maximum(0.0, 1.2 - 0.8 * (t - 2.0)))
    positions = np.column_stack([np.cumsum(speed) * 0.05, 0 * t])
    velocities = np.column_stack([speed, 0 * t])
    before = said(
        walk(WorldModelCore(WorldModelParameters(people_model="")), positions[:38], velocities[:38]),
        "world_model/prediction",
    )
    after = said(
        walk(WorldModelCore(WorldModelParameters(people_model="")), positions[:56], velocities[:56]),
        "world_model/prediction",
    )

    def slowing(prediction: object) -> float:
        rows = prediction.rows  # type: ignore[attr-defined]
        return float(rows["weight"][rows["mode"] == 1][0])

    assert slowing(after) > slowing(before) + 0.1


def test_a_static_object_has_one_mode_and_stays() -> None:
    core = WorldModelCore(WorldModelParameters())
    core.handle("state/objects", objects(1.0, [3.0, 1.0, 0.0, 0.0], STATIC), 1.0)
    rows = said(core.tick(1.05), "world_model/prediction").rows  # type: ignore[attr-defined]
    assert set(rows["mode"]) == {0} and np.all(rows["weight"] == 1.0)
    np.testing.assert_allclose(rows["x"], 3.0, atol=0.02)
    assert rows["sxx"][-1] < 0.1


def test_a_vanished_object_is_doubted_more_and_then_forgotten() -> None:
    core = WorldModelCore(WorldModelParameters(coast_s=0.8))
    walk(core, *constant())
    last = 1.0 + 39 * 0.05
    doubt = [said(core.tick(last + age), "world_model/prediction").rows["sxx"] for age in (0.0, 0.4, 0.79)]  # type: ignore[attr-defined]
    assert doubt[0][0] < doubt[1][0] < doubt[2][0]
    assert len(said(core.tick(last + 0.9), "world_model/prediction").rows) == 0  # type: ignore[attr-defined]


def test_stated_regions_hold_what_happens_when_objects_move_as_assumed() -> None:
    rng = np.random.default_rng(3)
    core = WorldModelCore(WorldModelParameters())
    count, dt = 40, 0.1
    state = np.column_stack([rng.uniform(-5, 5, (count, 2)), rng.normal(0, 0.8, (count, 2))])
    inside, waiting = [], []
    for k in range(60):
        stamp = 1.0 + k * dt
        core.handle("state/objects", objects(stamp, state + rng.normal(0, [0.03, 0.03, 0.1, 0.1], state.shape)), stamp)
        rows = said(core.tick(stamp), "world_model/prediction").rows  # type: ignore[attr-defined]
        ahead = rows[(rows["mode"] == 0) & np.isclose(rows["t_s"], 1.0)]
        waiting.append((k + 10, ahead))
        for due, old in waiting:
            if due == k and k > 20:
                error = state[old["id"] - 1, :2] - np.column_stack([old["x"], old["y"]])
                inside.append(np.sum(error**2, axis=1) / old["sxx"] < 4.605)
        noise = rng.normal(0, np.sqrt(0.05 * dt), (count, 2))
        state[:, :2] += state[:, 2:] * dt + 0.5 * dt * noise
        state[:, 2:] += noise
    assert 0.82 < np.mean(np.concatenate(inside)) < 0.99


def test_surprise_stays_low_for_steady_walkers_and_rises_when_all_swerve() -> None:
    rng = np.random.default_rng(0)
    core = WorldModelCore(WorldModelParameters())
    state = np.column_stack([rng.uniform(-3, 3, (6, 2)), np.tile([1.0, 0.0], (6, 1))])
    level = []
    for k in range(100):
        stamp = 1.0 + 0.05 * k
        if k == 60:
            state[:, 2:] = [0.0, 2.5]
        state[:, :2] += 0.05 * state[:, 2:]
        core.handle("state/odometry", odometry(stamp), stamp)
        core.handle(
            "state/objects", objects(stamp, state + rng.normal(0, [0.02, 0.02, 0.05, 0.05], state.shape)), stamp
        )
        level.append(said(core.tick(stamp), "world_model/surprise").data)  # type: ignore[attr-defined]
    assert max(level[20:60]) < 1.0
    assert max(level[60:]) > 2.0


def test_own_path_follows_the_command_and_a_fresh_trajectory_wins() -> None:
    core = WorldModelCore(WorldModelParameters())
    core.handle("state/odometry", odometry(1.0, v=1.0), 1.0)
    core.handle("cmd_vel", m.Twist(1.0, "base_link", 1.0, 0.0), 1.0)
    path = said(core.tick(1.0), "world_model/path")
    np.testing.assert_allclose(path.poses[:, 0], path.stamps_s - 1.0, atol=1e-6)  # type: ignore[attr-defined]
    poses = np.column_stack([np.zeros(5), np.linspace(0, 1, 5), np.zeros(5)])
    core.handle("controller/trajectory", m.Path(1.0, "odom", poses, 1.0 + np.linspace(0, 2, 5)), 1.0)
    path = said(core.tick(1.1), "world_model/path")
    assert path.poses[-1, 1] == pytest.approx(1.0) and path.poses[-1, 0] == pytest.approx(0.0)  # type: ignore[attr-defined]


def test_bad_rows_are_refused_and_said_while_good_ones_are_predicted() -> None:
    core = WorldModelCore(WorldModelParameters())
    core.handle("state/odometry", odometry(1.0), 1.0)
    core.handle(
        "state/objects", objects(1.0, [[1, 1, 0, 0], [np.nan, 0, 0, 0], [1e7, 0, 0, 0], [0, 0, np.inf, 0]]), 1.0
    )
    prediction = said(core.tick(1.0), "world_model/prediction")
    assert set(prediction.rows["id"]) == {1}  # type: ignore[attr-defined]
    assert core.health().level == WARN and "refused" in core.health().message


def test_a_teleporting_track_is_begun_anew_where_it_now_is() -> None:
    core = WorldModelCore(WorldModelParameters())
    walk(core, *constant())
    core.handle("state/objects", objects(3.0, [50.0, 50.0, 0.0, 0.0]), 3.0)
    rows = said(core.tick(3.0), "world_model/prediction").rows  # type: ignore[attr-defined]
    np.testing.assert_allclose(rows["x"][rows["t_s"] == 0.0], 50.0, atol=0.1)


def test_five_hundred_objects_are_cut_to_the_nearest() -> None:
    core = WorldModelCore(WorldModelParameters(max_objects=16))
    core.handle("state/odometry", odometry(1.0), 1.0)
    away = np.arange(500) + 1.0
    core.handle("state/objects", objects(1.0, np.column_stack([away, 0 * away, 0 * away, 0 * away])), 1.0)
    ids = set(said(core.tick(1.0), "world_model/prediction").rows["id"])  # type: ignore[attr-defined]
    assert ids == set(range(1, 17))


def test_objects_in_another_frame_are_refused_by_name() -> None:
    core = WorldModelCore(WorldModelParameters())
    core.handle("state/objects", m.Objects(1.0, "map", objects(1.0, [1, 1, 0, 0]).rows), 1.0)
    assert len(said(core.tick(1.0), "world_model/prediction").rows) == 0  # type: ignore[attr-defined]
    assert "'map'" in core.health().message


def test_silence_is_stale_and_speech_is_ok() -> None:
    core = WorldModelCore(WorldModelParameters())
    core.tick(1.0)
    assert core.health().level == STALE
    walk(core, *constant())
    assert core.health().level == OK


number = st.one_of(st.floats(-50, 50), st.sampled_from([np.nan, np.inf, 1e30]))


jump = st.sampled_from([0.0, 1e-9, 0.05, 0.3, 10.0, -0.2, -20.0])
event = st.tuples(jump, st.lists(number, min_size=4, max_size=4), number)


@settings(max_examples=40, deadline=None)
@given(st.lists(event, min_size=1, max_size=12))
def test_whatever_comes_and_however_time_jumps_only_finite_rows_leave(
    events: list[tuple[float, list[float], float]],
) -> None:
    core, stamp = WorldModelCore(WorldModelParameters()), 100.0
    for step, state, variance in events:
        stamp += step
        message = objects(stamp, [state, [1.0, 1.0, 0.5, 0.0]])
        with np.errstate(over="ignore"):
            message.rows["cxx"], message.rows["cvxvy"] = variance, variance
        core.handle("state/odometry", odometry(stamp), stamp)
        core.handle("state/objects", message, stamp)
        for output in core.tick(stamp):
            if output.topic == "world_model/prediction":
                for name in output.data.rows.dtype.names:
                    assert np.isfinite(output.data.rows[name]).all()
                assert (output.data.rows["sxx"] > 0.0).all()
            elif output.topic == "world_model/surprise":
                assert np.isfinite(output.data.data)


def test_prediction_rows_are_filled_by_column() -> None:
    assert layouts.PREDICTION.names == COLUMNS


def test_the_same_inputs_give_the_same_bits() -> None:
    once, again = (walk(WorldModelCore(WorldModelParameters()), *constant()) for _ in range(2))
    assert said(once, "world_model/prediction").rows.tobytes() == said(again, "world_model/prediction").rows.tobytes()  # type: ignore[attr-defined]
