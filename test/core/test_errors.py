"""A typed error says what went wrong and what to do, also when it comes out of a worker process."""

from __future__ import annotations

import pickle
from concurrent.futures import ProcessPoolExecutor

import pytest

from physical_ai_core.errors import DependencyError, GoalError, PhysicalAIError, SiteError


@pytest.mark.parametrize(
    "error", [SiteError("The gate is nowhere.", "Name it."), DependencyError("casadi", "mpc"), GoalError("No.", "Yes.")]
)
def test_errors_survive_pickling(error: PhysicalAIError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert (again.cause, again.mend, str(again)) == (error.cause, error.mend, str(error))


def _fails(name: str) -> None:
    raise SiteError(f"{name} is nowhere.", "Name it.")


def test_errors_of_a_worker_process_arrive_as_they_were_raised() -> None:
    with ProcessPoolExecutor(1) as pool, pytest.raises(SiteError, match=r"dock is nowhere\. Name it\."):
        pool.submit(_fails, "dock").result()
