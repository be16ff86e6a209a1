"""Watches loss and gradient norm of each batch: a broken or wild one is not learnt from, several undo the last steps.

How far is wild is read from the batches themselves, by median and median absolute deviation of the last ones taken
(Hampel 1974), so that neither the loss's level nor a few outliers decide it. Nothing here knows of torch or of time:
the same numbers give the same verdicts, and `state` holds everything that the next verdict depends on.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Final, Literal

from physical_ai_core.errors import PhysicalAIError

Verdict = Literal["take", "skip", "back"]
GAUSSIAN: Final = 1.4826  # standard deviation of a Gaussian with a median absolute deviation of 1


class DivergedError(PhysicalAIError):
    """A training that goes wrong again after each return to its last good weights."""


@dataclass(frozen=True)
class Limits:
    """When a batch is refused; deviations are robust ones.

    A loss is wild above the median by more than `deviations`, and by more than `share` of the median and `floor`; a
    norm is wild where its logarithm is, by more than `deviations` and a factor of `factor`.
    """

    deviations: float = 12.0
    share: float = 1.0
    floor: float = 0.3
    factor: float = 20.0
    window: int = 100  # batches that the level is read from
    settle: int = 20  # batches before a spike can be told
    patience: int = 3  # refused in a row before the weights go back
    returns: int = 5  # times gone back without `settle` batches taken between, before the training is given up


@dataclass
class Guard:
    """`judge` each batch before its step. Raises DivergedError where going back does not help."""

    limits: Limits = field(default_factory=Limits)
    refused: int = 0
    returned: int = 0
    why: str = ""  # of the last refusal
    _row: int = 0  # refused in a row
    _taken: int = 0  # since the last return
    _vain: int = 0  # returns that did not help
    _losses: deque[float] = field(default_factory=deque)
    _norms: deque[float] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self._losses, self._norms = self._window(self._losses), self._window(self._norms)

    def judge(self, loss: float, norm: float) -> Verdict:
        """Take the batch, skip it, or skip it and go back to the last good weights."""
        self.why = self._wrong(loss, norm)
        if not self.why:
            self._losses.append(loss)
            self._norms.append(math.log(max(norm, 1e-30)))
            self._row = 0
            self._taken += 1
            if self._taken >= self.limits.settle:
                self._vain = 0
            return "take"
        self.refused += 1
        self._row += 1
        return "skip" if self._row < self.limits.patience else self._back()

    def _back(self) -> Verdict:
        self._vain += 1
        if self._vain > self.limits.returns:
            raise DivergedError(
                f"The training went back to its last good weights {self.limits.returns} times and goes wrong again: "
                f"{self.why}.",
                "Lower the rate, look at the data, or begin anew from an older checkpoint.",
            )
        self.returned += 1
        self._row = self._taken = 0
        self._losses.clear()  # after going back the level may be another
        self._norms.clear()
        return "back"

    @property
    def calm(self) -> bool:
        """Whether the weights may be kept as good ones: the last batch was taken."""
        return self._row == 0

    def _wrong(self, loss: float, norm: float) -> str:
        if not math.isfinite(loss):
            return f"the loss is {loss}"
        if not math.isfinite(norm):
            return f"the gradient's norm is {norm}"
        if len(self._losses) < self.limits.settle:
            return ""
        most = self.most_loss()
        if loss > most:
            return f"the loss {loss:.4g} is above {most:.4g}"
        most = self.most_norm()
        return f"the gradient's norm {norm:.4g} is above {most:.4g}" if norm > most else ""

    def most_loss(self) -> float:
        """Above it a loss is wild."""
        middle, spread = _level(self._losses)
        limits = self.limits
        return middle + max(limits.deviations * spread, limits.share * abs(middle), limits.floor)

    def most_norm(self) -> float:
        """Above it a gradient's norm is wild."""
        middle, spread = _level(self._norms)
        return math.exp(min(700.0, middle + max(self.limits.deviations * spread, math.log(self.limits.factor))))

    def state(self) -> dict[str, Any]:
        """Everything the next verdict depends on, but the limits; of plain numbers."""
        counts = {"refused": self.refused, "returned": self.returned, "row": self._row, "taken": self._taken}
        return {**counts, "vain": self._vain, "losses": list(self._losses), "norms": list(self._norms)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on as the guard whose `state` this is."""
        self.refused, self.returned = int(state["refused"]), int(state["returned"])
        self._row, self._taken, self._vain = int(state["row"]), int(state["taken"]), int(state["vain"])
        self._losses, self._norms = self._window(state["losses"]), self._window(state["norms"])

    def _window(self, values: Iterable[float]) -> deque[float]:
        return deque(values, maxlen=self.limits.window)


def _level(values: Iterable[float]) -> tuple[float, float]:
    """Median and robust standard deviation."""
    found = list(values)
    middle = median(found)
    return middle, GAUSSIAN * median(abs(value - middle) for value in found)
