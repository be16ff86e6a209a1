"""What the gate has heard, message by message: each bound from both sides, each refusal by its name."""

from __future__ import annotations

import math
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from gate_world import ANGLES, odometry, scan_of, twist

from physical_ai_core import messages as m
from physical_ai_safety.hearing import Hearing
from physical_ai_safety.incline import Lean
from physical_ai_safety.parameters import GateParameters
from physical_ai_safety.plausible import Fault
from physical_ai_safety.rule_forms import Slope
from physical_ai_safety.rules import Rules, load_rules
from physical_ai_safety.situation import Command, compile_rules

AHEAD = np.nextafter  # AHEAD(x, inf) is the next number above x
GATES = ("east",)


@cache
def rules() -> Rules:
    return load_rules("yard", "yard", "scout")


def hearing(parameters: GateParameters | None = None, **watch: Any) -> Hearing:
    """With the yard's rules but for the watchdogs given, at 10 s of the graph's clock."""
    heard = unheard(parameters, **watch)
    heard.clock(10.0)
    return heard


def unheard(parameters: GateParameters | None = None, **watch: Any) -> Hearing:
    """The same before the first word."""
    file = rules().file
    file = file.model_copy(update={"watchdogs": file.watchdogs.model_copy(update=watch), "gates": GATES})
    return Hearing(compiled()._replace(file=file), rules().robot, parameters or GateParameters(), 5.0)


@cache
def compiled() -> Any:
    return compile_rules(rules())


def say(heard: Hearing, topic: str, data: Any, stamp_s: float) -> bool:
    return heard.takers[topic](data, stamp_s)


def wheels(heard: Hearing, stamp_s: float, v: float, w: float = 0.0) -> bool:
    return say(heard, "wheel/odometry", odometry(stamp_s, 0.0, 0.0, 0.0, v, w), stamp_s)


def imu(stamp_s: float, rate: float, orientation: Any = None) -> m.Imu:
    return m.Imu(stamp_s, "imu", np.array([0.1, 0.2, rate]), np.array([0.0, 0.0, 9.8]), orientation)


def far(stamp_s: float, frame: str = "lidar") -> m.LaserScan:
    return scan_of(np.full(len(ANGLES), 9.0), stamp_s, frame)


# --- time ---


def test_the_clock_begins_with_the_first_word_that_is_a_time() -> None:
    for word in (7.0, 0.04, -3.0):
        heard = unheard()
        assert (heard.now(), heard.now_s, heard.last_refusal, heard.refused) == (0.0, None, "", {})
        for nonsense in (math.nan, math.inf):
            heard.between_ticks(nonsense)
            assert not heard.clock(nonsense) and heard.now_s is None
        heard.between_ticks(word)
        assert heard.now() == word
    heard = unheard()
    assert heard.clock(3.0) is False and heard.now() == 3.0 and heard.faults(3.0) == ()


@pytest.mark.parametrize(
    ("stamp", "now"),
    [(0.04, 0.04), (float(AHEAD(0.05, 0.0)), float(AHEAD(0.05, 0.0))), (0.05, 0.0), (0.06, 0.0), (-0.01, 0.0)],
)
def test_a_message_moves_the_clock_on_by_less_than_a_twentieth_of_a_second(stamp: float, now: float) -> None:
    heard = hearing()
    heard.clock(0.0)
    heard.between_ticks(stamp)
    assert heard.now() == now


def test_a_clock_that_goes_back_by_half_a_second_stands_and_by_more_everything_is_forgotten() -> None:
    heard = hearing()
    wheels(heard, 10.0, 0.5)
    say(heard, "scan", far(10.0), 10.0)
    say(heard, "imu/data", imu(10.0, 0.3), 10.0)
    assert not heard.clock(9.5) and heard.now() == 10.0
    assert heard.inputs.stamp_s("wheel/odometry") == 10.0 and heard.faults(10.0) == ()
    assert heard.clock(float(AHEAD(9.5, 0.0))) and heard.now() == AHEAD(9.5, 0.0)
    assert heard.inputs.stamp_s("wheel/odometry") is None and heard.ranges.awaited() == ()
    heard.clock(10.0)
    wheels(heard, 10.0, 0.5, 0.1)
    assert heard.reckoning.w_rps == 0.1, "the gyroscope of before the jump turns nothing"


