"""Carries the guard's verdicts out: a copy of what is learnt, taken while all is well, to go back to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from physical_ai_learning.training.guard import Guard, Verdict

T = TypeVar("T")


class Recovery(Generic[T]):
    """`copy` gives what is learnt (weights, optimiser, means), `paste` puts it back. Where the data stand is in
    neither: after a return the batches go on, so that the one that did the harm is not met again.

    The copy is made anew every `every` steps and whenever a checkpoint is written, so that a training that resumes
    goes back to the very weights to which one that was never stopped would go.
    """

    def __init__(self, guard: Guard, copy: Callable[[], T], paste: Callable[[T], None], every: int) -> None:
        self.guard, self._copy, self._paste, self._every = guard, copy, paste, every
        self._good = copy()
        self.good_step = 0

    def judge(self, step: int, loss: float, norm: float) -> Verdict:
        """The verdict on a batch that is not learnt from yet; where it is to go back the weights are back."""
        verdict = self.guard.judge(loss, norm)
        if verdict == "back":
            self._paste(self._good)
        return verdict

    def taken(self, step: int) -> None:
        """After the update of step `step`."""
        if step % self._every == 0:
            self.keep(step)

    def keep(self, step: int) -> None:
        """What is learnt now is good."""
        self._good, self.good_step = self._copy(), step

    def said(self, verdict: Verdict) -> dict[str, Any]:
        """Of a refused batch, for the metrics."""
        if verdict == "take":
            return {}
        back = {"back_to_step": self.good_step} if verdict == "back" else {}
        return {"refused": verdict, "why": self.guard.why, **back}
