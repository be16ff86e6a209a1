"""Everybody who is tracked, as the people model keeps them: O(1) memory and work for each, seat by seat."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from physical_ai_core.geometry import Array
from physical_ai_world_model.calibration import Calibration
from physical_ai_world_model.ssm.decoder import (
    REFERENCE_S,
    Decoder,
    Fans,
    Floats,
    edge_features,
    straight_paths,
    turned,
)
from physical_ai_world_model.ssm.recurrence import Recurrence, Wanted
from physical_ai_world_model.ssm.tokens import Tokens
from physical_ai_world_model.ssm.weights import PeopleWeights

NEIGHBOURS: Final = 12
REACH_M: Final = 12.0
LEAST_DT_S: Final = 1e-3
LONGEST_GAP_S: Final = 2.0  # silence after which a track begins anew
LONGEST_BACK_S: Final = 0.5  # so much older a stamp is of a clock that was set back
ROBOT: Final = -1  # the robot's seat among the ids
BEST_GUESS: Final = slice(0, 1)  # of the decoder's ways
MIXTURE: Final = slice(1, None)
AT_ONCE: Final = 32  # agents
FEW: Final = 3  # of many seats: less than a third


@dataclass(frozen=True)
class Plan:
    """Where the robot will be: positions (4, 2) at the shares of the horizon (`decoder.PATH_SHARES`)."""

    xy_m: Array


class PeopleModel:
    """Weights made ready to run: recurrence, decoder and calibration."""

    def __init__(self, weights: PeopleWeights, backend: Wanted = "auto") -> None:
        self.shape, self.sha256 = weights.shape, weights.sha256
        self.recurrence = Recurrence(weights.tensors, weights.shape, backend=backend)
        self.decoder = Decoder(weights.tensors, weights.shape)
        self.calibration = Calibration.read(weights.calibration)


class Crowd:
    """States of up to any number of agents, found by id; the robot may be one of them."""

    def __init__(self, model: PeopleModel) -> None:
        self._model, shape = model, model.shape
        self._tokens = Tokens.begin(np.zeros((0, 2)))
        self._state = np.zeros((0, shape.layers, shape.inner, shape.state), dtype=np.float32)
        self._hidden = np.zeros((0, shape.width), dtype=np.float32)
        self._last_s = np.zeros(0)
        self._at_m = np.zeros((0, 2))
        self._ids: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self._seat: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._ids)

    def __contains__(self, number: int) -> bool:
        return number in self._seat

    @property
    def ids(self) -> NDArray[np.int64]:
        return self._ids

    def clear(self) -> None:
        self.keep(np.zeros(0, dtype=np.int64))

    def keep(self, ids: NDArray[np.int64]) -> None:
        """Forget everybody else."""
        self._take(np.flatnonzero(np.isin(self._ids, ids)))

    def age_s(self, ids: NDArray[np.int64]) -> Array:
        """How long each has been watched; 0 for whom is not known."""
        return np.array([self._tokens.age_s[self._seat[i]] if i in self._seat else 0.0 for i in ids.tolist()])

    def observe(self, ids: NDArray[np.int64], xy_m: Array, stamp_s: float) -> None:
        """Finite positions (n, 2) of different ids at one moment; an older or equal stamp changes nothing."""
        self._forget_silent(ids, stamp_s)
        seats = np.array([self._seat.get(i, -1) for i in ids.tolist()], dtype=np.int64)
        known = seats >= 0
        again = np.flatnonzero(known)
        again = again[stamp_s - self._last_s[seats[again]] >= LEAST_DT_S]
        if len(again):
            self._step(seats[again], xy_m[again], stamp_s)
        if not known.all():
            self._seat_new(ids[~known], xy_m[~known], stamp_s)

    def predict(
        self, ids: NDArray[np.int64], at_s: Array, now_s: float, plan: Plan | None = None,
        horizon_s: float = REFERENCE_S, modes: int | None = None,
    ) -> Fans:  # fmt: skip
        """Mixtures for known ids (n,) at `now_s` + `at_s` (t,), in the frame of the positions, calibrated, of at most
        `modes` ways each.

        With a plan the robot is one of those whom the others meet, and its plan is known to them.
        """
        after_s, parts = self._after(self._rows(ids), at_s, now_s), []
        for chunk, frame, v, xy_m, coefficients in self._coefficients(ids, plan, horizon_s, MIXTURE):
            mine = after_s if after_s.ndim == 1 else after_s[chunk]
            factor = self._model.calibration.at(mine / horizon_s)
            fans = self._model.decoder.fans(coefficients, v, frame, mine, horizon_s, factor, modes)
            parts.append(turned(fans, xy_m, frame))
        return Fans(*(np.concatenate(values) for values in zip(*parts, strict=True))) if len(parts) > 1 else parts[0]

    def best_guess(self, ids: NDArray[np.int64], at_s: Array, now_s: float, horizon_s: float = REFERENCE_S) -> Array:
        """The single most sensible way (n, t, 2): what the mean error is smallest for."""
        after_s, parts = self._after(self._rows(ids), at_s, now_s), []
        for chunk, frame, v, xy_m, coefficients in self._coefficients(ids, None, horizon_s, BEST_GUESS):
            mine = after_s if after_s.ndim == 1 else after_s[chunk]
            fans = self._model.decoder.fans(coefficients, v, frame, mine, horizon_s)
            parts.append(turned(fans, xy_m, frame).mean_m[:, 0])
        return np.concatenate(parts)

    # --- inside ---

    def _after(self, rows: NDArray[np.int64], at_s: Array, now_s: float) -> Array:
        """Moments after the last sight of each: (t,) where all were seen at once, else (n, t)."""
        since_s = now_s - self._last_s[rows]
        if len(since_s) and (since_s == since_s[0]).all():
            return np.asarray(np.maximum(at_s + since_s[0], 0.0))
        return np.asarray(np.maximum(at_s + since_s[:, None], 0.0))

    def _rows(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.array([self._seat[i] for i in ids.tolist()], dtype=np.int64)

    def _coefficients(
        self, ids: NDArray[np.int64], plan: Plan | None, horizon_s: float, ways: slice
    ) -> Iterator[tuple[slice, Array, Array, Array, Floats]]:
        """As many at a time as the processor's cache holds (at least one part, also of nobody): which of the ids,
        their directions, velocities, positions (n, 2), and what the decoder says of these ways (n, ways, C)."""
        every, xy, v, decoder = self._rows(ids), self._at_m, self._tokens.v_mps, self._model.decoder
        met, direction = decoder.met(self._hidden), self._tokens.direction()
        paths, told = straight_paths(xy, v, horizon_s), np.zeros(len(self._ids))
        if ROBOT in self._seat and plan is not None:
            paths[self._seat[ROBOT]], told[self._seat[ROBOT]] = plan.xy_m, 1.0
        for begin in range(0, max(len(every), 1), AT_ONCE):
            chunk = slice(begin, begin + AT_ONCE)
            rows = every[chunk]
            near, frame = self._near(rows), direction[rows]
            there = np.maximum(near, 0)
            edges = edge_features(xy[rows], v[rows], frame, xy[there], v[there], paths[there], told[there], horizon_s)
            h = decoder.attend(self._hidden[rows], met, edges, near)
            yield chunk, frame, v[rows], xy[rows], decoder.coefficients(h, horizon_s, ways)

    def _near(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Seats (n, M) of the nearest others within reach; -1 where there are fewer."""
        xy = self._at_m
        away = (xy[rows, None, 0] - xy[None, :, 0]) ** 2 + (xy[rows, None, 1] - xy[None, :, 1]) ** 2  # squares
        away[np.arange(len(rows)), rows] = np.inf
        count = min(NEIGHBOURS, len(xy))
        order = (
            np.argpartition(away, count - 1, axis=1)[:, :count] if count else np.zeros((len(rows), 0), dtype=np.int64)
        )
        return np.asarray(np.where(np.take_along_axis(away, order, axis=1) < REACH_M**2, order, -1))

    def _forget_silent(self, ids: NDArray[np.int64], stamp_s: float) -> None:
        """Who comes back after a long silence is somebody new; so is who was last seen in what is now the future."""
        since_s = stamp_s - self._last_s
        again = (since_s > LONGEST_GAP_S) | (since_s < -LONGEST_BACK_S)
        if again.any():
            again &= np.isin(self._ids, ids)
        if again.any():
            self._take(np.flatnonzero(~again))

    def _step(self, seats: NDArray[np.int64], xy_m: Array, stamp_s: float) -> None:
        """Advance the seats that were seen. Few of many are taken out for it; else the others pass the recurrence with
        dt = 0, which keeps them."""
        dt_s = stamp_s - self._last_s[seats]
        part = Tokens(*(value[seats] for value in vars(self._tokens).values()))
        part.advance(xy_m, dt_s)
        for name, value in vars(part).items():
            getattr(self._tokens, name)[seats] = value
        features, step = part.features(), self._model.recurrence.step
        if FEW * len(seats) < len(self._ids):
            state = self._state[seats]
            hidden = step(features, dt_s, state)
            self._state[seats] = state
        else:
            of_all, elapsed_s = np.zeros((len(self._ids), features.shape[1])), np.zeros(len(self._ids))
            of_all[seats], elapsed_s[seats] = features, dt_s
            hidden = step(of_all, elapsed_s, self._state)[seats]
        good = np.isfinite(hidden).all(axis=1)
        self._hidden[seats[good]] = hidden[good]
        self._last_s[seats], self._at_m[seats] = stamp_s, xy_m

    def _seat_new(self, ids: NDArray[np.int64], xy_m: Array, stamp_s: float) -> None:
        fresh, n = Tokens.begin(xy_m), len(ids)
        for name, value in vars(fresh).items():
            setattr(self._tokens, name, np.concatenate([getattr(self._tokens, name), value]))
        self._state = np.concatenate([self._state, np.zeros((n, *self._state.shape[1:]), dtype=np.float32)])
        self._hidden = np.concatenate([self._hidden, np.zeros((n, self._hidden.shape[1]), dtype=np.float32)])
        self._last_s = np.concatenate([self._last_s, np.full(n, stamp_s)])
        self._at_m = np.concatenate([self._at_m, xy_m])
        self._ids = np.concatenate([self._ids, ids])
        self._seat = {int(i): k for k, i in enumerate(self._ids.tolist())}

    def _take(self, rows: NDArray[np.int64]) -> None:
        for name, value in vars(self._tokens).items():
            setattr(self._tokens, name, value[rows])
        self._state, self._hidden = self._state[rows], self._hidden[rows]
        self._last_s, self._at_m, self._ids = self._last_s[rows], self._at_m[rows], self._ids[rows]
        self._seat = {int(i): k for k, i in enumerate(self._ids.tolist())}