def test_all_that_is_placed_in_time_is_forgotten_when_the_clock_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    heard, told = hearing(), []
    parts = ("inputs", "reckoning", "ranges", "place", "incline", "reaction", "site_state", "motion", "orders")
    for part in parts:
        monkeypatch.setattr(type(getattr(heard, part)), "forget", lambda _, part=part: told.append(part))
    assert heard.clock(5.0) and tuple(told) == parts


@pytest.mark.parametrize(
    ("first", "then", "jump"),
    [
        (1.0, 2.0, ()),
        (1.0, 2.5, (Fault("clock forward", {"by_s": 1.5}),)),
        (1.0, 0.75, ()),
        (1.0, 0.25, (Fault("clock back", {"by_s": -0.75}),)),
    ],
)
def test_a_clock_that_jumps_is_told_with_how_far(first: float, then: float, jump: tuple[Fault, ...]) -> None:
    heard = unheard()
    heard.clock(first)
    heard.clock(then)
    assert heard.faults(heard.now()) == jump


def test_a_jump_is_the_reason_for_standing_for_three_tenths_of_a_second() -> None:
    heard = hearing()
    heard.clock(-5.0)
    heard.clock(0.0)
    jump = (Fault("clock forward", {"by_s": 5.0}),)
    assert heard.faults(0.0) == heard.faults(0.29) == jump
    assert heard.faults(0.3) == heard.faults(-0.01) == heard.faults(1.0) == ()


# --- what it comes to ---


@pytest.mark.parametrize(
    ("v", "w", "seen", "rest"),
    [
        (0.02, 0.05, 0.15, True), (-0.02, -0.05, -0.15, True), (0.0, 0.0, 0.0, True),
        (0.0201, 0.0, 0.0, False), (0.0, 0.0501, 0.0, False), (0.0, 0.0, 0.1501, False), (0.0, 0.0, -0.1501, False),
        (0.3, 0.0, 0.0, False), (0.0, 0.3, 0.3, False),
    ],
)  # fmt: skip
def test_at_rest_is_who_rolls_turns_and_slides_no_faster_than_the_noise(
    v: float, w: float, seen: float, rest: bool
) -> None:
    heard = hearing()
    wheels(heard, 10.0, v, w)
    say(heard, "state/odometry", odometry(10.0, 1.0, 2.0, 0.0, seen, 0.0), 10.0)
    assert heard.at_rest() is rest


def test_whether_it_stands_is_not_known_without_a_clock_or_fresh_wheels() -> None:
    heard = unheard()
    assert heard.at_rest() is None
    heard.clock(0.0)
    assert heard.at_rest() is None
    wheels(heard, 0.0, 0.0)
    heard.clock(0.2)
    assert heard.at_rest() is True
    heard.clock(0.21)
    assert heard.at_rest() is None


@pytest.mark.parametrize(("v", "w", "moves"), [(0.3, 0.0, True), (0.0, -0.2, True), (0.0, 0.0, False)])
def test_a_persons_motion_without_the_dead_man_is_refused_and_their_standing_is_not(
    v: float, w: float, moves: bool
) -> None:
    heard = hearing(deadman_s=0.5)
    say(heard, "cmd_vel_teleop", twist(10.0, v, w), 10.0)
    refused = Command("teleop", refused="dead-man not held")
    assert heard.command("", 10.0) == (refused if moves else Command("teleop", v, w))
    say(heard, "deadman", m.Flag(True), 10.0)
    assert heard.command("", 10.0) == Command("teleop", v, w)
    say(heard, "cmd_vel_teleop", twist(10.0, math.nan), 10.0)
    say(heard, "deadman", m.Flag(False), 10.0)
    assert heard.command("", 10.0) == Command("teleop", refused="nan"), "its own reason goes before"


