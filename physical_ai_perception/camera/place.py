"""Where the robot stands, by one square tag: both poses that a flat square allows, with honest covariance.

Both solutions of IPPE (T. Collins, A. Bartoli, "Infinitesimal plane-based pose estimation", IJCV 109(3), 2014) are
refined. Their covariance is the inverse of the normal matrix by the Jacobian of the reprojection. Where the heading is
ill determined (a tag far away, or seen squarely) the corners' likelihood is not a Gaussian: it is then evaluated along
the heading, all else fitted to each, and its mean and covariance are taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.spatial.transform import Rotation

from physical_ai_core.geometry import Array, rotation, wrap
from physical_ai_perception.camera.calibration import Calibration, CameraMount, opencv
from physical_ai_perception.camera.square import FREEDOM, IMPOSSIBLE, Candidates, Square, Trust
from physical_ai_perception.fusion.samples import Unusable

# Columns: the tag's picture axes (right, up, out of the face), written in the frame of its face (x out, y, z up).
FACE_FROM_PICTURE: Final = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
SQUARE: Final = 0.5 * np.array([[-1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [1.0, -1.0, 0.0], [-1.0, -1.0, 0.0]])
MISFIT: Final = 8.0  # a cost per degree of freedom above this says that size, place or calibration is wrong
SAME_M, SAME_RAD = 1e-3, 1e-3
ILL_DETERMINED_RAD: Final = 0.02
HEADINGS: Final = 41
REACH_SIGMAS: Final = 5.0
WIDEST_RAD: Final = 1.4
FINEST_SIGMAS: Final = 0.7  # a coarser scan than this many sigmas sees nothing between two far poses
TAIL: Final = 1e-2  # of the greatest likelihood, at both ends of what was looked at
NEGLIGIBLE: Final = 1e-4
LONG_LIKELIHOOD: Final = 700.0


@dataclass(frozen=True)
class TagPlace:
    """Where a tag hangs: centre `xyz_m` (3,) and `turn` (3, 3) of its face (x out of it, z up) in the frame of the
    answer; `size_m` edge of the black square; sigmas of what is said here."""

    xyz_m: Array
    turn: Array
    size_m: float
    position_sigma_m: float = 0.0
    yaw_sigma_rad: float = 0.0

    def corners(self) -> Array:
        """Corners (4, 3) in the order of `Tag.corners`."""
        return np.asarray(self.xyz_m + self.size_m * SQUARE @ (self.turn @ FACE_FROM_PICTURE).T)


def face_turn(yaw_rad: float, tilt_rad: float = 0.0, roll_rad: float = 0.0) -> Array:
    """Turn (3, 3) of a face that looks along `yaw_rad`, tilted up by `tilt_rad`, its picture rolled clockwise by
    `roll_rad` as seen by who looks at it."""
    return np.asarray(Rotation.from_euler("ZYX", [yaw_rad, -tilt_rad, -roll_rad]).as_matrix())


@dataclass(frozen=True)
class PlanarFix:
    """Pose of the base (3,) `[x_m, y_m, yaw_rad]` with covariance (3, 3). `misfit`: cost per degree of freedom, 1 is
    expected; `alternative`: probability of the second pose that a flat square allows."""

    pose: Array
    covariance: Array
    misfit: float
    alternative: float


def planar_fix(
    corners: Array, place: TagPlace, calibration: Calibration, mount: CameraMount, trust: Trust
) -> PlanarFix:
    """Planar pose of `base_link` in the frame of `place`, from corners (4, 2) px. Raises Unusable, DependencyError."""
    corners = np.asarray(corners, dtype=float)
    if corners.shape != (4, 2) or not np.isfinite(corners).all():
        raise Unusable("corners are not numbers")
    square = Square(corners, place.corners(), calibration, mount, trust)
    starts = _starts(corners, place, calibration, mount)
    found = sorted((square.solve(start) for start in starts), key=lambda solution: float(solution[1].cost[0]))
    if not found or not float(found[0][1].cost[0]) < IMPOSSIBLE:
        raise Unusable("no pose explains its corners")
    best, fit = found[0]
    misfit = float(fit.cost[0]) / FREEDOM
    if misfit > MISFIT:
        raise Unusable("its corners do not fit its place and size")
    spread = max(1.0, misfit)  # corners as bad as their residuals show, where these are worse than the parameter
    pose, covariance = best.planar()[0], spread * _planar_covariance(fit.jacobian[0])
    second = next((s for s in found[1:] if not _same(best, s[0]) and float(s[1].cost[0]) < IMPOSSIBLE), None)
    alternative = 0.0
    if second is not None:
        excess = 0.5 * float(second[1].cost[0] - fit.cost[0]) / spread
        alternative = float(1.0 / (1.0 + np.exp(min(LONG_LIKELIHOOD, excess))))
    middle, reach = _headings(best, second[0] if second is not None else best, float(np.sqrt(covariance[2, 2])))
    if reach > 0.0:
        pose, covariance = _along_headings(square, best, place, middle, reach, spread)
    elif second is not None and alternative > NEGLIGIBLE:
        pose, covariance = _mixed(pose, covariance, second[0].planar()[0], alternative)
    if not (np.isfinite(pose).all() and np.isfinite(covariance).all()):
        raise Unusable("no pose explains its corners")
    if float(covariance[2, 2]) > trust.yaw_rad**2:
        raise Unusable("heading is ambiguous: too far away, too small or seen too squarely")
    return PlanarFix(pose, _with_systematic(pose, covariance, place, mount, trust), misfit, alternative)


def _starts(corners: Array, place: TagPlace, calibration: Calibration, mount: CameraMount) -> list[Candidates]:
    """Base poses by the solutions of IPPE, each set level on the ground."""
    cv2 = opencv()
    flat = calibration.rays(corners)[:, None, :2]
    try:
        count, turns, moves, _ = cv2.solvePnPGeneric(
            place.size_m * SQUARE, flat, np.eye(3), np.zeros(4), flags=cv2.SOLVEPNP_IPPE_SQUARE
        )
    except cv2.error:
        return []
    starts = []
    for turn, move in list(zip(turns, moves, strict=True))[:count]:
        if not (np.isfinite(turn).all() and np.isfinite(move).all()):
            continue
        turned = place.turn @ FACE_FROM_PICTURE @ (mount.turn @ cv2.Rodrigues(turn)[0]).T
        at = place.xyz_m - turned @ (mount.turn @ move.ravel() + mount.xyz_m)
        level = np.eye(3)
        level[:2, :2] = rotation(float(np.arctan2(turned[1, 0], turned[0, 0])))
        starts.append(Candidates(level[None], np.array([[at[0], at[1], 0.0]])))
    return starts


def _same(a: Candidates, b: Candidates) -> bool:
    difference = (a.planar() - b.planar())[0]
    return bool(np.hypot(*difference[:2]) < SAME_M and abs(float(wrap(difference[2]))) < SAME_RAD)


def _planar_covariance(jacobian: Array) -> Array:
    covariance = np.linalg.inv(jacobian.T @ jacobian + 1e-12 * np.eye(6))
    return np.asarray(covariance[np.ix_([0, 1, 5], [0, 1, 5])])


def _headings(best: Candidates, second: Candidates, sigma_rad: float) -> tuple[float, float]:
    """Where the likelihood must be looked at, as turns from the best pose's heading: middle, and how far to both
    sides; 0: a Gaussian will do."""
    apart = float(wrap(second.yaw_rad()[0] - best.yaw_rad()[0]))
    reach = min(WIDEST_RAD, 0.5 * abs(apart) + REACH_SIGMAS * sigma_rad)
    coarse = 2.0 * reach > (HEADINGS - 1) * FINEST_SIGMAS * sigma_rad
    if sigma_rad < ILL_DETERMINED_RAD and (apart == 0.0 or coarse):
        return 0.0, 0.0
    return 0.5 * apart, reach


def _along_headings(
    square: Square, best: Candidates, place: TagPlace, middle_rad: float, reach_rad: float, spread: float
) -> tuple[Array, Array]:
    """Mean and covariance of the pose by the likelihood along the heading: the robot swings around the tag."""
    while True:
        headings = middle_rad + np.linspace(-reach_rad, reach_rad, HEADINGS)
        turns = Rotation.from_rotvec(headings[:, None] * np.array([0.0, 0.0, 1.0])).as_matrix()
        arm = (best.xyz_m[0] - place.xyz_m)[:, None]
        poses, fit, others = square.slide(Candidates(turns @ best.turn, place.xyz_m + (turns @ arm)[..., 0]))
        likelihood = -0.5 * (fit.cost - fit.cost.min()) / spread + 0.5 * np.linalg.slogdet(others)[1]
        weight = np.exp(likelihood - likelihood.max()) * (fit.cost < IMPOSSIBLE)
        if reach_rad >= WIDEST_RAD or max(weight[0], weight[-1]) < TAIL:
            break
        reach_rad = min(WIDEST_RAD, 2.0 * reach_rad)
    weight /= weight.sum()
    planar = poses.planar()
    middle = planar[int(np.argmax(weight))]
    away = planar - middle
    away[:, 2] = wrap(away[:, 2])
    mean = weight @ away
    away -= mean
    covariance = (weight[:, None] * away).T @ away
    covariance[:2, :2] += spread * np.einsum("g,gij->ij", weight, others[:, :2, :2])
    pose = middle + mean
    pose[2] = float(wrap(pose[2]))
    return pose, covariance


def _mixed(pose: Array, covariance: Array, other: Array, weight: float) -> tuple[Array, Array]:
    """Mean and covariance of two poses far apart, of which the second is improbable."""
    apart = other - pose
    apart[2] = float(wrap(apart[2]))
    mean = pose + weight * apart
    mean[2] = float(wrap(mean[2]))
    return mean, covariance + weight * (1.0 - weight) * np.outer(apart, apart)


def _with_systematic(pose: Array, covariance: Array, place: TagPlace, mount: CameraMount, trust: Trust) -> Array:
    """Adds what no number of pictures averages out: place of the tag, angles of the mount, lengths."""
    to_tag = place.xyz_m[:2] - pose[:2]
    by_yaw = np.array([to_tag[1], -to_tag[0], 1.0])  # the robot swings around the tag
    total = covariance + place.yaw_sigma_rad**2 * np.outer(by_yaw, by_yaw)
    total[0, 0] += place.position_sigma_m**2
    total[1, 1] += place.position_sigma_m**2
    lever = rotation(float(pose[2])) @ mount.xyz_m[:2]
    by_mount = np.array([lever[1], -lever[0], 1.0])
    total += trust.mount_rad**2 * np.outer(by_mount, by_mount)
    along = np.append(to_tag, 0.0)
    total += trust.scale**2 * np.outer(along, along)
    return np.asarray(0.5 * (total + total.T))
