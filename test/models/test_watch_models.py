"""After promotion a model that makes the robot worse is rolled back, one as good stays; before it, the shadow."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kit import Site, weights

from physical_ai_core import layouts
from physical_ai_core import messages as m
from physical_ai_core.core import WARN
from physical_ai_core.geometry import quaternion_of_yaw
from physical_ai_core.models.errors import RolledBackError
from physical_ai_core.models.limits import ShadowLimits, WatchLimits, load_limits
from physical_ai_core.models.watch import Report, Tally, Watch, judge_shadow, poisson_tail, tail
from physical_ai_supervisor.core import SupervisorCore
from physical_ai_supervisor.parameters import SupervisorParameters
from physical_ai_world_model.core import WorldModelCore
from physical_ai_world_model.parameters import WorldModelParameters
from physical_ai_world_model.shadow import Shadow
from physical_ai_world_model.ssm.weights import default_folder, load, save

LIMITS = load_limits().watch
HOUR_S = 3600.0


class Robot:
    """World model and supervisor cores side by side, with telemetry's figures made up; one step a second."""

    def __init__(self, site: Site, **parameters: str) -> None:
        self.folder = str(site.models)
        self.world = WorldModelCore(
            WorldModelParameters(people_model="installed", models_folder=self.folder, **parameters)  # type: ignore[arg-type]
        )
        self.supervisor = SupervisorCore(SupervisorParameters(models_folder=self.folder))
        self.now_s, self.stops, self.operating_s = 0.0, 0, 0.0

    def restart(self, **parameters: str) -> None:
        self.world = WorldModelCore(
            WorldModelParameters(people_model="installed", models_folder=self.folder, **parameters)  # type: ignore[arg-type]
        )

    def drive(self, hours: float, stops_per_h: float) -> None:
        begin_s, begin = self.operating_s, self.stops
        while self.operating_s < begin_s + hours * HOUR_S:
            self.now_s += 1.0
            self.operating_s += 1.0
            self.stops = begin + int(stops_per_h * (self.operating_s - begin_s) / HOUR_S)
            figures = {"operating_time_s": f"{self.operating_s:.3f}", "stops": str(self.stops), "faults": "0",
                       "hard_overrides": "0"}  # fmt: skip
            self.supervisor.watch(self.now_s)
            beats = (m.Status(0, "world_model", "ok", self.world.health().values),
                     m.Status(0, "telemetry", "ok", figures))  # fmt: skip
            self.supervisor.handle("heartbeat", m.Diagnostics(self.now_s, beats), self.now_s)
            self.said = self.supervisor.tick(self.now_s) or getattr(self, "said", ())


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = Site(tmp_path)
    made.begin()
    made.publish(weights(tmp_path, 0.001))
    made.install()
    return made


def test_a_model_that_stops_the_robot_more_often_is_rolled_back_and_says_so(site: Site) -> None:
    robot = Robot(site)
    robot.drive(1.0, stops_per_h=2)
    bad = site.slots.promote()
    robot.restart()
    assert robot.world.people.sha256 == bad.sha256
    robot.drive(1.0, stops_per_h=30)
    pointer = site.slots.pointer()
    assert pointer.active == "package" and bad.sha256 in pointer.refused and "stops" in pointer.reason
    record = json.loads((site.slots.folder / "roll_back.json").read_text())
    assert record["model"] == bad.sha256 and record["reasons"] and record["limits"] == LIMITS.model_dump()
    statuses = {status.name: status for status in robot.said[0].data.statuses}
    assert statuses["physical_ai/models"].level == WARN and "戻しました" in statuses["physical_ai/models"].message
    # The world model keeps silent at once, and has the packaged weights from its next activation on.
    assert robot.world.people.speaks
    robot.world.people.heed()
    assert not robot.world.people.speaks and "rolled back" in robot.world.people.silent_because
    robot.restart()
    assert robot.world.people.sha256 == load(default_folder()).sha256
    with pytest.raises(RolledBackError):
        site.install()


def test_the_node_itself_looks_after_each_second_and_falls_silent_on_a_roll_back(site: Site) -> None:
    """The way from figures that fall to the silence of the model, over the real files, with no one calling `heed`."""
    pytest.importorskip("rclpy", reason="needs ROS 2")
    from physical_ai_world_model.node import WorldModelNode

    robot = Robot(site)
    robot.drive(1.0, stops_per_h=2)
    site.slots.promote()
    robot.restart()
    node = SimpleNamespace(core=robot.world, _looked_s=float("-inf"))

    def predicts(stamp_s: float) -> bool:
        WorldModelNode._heed(node, stamp_s)  # type: ignore[arg-type]
        return robot.world.people.speaks

    assert predicts(0.0)
    robot.drive(1.0, stops_per_h=30)
    assert site.slots.pointer().active == "package", "the supervisor rolled it back"
    assert predicts(0.5), "it looks once a second"
    assert not predicts(1.1)