def test_autonomy_needs_no_dead_man_and_each_source_has_its_own_time() -> None:
    heard = hearing(deadman_s=0.5, autonomy_s=0.25, teleop_s=0.5)
    assert heard.command("", 10.0) == Command() == ("none", 0.0, 0.0, "", False, "")
    assert heard.commands == {"cmd_vel_nav": Command("autonomy"), "cmd_vel_teleop": Command("teleop")}
    say(heard, "cmd_vel_nav", twist(10.0, 0.4, 0.1), 10.0)
    assert heard.command("", 10.25) == Command("autonomy", 0.4, 0.1)
    assert heard.command("", 10.26) == Command(lost=True)
    say(heard, "deadman", m.Flag(True), 10.0)
    say(heard, "cmd_vel_teleop", twist(10.0, 0.2), 10.0)
    assert heard.command("", 10.5) == Command("teleop", 0.2)
    assert heard.command("ann", 10.51) == Command("teleop", refused="", lost=True, driver="ann")


def test_waited_for_is_a_scan_the_wheels_and_where_zones_are_the_place() -> None:
    zones = ("scan", "wheel/odometry", "state/odometry", "state/map_to_odom")
    heard = hearing()
    assert heard.missing() == zones
    say(heard, "scan", far(10.0), 10.0)
    wheels(heard, 10.0, 0.0)
    assert heard.missing() == zones[2:]
    everywhere = hearing(GateParameters(require_imu=True))
    assert everywhere.missing() == ("scan", "wheel/odometry", "imu/data", "state/odometry", "state/map_to_odom")
    slope = Slope(kind="slope", id="hill", clause="site order 1", hazard="rolls over", max_slope_rad=0.2)
    file = rules().file.model_copy(update={"rules": (slope,)})
    ruled = Hearing(compiled()._replace(file=file), rules().robot, GateParameters(), 5.0)
    assert ruled.missing() == everywhere.missing(), "a rule about slopes needs the IMU"


def test_each_input_is_stale_beyond_its_own_age() -> None:
    ages = {"scan lidar": 0.25, "wheel/odometry": 0.5, "imu/data": 0.75, "state/odometry": 1.0,
            "state/map_to_odom": 1.25}  # fmt: skip
    watch = dict(zip(("scan_s", "wheel_odometry_s", "imu_s", "state_s", "map_to_odom_s"), ages.values(), strict=True))
    heard = hearing(GateParameters(require_imu=True), **watch)
    heard.clock(0.0)
    say(heard, "scan", far(0.0), 0.0)
    wheels(heard, 0.0, 0.0)
    say(heard, "imu/data", imu(0.0, 0.0), 0.0)
    say(heard, "state/odometry", odometry(0.0, 0.0, 0.0, 0.0, 0.0, 0.0), 0.0)
    say(heard, "state/map_to_odom", m.Pose(0.0, "map", np.zeros(3), np.array([0, 0, 0, 1.0]), np.eye(6)), 0.0)
    for now in (0.25, 0.26, 0.5, 0.51, 0.75, 0.76, 1.0, 1.01, 1.25, 1.26):
        assert {name for name, _ in heard.stale(now)} == {name for name, age in ages.items() if now > age}
        assert all(age_s == now for _, age_s in heard.stale(now))


def test_a_stream_that_thins_out_is_told_with_its_rate() -> None:
    heard = hearing(min_rate_hz={"wheel/odometry": 8.0})
    for k in range(6):
        wheels(heard, 10.0 + 0.25 * k, 0.0)
        heard.clock(10.25 + 0.25 * k)
    assert heard.faults(heard.now()) == (Fault("wheel/odometry rate", {"rate_hz": 4.0}),)


def test_what_is_refused_is_counted_by_topic_and_the_last_is_told() -> None:
    heard = hearing()
    assert heard.refuse("a", "x") is heard.refuse("a", "y") is heard.refuse("b", "z") is False
    assert (heard.refused, heard.last_refusal) == ({"a": 2, "b": 1}, "b: z")


# --- takers ---

BIG = 1.7e308  # two of these add up to no number


