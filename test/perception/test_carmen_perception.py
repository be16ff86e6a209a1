"""CARMEN logs: what is read, what is refused."""

from __future__ import annotations

import bz2
import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from physical_ai_bench.benchmarks.slam import judge
from physical_ai_bench.carmen import Relations, _scan, ray_angles, read_log, read_relations
from physical_ai_core.errors import InputError


def line(stamp: float = 1.0, rays: int = 4, pose: str = "0.1 0.2 0.3", robot: str = "0.1 0.2 0.3") -> str:
    return f"FLASER {rays} {' '.join(['2.5'] * rays)} {pose} {robot} {stamp} host {stamp}\n"


def test_plain_and_compressed_logs_read_alike(tmp_path: Path) -> None:
    text = ("# a log\nPARAM x 1\nODOM 0 0 0 0 0 0 1 host 1\n" + line(1.0) + line(0.5)).encode()
    plain, squeezed, zipped = tmp_path / "a.clf", tmp_path / "a.clf.bz2", tmp_path / "a.log.gz"
    plain.write_bytes(text)
    squeezed.write_bytes(bz2.compress(text))
    zipped.write_bytes(gzip.compress(text))
    for path in (plain, squeezed, zipped):
        log = read_log(path)
        assert log.stamps_s.tolist() == [1.0, 0.5], "the file's order, also where stamps go back"
        assert log.odometry.tolist() == [[0.1, 0.2, 0.3]] * 2
        assert log.ranges.shape == (2, 4) and log.refused == 0


def test_bad_lines_are_counted_and_left_out(tmp_path: Path) -> None:
    bad = [
        "FLASER\n", "FLASER four 1 2\n", "FLASER -1 1\n", "FLASER 99999999 1 2\n", line()[:30] + "\n",
        line().replace("2.5", "x", 1), line(pose="nan 0 0", robot="nan 0 0"), line().replace("1.0 host", "inf host"),
        line(rays=7),
    ]  # fmt: skip
    path = tmp_path / "a.clf"
    path.write_text(
        line() + "".join(bad) + line(2.0).replace("2.5", "nan", 1) + "\x00\xff garbage\n", encoding="latin1"
    )
    log = read_log(path)
    assert log.refused == len(bad)
    assert len(log.stamps_s) == 2 and np.isnan(log.ranges[1, 0])


@given(st.binary(max_size=200))
def test_no_line_breaks_the_reader(text: bytes) -> None:
    scan = _scan(b"FLASER " + text)
    assert scan is None or np.isfinite(scan[1]).all()


def test_a_file_without_scans_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.clf.bz2"
    path.write_bytes(b"no bzip2 at all")
    with pytest.raises(InputError, match="cannot be read"):
        read_log(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_log(tmp_path / "missing.clf")
    (tmp_path / "b.clf").write_text("ODOM 0 0 0\n")
    with pytest.raises(InputError, match="no FLASER"):
        read_log(tmp_path / "b.clf")


def test_a_corrected_pose_in_the_lasers_place_is_no_odometry(tmp_path: Path) -> None:
    path = tmp_path / "a.clf"
    path.write_text(line(1.0, pose="0 0 0", robot="0 0 0") + line(2.0, pose="5 1 0", robot="4 0 0"))
    assert read_log(path).odometry.tolist() == [[0, 0, 0], [4, 0, 0]]
    path.write_text(line(1.0, pose="0.2 0 0", robot="0 0 0") + line(2.0, pose="4.2 0 0", robot="4 0 0"))
    assert read_log(path).odometry.tolist() == [[0.2, 0, 0], [4.2, 0, 0]], "a fixed mount is the laser's own odometry"


def test_rays_stand_a_degree_apart_or_half_one() -> None:
    for count, degrees in ((180, 1.0), (181, 1.0), (360, 0.5), (361, 0.5)):
        angles = np.degrees(ray_angles(count))
        assert angles[0] == -90.0 and np.allclose(np.diff(angles), degrees)


def test_relations_are_judged_at_their_stamps(tmp_path: Path) -> None:
    path = tmp_path / "r"
    path.write_text("2 1 -1 0.3 0 0 0 0.1\n")
    errors = judge(np.array([2.0, 1.0]), np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]), read_relations(path))
    assert errors.translation_m == pytest.approx([0.3]) and errors.rotation_rad == pytest.approx([0.1])
    with pytest.raises(InputError, match="from every scan"):
        judge(np.array([2.0, 1.0]), np.zeros((2, 3)), Relations(np.array([[1.0, 5.0]]), np.zeros((1, 3))))
    path.write_text("1 2 3\n")
    with pytest.raises(InputError, match="rows of 8"):
        read_relations(path)