def test_a_model_as_good_stays(site: Site) -> None:
    robot = Robot(site)
    robot.drive(1.0, stops_per_h=8)
    good = site.slots.promote()
    robot.restart()
    robot.drive(2.0, stops_per_h=9)
    assert site.slots.chosen().sha256 == good.sha256
    robot.world.people.heed()
    assert robot.world.people.speaks


def test_without_a_baseline_the_absolute_bound_holds(site: Site) -> None:
    site.slots.promote()
    robot = Robot(site)
    robot.drive(1.0, stops_per_h=LIMITS.stops_per_h_most)
    assert site.slots.pointer().active == "a"
    robot.drive(1.0, stops_per_h=4 * LIMITS.stops_per_h_most)
    assert site.slots.pointer().active == "package"


def test_what_was_counted_outlives_the_supervisor(site: Site) -> None:
    robot = Robot(site)
    robot.drive(0.5, stops_per_h=0)
    again = Robot(site)
    again.drive(0.1, stops_per_h=0)
    kept = json.loads((site.slots.folder / "kpis.json").read_text())
    assert 0.5 * HOUR_S < kept["models"][kept["package"]]["time_s"] < 0.62 * HOUR_S


def test_promoted_but_not_yet_loaded_is_not_judged(site: Site) -> None:
    """The old model is still in use: its stops are not the new one's."""
    robot = Robot(site)
    site.slots.promote()
    robot.drive(0.5, stops_per_h=100)
    assert site.slots.pointer().active == "a"