@pytest.mark.parametrize(
    ("topic", "data", "stamp", "why"),
    [
        ("cmd_vel_nav", twist(10.0, math.nan), 10.0, "nan"),
        ("cmd_vel_nav", twist(10.0, BIG, BIG), 10.0, "nan"),
        ("cmd_vel_teleop", m.Twist(10.0, "base_link", BIG, 0.0, BIG), 10.0, "nan"),
        ("cmd_vel_teleop", m.Twist(10.0, "base_link", 0.0, 0.0, math.inf), 10.0, "nan"),
        ("cmd_vel_nav", twist(10.0, 0.1, frame="map"), 10.0, "frame 'map'"),
        ("cmd_vel_nav", twist(10.21, 0.1), 10.21, "future"),
        ("scan", far(10.0, "nose"), 10.0, "frame 'nose'"),
        ("scan", far(10.21), 10.21, "future"),
        ("points", m.PointCloud(10.0, "nose", np.zeros((1, 3), np.float32)), 10.0, "frame 'nose'"),
        ("points", m.PointCloud(10.3, "lidar", np.zeros((1, 3), np.float32)), 10.3, "future"),
        ("wheel/odometry", odometry(10.0, 0, 0, 0, 100.1, 0), 10.0, "impossible"),
        ("wheel/odometry", odometry(10.0, 0, 0, 0, 0, -100.1), 10.0, "impossible"),
        ("wheel/odometry", odometry(10.0, 0, 0, 0, math.nan, 0), 10.0, "nan"),
        ("wheel/odometry", odometry(10.0, 0, 0, 0, 0, math.inf), 10.0, "nan"),
        ("wheel/odometry", odometry(10.0, 0, 0, 0, BIG, BIG), 10.0, "nan"),
        ("wheel/odometry", odometry(math.nan, 0, 0, 0, 0, 0), math.nan, "nan"),
        ("imu/data", m.Imu(10.0, "nose", np.zeros(3), np.zeros(3)), 10.0, "frame 'nose'"),
        ("imu/data", imu(10.0, 100.1), 10.0, "impossible"),
        ("imu/data", imu(10.0, math.nan), 10.0, "nan"),
        ("imu/data", imu(10.5, 0.0), 10.5, "future"),
        ("state/odometry", odometry(10.0, math.nan, 0, 0, 0, 0), 10.0, "nan"),
        ("state/odometry", odometry(10.5, 0, 0, 0, 0, 0), 10.5, "future"),
        ("state/map_to_odom", m.Pose(10.0, "odom", np.zeros(3), np.array([0, 0, 0, 1.0]), np.eye(6)), 10.0,
         "nan, frame or no covariance"),
        ("state/map_to_odom", m.Pose(10.5, "map", np.zeros(3), np.array([0, 0, 0, 1.0]), np.eye(6)), 10.5, "future"),
        ("deadman", m.Flag(True), 10.21, "future"),
        ("deadman", m.Flag(True), math.inf, "nan"),
        ("deadman", m.Flag(True), math.nan, "nan"),
        ("site/state", m.Diagnostics(10.21, ()), 10.21, "future"),
        ("site/state", m.Diagnostics(math.nan, ()), math.nan, "nan"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_counted_and_named_and_only_a_command_is_answered(
    topic: str, data: Any, stamp: float, why: str
) -> None:
    heard = hearing()
    assert say(heard, topic, data, stamp) is topic.startswith("cmd_vel")
    assert (heard.refused, heard.last_refusal) == ({topic: 1}, f"{topic}: {why}")
    if topic.startswith("cmd_vel"):
        source = heard.commands[topic].source
        assert heard.command("", 10.0) == Command(source, refused=why) and heard.inputs.stamp_s(topic) == 10.0


@pytest.mark.parametrize(
    ("topic", "data", "stamp", "answered"),
    [
        ("cmd_vel_nav", twist(10.0, 0.1, frame=""), 10.0, True),
        ("cmd_vel_nav", twist(10.2, 0.1), 10.2, True),
        ("scan", far(10.2), 10.2, True),
        ("points", m.PointCloud(10.0, "lidar", np.ones((4, 3), np.float32)), 10.0, False),
        ("wheel/odometry", odometry(10.2, 0, 0, 0, 100.0, -100.0), 10.2, False),
        ("wheel/odometry", m.Odometry(10.0, "odom", "base_footprint", *4 * (np.array([0, 0, 0, 1.0]),)), 10.0, False),
        ("wheel/odometry", m.Odometry(10.0, "odom", "", *4 * (np.array([0, 0, 0, 1.0]),)), 10.0, False),
        ("imu/data", imu(10.0, -100.0), 10.0, False),
        ("state/odometry", odometry(10.0, 0, 0, 0, 0, 0), 10.0, False),
        ("state/map_to_odom", m.Pose(10.0, "map", np.zeros(3), np.array([0, 0, 0, 1.0]), np.eye(6)), 10.0, False),
        ("deadman", m.Flag(True), 10.2, True),
        ("deadman", m.Flag(False), -math.inf, True),
        ("heartbeat", m.Diagnostics(10.0, ()), 10.0, False),
        ("site/state", m.Diagnostics(10.2, ()), 10.2, True),
    ],
)  # fmt: skip
def test_what_can_be_used_is_in_use_at_the_bound_itself_and_only_some_is_answered_at_once(
    topic: str, data: Any, stamp: float, answered: bool
) -> None:
    heard = hearing()
    assert say(heard, topic, data, stamp) is answered and heard.refused == {}


def test_a_command_older_than_the_last_is_dropped_and_the_last_one_stays() -> None:
    heard = hearing()
    say(heard, "cmd_vel_nav", twist(10.0, 0.4), 10.0)
    assert say(heard, "cmd_vel_nav", twist(9.9, math.nan), 9.9) is False
    assert heard.commands["cmd_vel_nav"] == Command("autonomy", 0.4) and heard.last_refusal == "cmd_vel_nav: order"


def test_who_commands_too_often_is_refused_by_name() -> None:
    heard = hearing(max_command_hz=20.0)
    for k in range(40):
        say(heard, "cmd_vel_nav", twist(10.0 + 0.001 * k, 0.4), 10.0 + 0.001 * k)
    assert heard.commands["cmd_vel_nav"] == Command("autonomy", refused="too many a second")


@pytest.mark.parametrize(
    ("v", "w", "moves"),
    [(0.05, 0.0, True), (0.0, -0.05, True), (0.03, 0.03, True), (-0.03, 0.03, True), (0.049, 0.0, False)],
)
def test_a_sensor_that_repeats_itself_is_suspect_while_the_robot_moves(
    monkeypatch: pytest.MonkeyPatch, v: float, w: float, moves: bool
) -> None:
    heard, seen = hearing(), []

    def taken(*given: Any) -> str:
        seen.append(given[2:])
        return ""

    monkeypatch.setattr(heard.ranges, "sweep", taken)
    monkeypatch.setattr(heard.ranges, "cloud", taken)
    wheels(heard, 10.0, v, w)
    say(heard, "scan", far(9.9), 9.9)
    say(heard, "points", m.PointCloud(9.9, "lidar", np.zeros((1, 3), np.float32)), 9.9)
    assert seen == [(9.9, 10.0, moves)] * 2


@pytest.mark.parametrize(("gyro_s", "fresh"), [(0.05, False), (-0.05, False), (0.049, True), (-0.049, True)])
def test_the_gyroscope_goes_before_the_wheels_within_a_twentieth_of_a_second(
    monkeypatch: pytest.MonkeyPatch, gyro_s: float, fresh: bool
) -> None:
    heard, checked, leant = hearing(), [], []
    heard.clock(0.0)
    monkeypatch.setattr(heard.motion, "wheels", lambda *given: checked.append(given[:4]))
    monkeypatch.setattr(heard.incline, "wheels", lambda *given: leant.append(given))
    say(heard, "imu/data", imu(gyro_s, 0.0), gyro_s)  # 0 is a word of the gyroscope too
    wheels(heard, 0.0, 0.3, 0.1)
    assert heard.reckoning.w_rps == (0.0 if fresh else 0.1)
    assert checked == [(0.0, 0.3, 0.1, 0.0 if fresh else None)] and leant == [(0.0, 0.3)]


def test_what_the_imu_feels_is_compared_with_itself_and_turns_nothing_where_it_comes_late(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    heard, felt, leant = hearing(), [], []
    monkeypatch.setattr(heard.motion, "imu", lambda *given: felt.append(given))
    monkeypatch.setattr(heard.incline, "take", lambda *given: leant.append(given[0]))
    say(heard, "imu/data", imu(10.0, 0.3), 10.0)
    say(heard, "imu/data", imu(9.0, 0.9), 9.0)
    wheels(heard, 10.0, 0.0)
    assert felt == [(10.0, (0.1, 0.2, 0.3, 0.0, 0.0, 9.8))] and leant == [10.0] and heard.reckoning.w_rps == 0.3


LEVEL, ASIDE = np.array([0.0, 0.0, 0.0, 1.0]), np.array([math.sin(0.15), 0.0, 0.0, math.cos(0.15)])


@pytest.mark.parametrize(
    ("orientation", "felt", "lean", "tilt"),
    [
        (ASIDE, True, Lean(0.2, 0.0, 0.2), 0.3),  # what the IMU itself says of it goes first
        (LEVEL, True, Lean(0.2, 0.0, 0.2), 0.0),
        (None, True, Lean(0.2, 0.0, 0.2), 0.2),
        (None, False, Lean(0.2, 0.0, 0.2), 0.1),  # nothing new was felt: what was known stays
        (None, True, None, 0.1),
        (np.zeros(4), True, Lean(0.2, 0.0, 0.2), 0.1),  # an orientation that is none is no leave to guess
    ],
)
def test_the_tilt_is_the_imus_own_word_else_what_is_felt_else_as_before(
    orientation: Any, felt: bool, lean: Lean | None, tilt: float
) -> None:
    heard = hearing()
    assert heard.tilt_rad == 0.0
    heard.tilt_rad = 0.1
    heard.incline = SimpleNamespace(take=lambda *_: felt, lean=lean)  # type: ignore[assignment]
    say(heard, "imu/data", imu(10.0, 0.0, orientation), 10.0)
    assert heard.tilt_rad == pytest.approx(tilt, abs=1e-9)


def test_perceptions_speed_counts_where_its_message_does() -> None:
    heard = hearing()
    say(heard, "state/odometry", odometry(10.0, 1.0, 2.0, 0.0, 0.7, 0.0), 10.0)
    assert heard.motion.perceived_mps(10.0) == 0.7
    say(heard, "state/odometry", odometry(9.9, 1.0, 2.0, 0.0, 0.1, 0.0), 9.9)
    assert heard.motion.perceived_mps(10.0) == 0.7 and heard.last_refusal == "state/odometry: order"


def test_a_heartbeat_tells_the_crew_who_is_active_in_which_process() -> None:
    heard, told = hearing(), []
    heard.crew = SimpleNamespace(hear=lambda *given: told.append(given))  # type: ignore[assignment]
    values: list[dict[str, str]] = [{"active": "true", "pid": "7"}, {"active": "false"}, {}]
    statuses = tuple(m.Status(0, f"node {k}", "", given) for k, given in enumerate(values))
    say(heard, "heartbeat", m.Diagnostics(10.0, statuses), 10.0)
    assert told == [("node 0", True, "7"), ("node 1", False, ""), ("node 2", False, "")]


def test_the_dead_man_and_the_sites_gates_count_from_their_stamp() -> None:
    heard = hearing(deadman_s=0.5, site_s=3.0)
    say(heard, "deadman", m.Flag(True), 9.5)
    assert heard.orders.refusal(10.0) == "" and heard.orders.refusal(10.01) == "dead-man not held"
    gate = m.Status(0, "east", "", {"open": "true"})
    say(heard, "site/state", m.Diagnostics(9.0, (gate,)), 9.0)
    assert heard.site_state.open_gates(12.0) == {"east"} and heard.site_state.open_gates(12.1) == frozenset()


def test_a_sensor_is_known_by_its_mount_on_the_robot() -> None:
    heard = hearing()
    assert say(heard, "scan", far(10.0, "lidar"), 10.0) and heard.ranges.awaited() == ("scan lidar",)
