"""The hybrid in the core, with the weights that ship: who speaks for whom, what vanishes, and what cannot hurt it."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from physical_ai_core import layouts
from physical_ai_core import messages as m
from physical_ai_core.core import OK, STALE, WARN
from physical_ai_core.geometry import Array, quaternion_of_yaw
from physical_ai_world_model.core import WorldModelCore
from physical_ai_world_model.parameters import WorldModelParameters
from physical_ai_world_model.ssm.weights import CARD, default_folder

DT_S = 0.05
LEARNT, KALMAN = 3, 2  # modes that each of them says of one object


def seen(stamp_s: float, ids: object, states: object) -> m.Objects:
    """People (n, 4): x, y, vx, vy."""
    values = np.asarray(states, dtype=float).reshape(-1, 4)
    rows = layouts.empty(layouts.OBJECT, len(values))
    rows["id"], (rows["x"], rows["y"], rows["vx"], rows["vy"]) = ids, values.T
    rows["radius"], rows["class_id"], rows["existence"] = 0.3, layouts.OBJECT_CLASSES.index("person"), 1.0
    layouts.set_covariances(rows, np.tile(np.diag([9e-4, 9e-4, 0.01, 0.01]), (len(rows), 1, 1)))
    return m.Objects(stamp_s, "odom", rows)


def stand(core: WorldModelCore, stamp_s: float) -> None:
    """The robot stands at the origin."""
    zero = np.zeros(3)
    core.handle(
        "state/odometry", m.Odometry(stamp_s, "odom", "base_link", zero, quaternion_of_yaw(0.0), zero, zero), stamp_s
    )


def tick(core: WorldModelCore, stamp_s: float) -> tuple[m.Prediction, float]:
    """Prediction and surprise."""
    said = {output.topic: output.data for output in core.tick(stamp_s)}
    return said["world_model/prediction"], said["world_model/surprise"].data


def show(core: WorldModelCore, stamp_s: float, ids: object, states: object) -> tuple[m.Prediction, float]:
    stand(core, stamp_s)
    core.handle("state/objects", seen(stamp_s, ids, states), stamp_s)
    return tick(core, stamp_s)


def modes(prediction: m.Prediction, number: int) -> int:
    return len(np.unique(prediction.rows["mode"][prediction.rows["id"] == number]))


def doubt(prediction: m.Prediction, number: int) -> tuple[Array, Array]:
    """Mean (t, 2) of the mixture, and trace of its covariance (t,)."""
    rows = prediction.rows[prediction.rows["id"] == number]
    rows = rows.reshape(-1, len(np.unique(rows["t_s"])))
    weight, xy = rows["weight"][..., None].astype(float), np.stack([rows["x"], rows["y"]], axis=-1).astype(float)
    mean = (weight * xy).sum(axis=0)
    apart = ((xy - mean) ** 2).sum(axis=-1)
    return mean, (weight[..., 0] * (rows["sxx"] + rows["syy"] + apart)).sum(axis=0)


def finite(prediction: m.Prediction) -> None:
    rows = prediction.rows
    for name in rows.dtype.names:
        assert np.isfinite(rows[name]).all(), name
    assert (rows["sxx"] > 0.0).all() and (rows["syy"] > 0.0).all()
    assert (rows["sxx"].astype(float) * rows["syy"] > rows["sxy"].astype(float) ** 2).all()
    keys = np.stack([rows["id"], rows["mode"], np.round(rows["t_s"] * 1000)], axis=-1)
    assert len(np.unique(keys, axis=0)) == len(rows), "an object is said twice"
    for number in np.unique(rows["id"]):
        start = rows[(rows["id"] == number) & (rows["t_s"] == 0.0)]
        assert start["weight"].sum() == pytest.approx(1.0, abs=1e-4)


def walk_on(core: WorldModelCore, begin: int, end: int, others: int = 0) -> m.Prediction:
    """Object 1 along x at 1.2 m/s from tick `begin` to `end`, others beside it."""
    prediction = None
    for k in range(begin, end):
        states = [[1.2 * DT_S * k, 2.0 * j, 1.2, 0.0] for j in range(1 + others)]
        prediction, _ = show(core, 1.0 + DT_S * k, 1 + np.arange(1 + others), states)
    assert prediction is not None
    return prediction


# --- who vanishes ---


def test_who_vanishes_is_predicted_on_with_growing_doubt_and_then_is_gone() -> None:
    core = WorldModelCore(WorldModelParameters(coast_s=0.8))
    before, spread = doubt(walk_on(core, 0, 40, others=1), 1)
    last_s = 1.0 + DT_S * 39
    for k in range(1, 16):
        stamp_s = last_s + DT_S * k
        prediction, _ = show(core, stamp_s, 2, [1.2 * DT_S * (39 + k), 2.0, 1.2, 0.0])
        assert prediction.stamp_s == stamp_s
        assert modes(prediction, 1) == modes(prediction, 2) == LEARNT
        mean, now = doubt(prediction, 1)
        assert (now > spread).all()
        assert mean[0, 0] == pytest.approx(before[0, 0] + 1.2 * DT_S * k, abs=0.15)
        spread = now
    for k in range(17, 20):
        prediction, _ = show(core, last_s + DT_S * k, 2, [1.2 * DT_S * (39 + k), 2.0, 1.2, 0.0])
        assert set(prediction.rows["id"]) == {2}


def test_when_everything_falls_silent_it_is_said_and_predictions_fade_and_end() -> None:
    core = WorldModelCore(WorldModelParameters(coast_s=0.8))
    _, spread = doubt(walk_on(core, 0, 40), 1)
    last_s = 1.0 + DT_S * 39
    for age_s in (0.2, 0.4, 0.6, 0.75):
        stand(core, last_s + age_s)
        prediction, _ = tick(core, last_s + age_s)
        now = doubt(prediction, 1)[1]
        assert prediction.stamp_s == last_s + age_s and (now > spread).all()
        spread = now
    assert core.health().level == STALE and "state/objects is silent" in core.health().message
    stand(core, last_s + 0.9)
    assert not len(tick(core, last_s + 0.9)[0].rows)


# --- trust and surprise ---


def astray(after_mps: float, settle_s: float = 8.0) -> tuple[list[tuple[float, int, float]], WorldModelCore]:
    """A person walks at 1.3 m/s for 4 s, then goes on along the same line at another velocity; three others walk on.

    → (seconds since the change, modes said of it, surprise) at every tick.
    """
    rng = np.random.default_rng(0)
    core, told, x = WorldModelCore(WorldModelParameters()), [], 0.0
    for k in range(round((4.0 + settle_s) / DT_S)):
        since_s = DT_S * k - 4.0
        v = 1.3 if since_s < 0.0 else after_mps
        x += DT_S * v
        states = [[x, 0.0, v, 0.0], *[[1.1 * DT_S * k - 4.0, 3.0 + j, 1.1, 0.0] for j in range(3)]]
        noisy = np.array(states) + rng.normal(0.0, [0.02, 0.02, 0.05, 0.05], (4, 4))
        prediction, surprise = show(core, 1.0 + DT_S * k, [1, 2, 3, 4], noisy)
        told.append((since_s, modes(prediction, 1), surprise))
        finite(prediction)
    return told, core


@pytest.mark.parametrize("after_mps", [3.5, -1.3], ids=["runs", "turns back"])
def test_who_suddenly_goes_otherwise_is_left_to_the_kalman_filter_until_it_goes_steadily(after_mps: float) -> None:
    told, core = astray(after_mps)
    said = {round(since_s / DT_S): (count, surprise) for since_s, count, surprise in told}
    calm = [value for since_s, *value in told if -2.0 < since_s < 0.0]
    assert all(count == LEARNT and surprise < 1.5 for count, surprise in calm)
    assert any(surprise > 1.0 for since_s, _, surprise in told if 0.0 < since_s <= 1.5)
    assert said[round(1.5 / DT_S)][0] == KALMAN
    assert told[-1][1] == LEARNT
    assert "4 objects, 0 left to the Kalman filter" in core.health().values["learnt_forecast"]


def test_health_says_how_many_are_left_to_the_kalman_filter() -> None:
    _, core = astray(-1.3, settle_s=1.5)
    assert "3 objects, 1 left to the Kalman filter" in core.health().values["learnt_forecast"]


# --- bad input ---


def test_a_track_that_is_not_a_number_is_refused_and_the_others_are_forecast_as_if_it_were_not_there() -> None:
    clean, spoilt = WorldModelCore(WorldModelParameters()), WorldModelCore(WorldModelParameters())
    for k in range(30):
        stamp_s, here = 1.0 + DT_S * k, [1.2 * DT_S * k, 1.0, 1.2, 0.0]
        alone, _ = show(clean, stamp_s, [1], [here])
        beside, _ = show(spoilt, stamp_s, [1, 2, 3], [here, [np.nan] * 4, [np.inf, 0.0, 0.0, np.nan]])
    assert alone.rows.tobytes() == beside.rows.tobytes()
    assert spoilt.health().level == WARN and "2 object rows refused" in spoilt.health().message


def test_a_track_that_jumps_is_somebody_new_where_it_now_is() -> None:
    core = WorldModelCore(WorldModelParameters())
    walk_on(core, 0, 40)
    prediction, _ = show(core, 3.0, [1], [[20.0, 20.0, 0.0, 1.0]])
    finite(prediction)
    assert modes(prediction, 1) == KALMAN  # nothing of its way is known yet
    np.testing.assert_allclose(doubt(prediction, 1)[0][0], [20.0, 20.0], atol=0.1)
    for k in range(1, 20):
        prediction, _ = show(core, 3.0 + DT_S * k, [1], [[20.0, 20.0 + DT_S * k, 0.0, 1.0]])
    assert modes(prediction, 1) == LEARNT
    np.testing.assert_allclose(doubt(prediction, 1)[0][0], [20.0, 20.0 + 19 * DT_S], atol=0.15)


def test_of_an_id_that_comes_twice_the_first_counts() -> None:
    core = WorldModelCore(WorldModelParameters())
    for k in range(30):
        x = 1.2 * DT_S * k
        prediction, _ = show(core, 1.0 + DT_S * k, [1, 1], [[x, 1.0, 1.2, 0.0], [-x, -5.0, -1.2, 0.0]])
        finite(prediction)
    np.testing.assert_allclose(doubt(prediction, 1)[0][0], [x, 1.0], atol=0.15)


def test_of_five_hundred_the_nearest_are_forecast() -> None:
    core = WorldModelCore(WorldModelParameters())
    start = np.column_stack([np.arange(500) * 0.7 + 1.0, np.arange(500) % 7, np.full(500, 0.5), np.zeros(500)])
    for k in range(12):
        prediction, _ = show(core, 1.0 + DT_S * k, np.arange(500) + 1, start + np.eye(4)[0] * 0.5 * DT_S * k)
    finite(prediction)
    assert set(prediction.rows["id"]) == set(range(1, 65))
    assert modes(prediction, 1) == modes(prediction, 64) == LEARNT


def test_a_message_said_twice_changes_nothing() -> None:
    once, twice = WorldModelCore(WorldModelParameters()), WorldModelCore(WorldModelParameters())
    for k in range(30):
        stamp_s, state = 1.0 + DT_S * k, [1.2 * DT_S * k, 0.0, 1.2, 0.0]
        twice.handle("state/objects", seen(stamp_s, [1], state), stamp_s)
        said = [show(core, stamp_s, [1], state)[0] for core in (once, twice)]
    assert said[0].rows.tobytes() == said[1].rows.tobytes()


def test_after_ten_seconds_of_silence_a_track_begins_anew() -> None:
    core = WorldModelCore(WorldModelParameters())
    walk_on(core, 0, 40)
    prediction, _ = show(core, 13.0, [1], [[-5.0, 2.0, 0.0, -1.0]])
    finite(prediction)
    np.testing.assert_allclose(doubt(prediction, 1)[0][0], [-5.0, 2.0], atol=0.1)
    for k in range(1, 20):
        prediction, _ = show(core, 13.0 + DT_S * k, [1], [[-5.0, 2.0 - DT_S * k, 0.0, -1.0]])
    assert modes(prediction, 1) == LEARNT


def test_a_stamp_from_the_future_does_not_freeze_who_bore_it() -> None:
    core = WorldModelCore(WorldModelParameters())
    walk_on(core, 0, 40)
    core.handle("state/objects", seen(13.0, [1], [2.4, 0.0, 1.2, 0.0]), 13.0)
    prediction = walk_on(core, 41, 70)
    assert modes(prediction, 1) == LEARNT
    np.testing.assert_allclose(doubt(prediction, 1)[0][0], [1.2 * DT_S * 69, 0.0], atol=0.15)


def test_a_clock_set_back_begins_everything_anew() -> None:
    core = WorldModelCore(WorldModelParameters())
    for k in range(40):
        show(core, 100.0 + DT_S * k, [1], [[1.2 * DT_S * k, 5.0, 1.2, 0.0]])
    prediction = walk_on(core, 0, 40)
    finite(prediction)
    assert modes(prediction, 1) == LEARNT and core.health().level == OK
    np.testing.assert_allclose(doubt(prediction, 1)[0][0], [1.2 * DT_S * 39, 0.0], atol=0.15)


def missing(folder: Path) -> str:
    return str(folder / "nowhere")


def damaged(folder: Path) -> str:
    shutil.copytree(default_folder(), folder / "damaged")
    path = next((folder / "damaged").glob("*.safetensors"))
    content = bytearray(path.read_bytes())
    content[-7] ^= 0xFF
    path.write_bytes(content)
    return str(folder / "damaged")


def another(folder: Path) -> str:
    from safetensors.numpy import save

    path = folder / "other.safetensors"
    path.write_bytes(save({"x": np.zeros(3, dtype=np.float32)}, {"physical_ai": '{"architecture": "gru-9"}'}))
    return str(path)


def without_card(folder: Path) -> str:
    (folder / CARD).write_text("file: [")
    return str(folder)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [(missing, "nowhere"), (damaged, "sha256"), (another, "gru-9"), (without_card, "cannot be read")],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_without_usable_weights_the_kalman_filter_goes_on_and_health_says_why(
    spoil: object, reason: str, tmp_path: Path
) -> None:
    core = WorldModelCore(WorldModelParameters(people_model=spoil(tmp_path)))  # type: ignore[operator]
    alone = WorldModelCore(WorldModelParameters(people_model=""))
    assert walk_on(core, 0, 30).rows.tobytes() == walk_on(alone, 0, 30).rows.tobytes()
    health = core.health()
    assert health.level == WARN and "Kalman forecasts alone" in health.message and reason in health.message
    assert reason in health.values["learnt_forecast"]


coordinate = st.one_of(st.floats(-30.0, 30.0), st.sampled_from([np.nan, np.inf, -1e9, 99.0]))
person = st.tuples(st.integers(1, 4), coordinate, coordinate, st.floats(-3.0, 3.0), st.floats(-3.0, 3.0))
moment = st.tuples(st.sampled_from([0.0, 0.05, 0.05, 0.05, 0.4, 2.5, 10.0, -0.2, -30.0]), st.lists(person, max_size=5))


@settings(max_examples=40, deadline=None)
@given(st.lists(moment, min_size=1, max_size=10), st.booleans())
def test_whatever_happens_to_tracks_and_clocks_what_leaves_is_sound(
    moments: list[tuple[float, list[tuple[int, float, float, float, float]]]], grown: bool
) -> None:
    core, stamp_s = WorldModelCore(WorldModelParameters()), 1.0
    if grown:
        walk_on(core, 0, 12, others=2)
        stamp_s += 0.55
    for step_s, people in moments:
        stamp_s += step_s
        prediction, surprise = show(core, stamp_s, [p[0] for p in people], [p[1:] for p in people])
        finite(prediction)
        assert prediction.stamp_s == stamp_s and np.isfinite(surprise)
        core.health()
