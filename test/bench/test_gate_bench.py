"""The benchmark of the gate: its parts in their smallest form, and what its figures mean."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from physical_ai_bench.benchmarks.gate import Measured, Size, gate_page, keep, measure, table
from physical_ai_bench.carmen import CarmenLog
from physical_ai_bench.gate_load.monitor import SITUATIONS, Figures, figures, replay, run_situation
from physical_ai_bench.gate_load.speed import measure_speed
from physical_ai_bench.gate_load.traffic import PassingGate, Stop
from physical_ai_bench.gate_load.wire_times import Killed, WireTimes, base_bound_s
from physical_ai_bench.gate_load.world import PeerMonitor, Room, site_with_zones
from physical_ai_core import messages as m
from physical_ai_core.errors import InputError
from physical_ai_core.site import load_site


def test_a_ray_meets_the_nearest_of_walls_and_discs() -> None:
    room = Room([(5.0, -1.0, 5.0, 1.0)], [(3.0, 0.0, 0.5)])
    assert room.cast(0.0, 0.0, np.array([0.0, math.pi])) == pytest.approx([2.5, math.inf])
    assert Room(room.walls).cast(0.0, 0.0, np.array([0.1])) == pytest.approx([5.0 / math.cos(0.1)])


def test_the_site_has_twenty_zones_and_can_be_loaded(tmp_path: Path) -> None:
    assert len(load_site(str(site_with_zones(tmp_path))).zones) == 20


def test_the_peers_way_slows_for_what_the_motion_meets_and_not_for_what_it_passes() -> None:
    peer = PeerMonitor([(0.25, 0.21), (-0.25, 0.21), (-0.25, -0.21), (0.25, -0.21)])
    wall = np.column_stack([np.full(9, 0.6), np.linspace(-0.2, 0.2, 9)])
    assert peer.points(wall, 1.0, 0.0) == pytest.approx(4 / 12)
    assert peer.points(wall, -1.0, 0.0) == 1.0


def test_every_kind_of_call_is_timed_and_the_robot_drives_meanwhile() -> None:
    found = {t.name: t for t in measure_speed(rounds=3, rays=(720,), cloud_points=500)}
    assert {name.split(", ")[1] for name in found} == {"decide", "whole core", "people", "command", "peer"}
    assert all((t.cpu_us > 1.0).all() and (t.cpu_us < 1e6).all() for t in found.values())
    assert len(table(Measured(speed=list(found.values())))) == 5


def test_the_gate_stops_at_once_holds_and_goes_on() -> None:
    found = run_situation(SITUATIONS[0])
    assert found.stop_s < 0.1 and found.hold > 0.95 and found.resume_s < 0.8 and not found.contact
    assert found.way_m < SITUATIONS[0].gap_m


def test_the_figures_are_the_peers() -> None:
    t = np.arange(0.0, 10.0, 0.05)
    stopped = ((t >= 3.2) & (t < 8.4)) | ((t >= 1.0) & (t < 1.1))
    found = figures("", list(zip(t.tolist(), np.where(stopped, 0.0, 0.2).tolist(), strict=True)))
    assert found.stop_s == pytest.approx(0.3) and found.hold == pytest.approx(0.96, abs=0.01)
    assert found.resume_s == pytest.approx(0.5) and found.false_stops == pytest.approx(6 / 92, abs=0.01)
    assert not found.kept and Figures("", 0.1, 1.0, 0.5, 0.0, 0.0).kept


@pytest.mark.parametrize(("range_m", "share"), [(8.0, 0.0), (0.15, 1.0)])
def test_recorded_driving_is_stopped_only_by_what_is_near(range_m: float, share: float) -> None:
    n, rng = 60, np.random.default_rng(0)
    poses = np.column_stack([0.06 * np.arange(n), np.zeros(n), np.zeros(n)])
    ranges = range_m + 0.01 * rng.standard_normal((n, 180))
    log = CarmenLog(0.2 * np.arange(n), poses, ranges, np.linspace(-0.5 * math.pi, 0.5 * math.pi, 180), 0)
    found = replay("", log, 60.0, "default")
    assert found.moving > 40 and found.share == pytest.approx(share, abs=0.02)


def test_the_gate_that_passes_everything_passes_it_until_it_is_old() -> None:
    gate = PassingGate()
    assert gate.handle("cmd_vel_nav", m.Twist(1.0, "base_link", 0.7, 0.1), 1.0)[0].data.linear_x_mps == 0.7
    assert gate.handle("scan", None, 1.0) == ()
    assert gate.tick(1.1)[0].data.linear_x_mps == 0.7 and gate.tick(1.5)[0].data.linear_x_mps == 0.0


def test_a_stop_is_false_where_nothing_was_near_or_an_input_was_called_stale() -> None:
    assert not Stop(0.0, "person", "approach", 1.0, 0.5, 1.2).false
    assert Stop(0.0, "person", "approach", 1.0, 2.5, 1.2).false
    assert Stop(0.0, "stale_input", "scan", 1.0, 0.1, 1.2).false


def test_the_page_says_yes_and_no_by_the_targets(tmp_path: Path) -> None:
    some = np.linspace(1.0, 2.0, 200)
    wire = WireTimes(
        {"gate": some, "relay": some, "busy": some}, {"gate": some + 5.0, "relay": some, "busy": some}, {"gate": 200}
    )
    killed = Killed(0.8, 0.0, 0.7, 0.3, 0.0, 1.0, 0.0, 0.8)
    assert base_bound_s(0.8, 1.6) == pytest.approx(0.75)
    keep("wire", Measured(wire=wire), "quiet", tmp_path)
    keep("kill", Measured(killed=[killed]), "", tmp_path)
    text = gate_page(tmp_path).text()
    command = next(line for line in text.splitlines() if "command out, bare relay" in line)
    scan = next(line for line in text.splitlines() if "zero leaves (200 stops), bare relay" in line)
    assert command.endswith("| yes |  |") and "1.00 / 1.00 ×" in command
    assert scan.endswith("| **no** |  |") and "+5.00 / +5.00 ms" in scan
    assert "SIGKILL at 0.80 m/s" in text and "quiet" in text


def test_an_unknown_part_is_refused_with_the_parts_there_are() -> None:
    with pytest.raises(InputError, match="traffic"):
        measure("speeed", {}, Size())
