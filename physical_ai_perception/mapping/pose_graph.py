"""Pose graph on SE(2): the poses that agree best with measured motions between them.

Gauss-Newton on the manifold with scipy's sparse LU (Grisetti, Kümmerle, Stachniss, Burgard, "A Tutorial on Graph-Based
SLAM", 2010). An edge that may be wrong carries a switch: its information is scaled by dynamic covariance scaling
(Agarwal et al. 2013), so an edge that contradicts the rest loses its pull instead of bending the map. The switches are
tightened from step to step (graduated non-convexity: Yang et al. 2020), or else the first right edge after a long way
round, which contradicts all that is there, would have none.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_matrix
from scipy.sparse.linalg import splu

from physical_ai_core.geometry import Array, wrap
from physical_ai_perception.mapping import se2

Index = NDArray[np.intp]
STILL_M: Final = 5e-4  # and rad
TIGHTEN: Final = 4.0
ROWS, COLUMNS = (grid.ravel() for grid in np.meshgrid(np.arange(3), np.arange(3), indexing="ij"))


class PoseGraph:
    """Nodes are numbered as they are added; the oldest one stands still. Grows by doubling, forgets from the front."""

    def __init__(self, switch_chi2: float = 9.0) -> None:
        self._switch_chi2 = self._allowed = switch_chi2
        self._poses = np.zeros((64, 3))
        self._size = 0
        self._first: list[int] = []
        self._second: list[int] = []
        self._motion: list[Array] = []
        self._information: list[Array] = []
        self._switched: list[bool] = []

    def __len__(self) -> int:
        return self._size

    @property
    def poses(self) -> Array:
        """(N, 3); a view, valid until the next node."""
        return self._poses[: self._size]

    @property
    def ends(self) -> tuple[Index, Index]:
        """Nodes (E,) and (E,) that the edges lead from and to."""
        return np.array(self._first, dtype=np.intp), np.array(self._second, dtype=np.intp)

    @property
    def switched(self) -> NDArray[np.bool_]:
        """(E,) edges that may be wrong."""
        return np.array(self._switched, dtype=bool)

    def add_node(self, pose: Array) -> int:
        """A node at `pose` (3,); its number."""
        if self._size == len(self._poses):
            self._poses = np.vstack([self._poses, np.zeros_like(self._poses)])
        self._poses[self._size] = pose
        self._size += 1
        return self._size - 1

    def add_edge(self, first: int, second: int, motion: Array, information: Array, may_be_wrong: bool = False) -> None:
        """`motion` (3,) is the second's pose seen from the first; `information` (3, 3) in the first's axes."""
        self._first.append(first)
        self._second.append(second)
        self._motion.append(motion)
        self._information.append(information)
        self._switched.append(may_be_wrong)

    def chi2(self) -> Array:
        """(E,) squared Mahalanobis distance of each edge at the present poses, without its switch."""
        if not self._first:
            return np.zeros(0)
        _, chi2 = self._residuals(*self.ends)
        return chi2

    def drop_edges(self, which: NDArray[np.bool_]) -> None:
        """Leave out the edges (E,) marked."""
        keep = [number for number, out in enumerate(which) if not out]
        for name in ("_first", "_second", "_motion", "_information", "_switched"):
            values = getattr(self, name)
            setattr(self, name, [values[number] for number in keep])

    def drop_oldest(self, count: int) -> None:
        """Forget the `count` oldest nodes with their edges; the others are numbered anew from 0."""
        first, second = self.ends
        self.drop_edges((first < count) | (second < count))
        self._first = [number - count for number in self._first]
        self._second = [number - count for number in self._second]
        self._poses[: self._size - count] = self._poses[count : self._size].copy()
        self._size -= count

    def optimise(self, iterations: int = 20) -> None:
        """Move the nodes to where the edges agree best."""
        self.loosen()
        for _ in range(iterations):
            if self.relax():
                break

    def loosen(self) -> None:
        """Edges are new: the switches open so far that each has its pull."""
        may_be_wrong = self.switched
        self._allowed = max(self._switch_chi2, float(np.max(self.chi2(), where=may_be_wrong, initial=0.0)))

    def relax(self) -> bool:
        """One step of `optimise`, for who has no time for all of them at once; True when nothing moves any more."""
        if self._size < 2 or not self._first:
            return True
        moved = self._step(*self.ends, np.array(self._information), self.switched, self._allowed)
        settled = moved < STILL_M and self._allowed <= self._switch_chi2
        self._allowed = max(self._switch_chi2, self._allowed / TIGHTEN)
        return settled

    def _residuals(self, first: Index, second: Index) -> tuple[Array, Array]:
        error = se2.between(self.poses[first], self.poses[second]) - np.array(self._motion)
        error[:, 2] = wrap(error[:, 2])
        return error, np.einsum("ei,eij,ej->e", error, np.array(self._information), error)

    def _step(
        self, first: Index, second: Index, information: Array, may_be_wrong: NDArray[np.bool_], allowed: float
    ) -> float:
        error, chi2 = self._residuals(first, second)
        # Dynamic covariance scaling: s = min(1, 2Φ / (Φ + χ²)), the information goes with s².
        scale = np.where(may_be_wrong, np.minimum(1.0, 2.0 * allowed / (allowed + chi2)) ** 2, 1.0)
        weighted = information * scale[:, None, None]
        start = self.poses[first]
        c, s = np.cos(start[:, 2]), np.sin(start[:, 2])
        offset = self.poses[second][:, :2] - start[:, :2]
        turn = np.zeros((len(first), 3, 3))
        turn[:, 0, 0], turn[:, 0, 1], turn[:, 1, 0], turn[:, 1, 1], turn[:, 2, 2] = c, s, -s, c, 1.0
        jacobian_second = turn
        jacobian_first = -turn
        jacobian_first[:, 0, 2] = -s * offset[:, 0] + c * offset[:, 1]
        jacobian_first[:, 1, 2] = -c * offset[:, 0] - s * offset[:, 1]
        left_first = np.einsum("eji,ejk->eik", jacobian_first, weighted)
        left_second = np.einsum("eji,ejk->eik", jacobian_second, weighted)
        blocks = [left_first @ jacobian_first, left_first @ jacobian_second, left_second @ jacobian_second]
        rows = [first, first, second]
        columns = [first, second, second]
        blocks.append(blocks[1].transpose(0, 2, 1))
        rows.append(second)
        columns.append(first)
        right = np.zeros((self._size, 3))
        np.add.at(right, first, np.einsum("eij,ej->ei", left_first, error))
        np.add.at(right, second, np.einsum("eij,ej->ei", left_second, error))
        row = np.concatenate([3 * r[:, None] + ROWS for r in rows]).ravel()
        column = np.concatenate([3 * k[:, None] + COLUMNS for k in columns]).ravel()
        value = np.concatenate([block.reshape(-1, 9) for block in blocks]).ravel()
        size = 3 * self._size
        held = np.arange(3)  # the oldest node
        hessian = csc_matrix(
            (np.append(value, np.full(3, 1e9)), (np.append(row, held), np.append(column, held))), shape=(size, size)
        )
        step = splu(hessian, permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True}).solve(-right.ravel())
        step = step.reshape(-1, 3)
        self._poses[: self._size] += step
        self._poses[: self._size, 2] = wrap(self._poses[: self._size, 2])
        return float(np.abs(step).max())
