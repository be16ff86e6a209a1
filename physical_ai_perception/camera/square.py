"""How well a base pose explains the corners of a tag: residuals and Jacobians of many candidate poses at once.

Unknown of a candidate: x, y, z of the base and a small turn (rotation vector), both in the frame of the answer (6).
Measured: eight pixel coordinates. Known beforehand: the base stands level and on the ground, each with a sigma.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.spatial.transform import Rotation

from physical_ai_core.geometry import Array
from physical_ai_perception.camera.calibration import AHEAD_M, Calibration, CameraMount

FREEDOM: Final = 5  # eight coordinates and three prior knowledges, less six unknowns
FARTHEST_M: Final = 1e3
IMPOSSIBLE: Final = 1e12  # cost of a pose from which the tag lies behind the camera
ITERATIONS: Final = 20
CONVERGED: Final = 1e-9  # of the cost
LEAST_DAMPING, MOST_DAMPING = 1e-9, 1e6


@dataclass(frozen=True)
class Trust:
    """One standard deviation each: of a corner (px), of the base's tilt and of the camera mount's angles (rad), of the
    base's height over the ground that tags are measured from (m), of lengths (relative: focal length, tag size);
    `yaw_rad`: a heading less certain than this is not worth saying."""

    pixel: float
    tilt_rad: float
    height_m: float
    mount_rad: float
    scale: float
    yaw_rad: float


@dataclass(frozen=True)
class Candidates:
    """Base poses: `turn` (G, 3, 3) and `xyz_m` (G, 3) in the frame of the answer."""

    turn: Array
    xyz_m: Array

    def __getitem__(self, index: int) -> Candidates:
        return Candidates(self.turn[index : index + 1], self.xyz_m[index : index + 1])

    def moved(self, step: Array) -> Candidates:
        """Each moved by a step (G, 6)."""
        return Candidates(Rotation.from_rotvec(step[:, 3:]).as_matrix() @ self.turn, self.xyz_m + step[:, :3])

    def yaw_rad(self) -> Array:
        return np.arctan2(self.turn[:, 1, 0], self.turn[:, 0, 0])

    def planar(self) -> Array:
        """`[x_m, y_m, yaw_rad]` (G, 3)."""
        return np.column_stack([self.xyz_m[:, :2], self.yaw_rad()])


@dataclass(frozen=True)
class Fit:
    """Of every candidate: residuals (G, 11) in sigmas, their Jacobian (G, 11, 6), the cost (G,)."""

    residual: Array
    jacobian: Array
    cost: Array


@dataclass(frozen=True)
class Square:
    """The problem: corners (4, 2) px were seen; they hang at `object_points` (4, 3) m of the frame of the answer."""

    corners: Array
    object_points: Array
    calibration: Calibration
    mount: CameraMount
    trust: Trust

    def fit(self, poses: Candidates) -> Fit:
        """How well each candidate explains the corners."""
        trust, count = self.trust, len(poses.turn)
        away = self.object_points - poses.xyz_m[:, None]
        optical = self.mount.to_optical(away @ poses.turn)
        seen = np.all(optical[..., 2] > AHEAD_M, axis=1) & np.all(np.abs(optical) < FARTHEST_M, axis=(1, 2))
        pixels, by_point = self.calibration.project(np.where(seen[:, None, None], optical, 1.0).reshape(-1, 3))
        # p = turn^T (corner - xyz); with turn -> exp(a) turn:  dp = turn^T (-dxyz + (corner - xyz) x da)
        optical_from_answer = (poses.turn @ self.mount.turn).transpose(0, 2, 1)[:, None]
        by_pose = np.concatenate(
            [np.broadcast_to(-optical_from_answer, (count, 4, 3, 3)), optical_from_answer @ skew(away)], axis=3
        )
        residual, jacobian = np.empty((count, 11)), np.zeros((count, 11, 6))
        residual[:, :8] = (pixels.reshape(count, 8) - self.corners.ravel()) / trust.pixel
        jacobian[:, :8] = (by_point.reshape(count, 4, 2, 3) @ by_pose).reshape(count, 8, 6) / trust.pixel
        up = poses.turn[:, :, 2]
        residual[:, 8], jacobian[:, 8, 2] = poses.xyz_m[:, 2] / trust.height_m, 1.0 / trust.height_m
        residual[:, 9:], jacobian[:, 9:, 3:] = up[:, :2] / trust.tilt_rad, -skew(up)[:, :2] / trust.tilt_rad
        cost = np.einsum("gi,gi->g", residual, residual)
        return Fit(residual, jacobian, np.where(seen & np.isfinite(cost), cost, IMPOSSIBLE))

    def solve(self, start: Candidates) -> tuple[Candidates, Fit]:
        """Levenberg-Marquardt from one candidate; the best pose found and how it fits."""
        pose, fit, damping = start, self.fit(start), 1e-4
        for _ in range(ITERATIONS):
            jacobian = fit.jacobian[0]
            normal = jacobian.T @ jacobian
            step = np.linalg.solve(normal + damping * np.diag(normal.diagonal()), -jacobian.T @ fit.residual[0])
            moved = pose.moved(step[None])
            better = self.fit(moved)
            gain = float(fit.cost[0] - better.cost[0])
            if gain > 0.0:
                pose, fit, damping = moved, better, max(0.1 * damping, LEAST_DAMPING)
            else:
                damping *= 10.0
            if damping > MOST_DAMPING or 0.0 <= gain < CONVERGED * (1.0 + float(fit.cost[0])):
                break
        return pose, fit

    def slide(self, poses: Candidates, steps: int = 3) -> tuple[Candidates, Fit, Array]:
        """Every candidate at its own heading, all else fitted to it; with the covariances (G, 5, 5) of all else."""
        others = [0, 1, 2, 3, 4]
        for _ in range(steps):
            fit = self.fit(poses)
            jacobian = fit.jacobian[:, :, others]
            normal = jacobian.transpose(0, 2, 1) @ jacobian
            step = np.zeros((len(poses.turn), 6))
            step[:, others] = -np.linalg.solve(normal, (jacobian.transpose(0, 2, 1) @ fit.residual[..., None]))[..., 0]
            poses = poses.moved(np.clip(step, -1.0, 1.0))
        fit = self.fit(poses)
        jacobian = fit.jacobian[:, :, others]
        return poses, fit, np.linalg.inv(jacobian.transpose(0, 2, 1) @ jacobian)


def skew(vectors: Array) -> Array:
    """Matrices (..., 3, 3) of v x, of vectors (..., 3)."""
    matrix = np.zeros((*vectors.shape, 3))
    matrix[..., 0, 1], matrix[..., 0, 2], matrix[..., 1, 2] = -vectors[..., 2], vectors[..., 1], -vectors[..., 0]
    return np.asarray(matrix - matrix.swapaxes(-1, -2))
