"""CARMEN logs: `FLASER` lines of a planar laser with the robot's odometry, and relations between poses to judge by.

A line is `FLASER count ranges… x y yaw odom_x odom_y odom_yaw stamp host logger_stamp`; metres and radians, rays evenly
over the field of view, counter-clockwise. The first pose is the laser's, the second the robot's, both by the wheels.
Lines keep their order in the file: stamps of old logs do not always rise.
"""

from __future__ import annotations

import bz2
import gzip
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

import numpy as np
from numpy.typing import NDArray

from physical_ai_core.errors import InputError
from physical_ai_core.geometry import Array, wrap

TAIL: Final = 7  # fields after the ranges that are needed
MOST_RAYS: Final = 4000
MOUNT_SLACK: Final = 0.01  # m, rad
HALF_TURN: Final = 180  # so many rays, or one more, stand a degree apart


@dataclass(frozen=True)
class CarmenLog:
    """N scans in the order of the file.

    `stamps_s` (N,); `odometry` (N, 3) `[x, y, yaw]` of the laser as the wheels have it; `ranges` (N, M) metres, also
    those beyond the sensor's reach; `angles` (M,) of the rays from straight ahead. `refused` counts FLASER lines that
    could not be used.
    """

    stamps_s: Array
    odometry: Array
    ranges: Array
    angles: Array
    refused: int


@dataclass(frozen=True)
class Relations:
    """R relative poses that a person has verified: of the second scan seen from the first, by their stamps."""

    stamps_s: Array
    motion: Array


def read_log(path: Path) -> CarmenLog:
    """Read `FILE.clf`, `.log`, or either compressed (`.bz2`, `.gz`). Raises InputError without a usable scan.

    A line that is cut, has words for numbers, is not finite, or another count of rays than the first is refused.
    """
    stamps: list[float] = []
    poses: list[Array] = []
    ranges: list[Array] = []
    refused = 0
    try:
        with _open(path) as lines:
            for line in lines:
                if not line.startswith(b"FLASER"):
                    continue
                scan = _scan(line)
                if scan is None or (ranges and len(scan[2]) != len(ranges[0])):
                    refused += 1
                    continue
                stamps.append(scan[0])
                poses.append(scan[1])
                ranges.append(scan[2])
    except (OSError, EOFError) as error:
        raise InputError(
            f"The log {path} cannot be read: {error}.", "Give a CARMEN log, plain, .bz2 or .gz."
        ) from error
    if not ranges:
        raise InputError(f"The log {path} has no FLASER line that can be used.", "Give a CARMEN log of a front laser.")
    angles = ray_angles(len(ranges[0]))
    return CarmenLog(np.array(stamps), _laser_odometry(np.array(poses)), np.array(ranges), angles, refused)


def read_relations(path: Path) -> Relations:
    """Rows `t1 t2 x y z roll pitch yaw` (Kümmerle et al. 2009). Raises InputError."""
    try:
        rows = np.loadtxt(path, ndmin=2)
    except (OSError, ValueError) as error:
        raise InputError(
            f"The relations {path} cannot be read: {error}.", "A row is t1 t2 x y z roll pitch yaw."
        ) from error
    if rows.size == 0 or rows.shape[1] != 8 or not np.isfinite(rows).all():
        raise InputError(f"The relations {path} are not finite rows of 8.", "A row is t1 t2 x y z roll pitch yaw.")
    return Relations(rows[:, :2], rows[:, [2, 3, 7]])


def ray_angles(count: int) -> Array:
    """Angles (count,) of a half-turn scanner: from -90° on, a degree apart for 180 and 181 rays, half one for 360."""
    spacing = math.pi / (round(count / HALF_TURN) * HALF_TURN) if count >= HALF_TURN else math.pi / max(count - 1, 1)
    return np.asarray(-0.5 * math.pi + spacing * np.arange(count))


def _laser_odometry(poses: Array) -> Array:
    """(N, 3) of poses (N, 6), the laser's then the robot's. Only the robot's, where the first is no fixed mount on it.

    Some tools write a corrected pose in the laser's place: that would be the answer, not odometry.
    """
    laser, robot = poses[:, :3], poses[:, 3:]
    c, s = np.cos(robot[:, 2]), np.sin(robot[:, 2])
    dx, dy = laser[:, 0] - robot[:, 0], laser[:, 1] - robot[:, 1]
    mount = np.column_stack([c * dx + s * dy, c * dy - s * dx, wrap(laser[:, 2] - robot[:, 2])])
    off = mount - mount[0]
    off[:, 2] = wrap(off[:, 2])
    fixed = np.abs(off).max() < MOUNT_SLACK
    return np.asarray(laser if fixed else robot)


def _open(path: Path) -> IO[bytes]:
    if path.suffix == ".bz2":
        return bz2.open(path, "rb")
    if path.suffix == ".gz":
        return gzip.open(path, "rb")  # type: ignore[return-value]
    return path.open("rb")


def _scan(line: bytes) -> tuple[float, Array, Array] | None:
    """Stamp, odometry and ranges of a line; None if it cannot be used."""
    words = line.split()
    try:
        count = int(words[1])
        if not 2 <= count <= MOST_RAYS or len(words) < 2 + count + TAIL:
            return None
        ranges: NDArray[np.float64] = np.array(words[2 : 2 + count], dtype=float)
        tail = words[2 + count :]
        pose, stamp_s = np.array(tail[:6], dtype=float), float(tail[6])
    except (ValueError, IndexError):
        return None
    # A single ray that is no number says nothing; a pose that is none leaves the scan nowhere.
    if not (np.isfinite(pose).all() and math.isfinite(stamp_s)):
        return None
    return stamp_s, pose, ranges


def scans(log: CarmenLog) -> Iterator[tuple[float, Array, Array]]:
    """Stamp, odometry (3,) and ranges (M,) of each scan."""
    yield from zip(log.stamps_s.tolist(), log.odometry, log.ranges, strict=True)