def test_a_full_disk_is_told_and_ends_nothing(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    robot = Robot(site)

    def full(*said: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("physical_ai_core.models.slots.Slots.note", full)
    robot.drive(0.05, stops_per_h=0)
    assert "No space" in {s.name: s for s in robot.said[0].data.statuses}["physical_ai/models"].message


def test_surprise_alone_can_roll_back() -> None:
    watch = Watch(LIMITS)
    for k in range(2000):
        watch.hear("new", Report(float(k), 0, 0), 2.0 if k % 3 == 0 else 0.5)
    assert [reason[:9] for reason in watch.reasons("new", "old")] == ["surprised"]


@settings(max_examples=60, deadline=None)
@given(
    stops=st.lists(st.integers(0, 3), min_size=1, max_size=40),
    cut=st.integers(0, 39),
    gap_s=st.floats(0.1, 5.0),
)  # fmt: skip
def test_counting_loses_nothing_but_what_went_on_around_a_restart(stops: list[int], cut: int, gap_s: float) -> None:
    watch, total = Watch(LIMITS), 0
    for k, add in enumerate(stops):
        total = add if k == cut else total + add  # telemetry began anew at `cut`
        watch.hear("x", Report(gap_s * (k + 1 - (cut if k >= cut else 0)), total, 0), 0.0)
    tally = watch.tallies.get("x", Tally())
    assert 0 <= tally.stops <= sum(stops[1:])
    assert tally.time_s <= gap_s * (len(stops) - 1) + 1e-6
    assert Watch(LIMITS, json.loads(json.dumps(watch.kept()))).kept() == watch.kept()


@given(st.integers(0, 60), st.integers(0, 60), st.floats(0.01, 0.99))
def test_tails_are_probabilities_that_fall(events: int, more: int, share: float) -> None:
    total = events + more
    assert 0.0 <= tail(events, total, share) <= 1.0 + 1e-9
    assert tail(0, total, share) == pytest.approx(1.0)
    assert tail(events + 1, total, share) <= tail(events, total, share) + 1e-12
    assert poisson_tail(0, 3.0) == 1.0 and poisson_tail(events + 1, 5.0) <= poisson_tail(events, 5.0) + 1e-12


def test_an_equal_model_is_seldom_called_worse() -> None:
    rng, wrong = np.random.default_rng(0), 0
    for _ in range(400):
        watch = Watch(LIMITS)
        watch.tallies = {name: Tally(HOUR_S, int(rng.poisson(8.0)), int(rng.poisson(2.0))) for name in ("new", "old")}
        wrong += bool(watch.reasons("new", "old"))
    assert wrong / 400 <= 0.01  # two rates, one judgement


def test_a_model_twice_as_bad_is_found_within_hours() -> None:
    rng, found = np.random.default_rng(1), 0
    for _ in range(200):
        watch = Watch(LIMITS)
        watch.tallies = {"new": Tally(6 * HOUR_S, int(rng.poisson(96))), "old": Tally(6 * HOUR_S, int(rng.poisson(48)))}
        found += bool(watch.reasons("new", "old"))
    assert found / 200 > 0.8


@pytest.mark.parametrize("said", [None, 3, {}, {"time_s": "x"}, {"time_s": 1, "stops": None}])
def test_a_damaged_record_begins_anew(said: object) -> None:
    assert Tally.read(said) == Tally() and asdict(Watch(WatchLimits(), {"a": said}).tallies["a"]) == asdict(Tally())


# --- shadow ---


def walk(world: WorldModelCore, seconds: float, people: int = 5) -> list[bytes]:
    """People who go round in circles, seen twenty times a second; → what was published."""
    said, zero = [], np.zeros(3)
    for k in range(int(20 * seconds)):
        now_s = 100.0 + 0.05 * k
        angle = 0.3 * now_s + np.arange(people)
        rows = layouts.empty(layouts.OBJECT, people)
        rows["id"], rows["class_id"] = np.arange(people), layouts.OBJECT_CLASSES.index("person")
        rows["x"], rows["y"] = 4.0 * np.cos(angle), 4.0 * np.sin(angle)
        rows["vx"], rows["vy"] = -1.2 * np.sin(angle), 1.2 * np.cos(angle)
        rows["radius"], rows["existence"] = 0.3, 1.0
        layouts.set_covariances(rows, np.tile(np.diag([9e-4, 9e-4, 0.01, 0.01]), (people, 1, 1)))
        still = m.Odometry(now_s, "odom", "base_link", zero, quaternion_of_yaw(0.0), zero, zero)
        world.handle("state/odometry", still, now_s)
        world.handle("state/objects", m.Objects(now_s, "odom", rows), now_s)
        said += [output.data.rows.tobytes() for output in world.tick(now_s) if output.topic.endswith("prediction")]
    return said


def test_the_shadow_is_compared_and_changes_nothing_that_is_said(site: Site) -> None:
    alone, beside = Robot(site).world, Robot(site, shadow_model="installed").world
    assert walk(alone, 10.0) == walk(beside, 10.0)
    waiting = site.slots.candidate()
    shadow = beside.people.shadow
    assert shadow is not None and waiting is not None
    report = shadow.report()
    assert report["candidate"] == waiting[1].sha256 and report["compared"] > 50
    assert abs(report["nll_more"]) < 0.05 and abs(report["fde_more_m"]) < 0.05  # a thousandth apart
    values = beside.health().values
    assert values["shadow.compared"] == str(report["compared"]) and "shadow.latency_p99_ms" in values
    assert values["people_model"].startswith("package")


def test_the_shadow_of_the_incumbent_is_exactly_as_good() -> None:
    world = WorldModelCore(WorldModelParameters(shadow_model=str(default_folder())))
    walk(world, 8.0)
    shadow = world.people.shadow
    assert shadow is not None and abs(shadow.report()["nll_more"]) < 0.02  # it looks less often


def test_a_worse_shadow_is_seen_and_not_promoted(site: Site) -> None:
    shipped = load(default_folder())
    path = site.folder / "worse.safetensors"
    rng = np.random.default_rng(3)
    tensors = {k: v + 0.4 * v.std() * rng.standard_normal(v.shape).astype(np.float32)
               for k, v in sorted(shipped.tensors.items())}  # fmt: skip
    save(path, tensors, shipped.shape, shipped.calibration)
    world = WorldModelCore(WorldModelParameters(shadow_model=str(path)))
    walk(world, 10.0)
    shadow = world.people.shadow
    assert shadow is not None
    reasons = judge_shadow(shadow.report(), shadow.sha256, ShadowLimits(compared_least=50, latency_p99_ms_most=1e9))
    assert any("log-likelihood" in reason or "errors" in reason for reason in reasons)


def test_a_shadow_that_breaks_ends_alone(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    world = Robot(site, shadow_model="installed").world
    before = walk(Robot(site).world, 5.0)
    shadow = world.people.shadow
    assert isinstance(shadow, Shadow)

    def broken(*said: object, **more: object) -> None:
        raise FloatingPointError("no forecast")

    monkeypatch.setattr(shadow._crowd, "predict", broken)
    assert walk(world, 5.0) == before
    assert world.health().values["shadow.fault"] == "FloatingPointError: no forecast"


def test_a_missing_shadow_is_told_and_the_incumbent_speaks(tmp_path: Path) -> None:
    for said in ("installed", str(tmp_path / "none.safetensors")):
        world = WorldModelCore(WorldModelParameters(shadow_model=said, models_folder=str(tmp_path)))
        assert world.people.speaks and world.people.shadow is None
        assert world.health().values["shadow.fault"]


@pytest.mark.parametrize("report, word", [
    ({}, "not run as a shadow"), ({"candidate": "other"}, "about other"),
    ({"compared": "10"}, "only 10"), ({"nll_more": "0.2"}, "log-likelihood"), ({"nll_more": "nan"}, "log-likelihood"),
    ({"fde_more_m": "1"}, "errors"), ({"inside_90": "0.5"}, "stated 90"), ({"latency_p99_ms": "99"}, "ms"),
    ({"compared": "many"}, "not run as a shadow"),
])  # fmt: skip
def test_each_figure_of_the_shadow_can_refuse(report: dict[str, str], word: str) -> None:
    good = {"candidate": "abc", "compared": "5000", "nll_more": "0.0", "fde_more_m": "0.0", "inside_90": "0.9",
            "latency_p99_ms": "3.0"}  # fmt: skip
    assert judge_shadow(good, "abc", ShadowLimits()) == []
    reasons = judge_shadow({**good, **report} if report else {}, "abc", ShadowLimits())
    assert len(reasons) == 1 and word in reasons[0]
