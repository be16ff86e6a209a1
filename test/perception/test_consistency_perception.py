"""The covariance means what it says: NEES of simulated runs lies where a consistent filter's does."""

from __future__ import annotations

import pytest

from physical_ai_bench.benchmarks.consistency import judge


@pytest.mark.parametrize(
    ("runs", "seconds"), [(6, 20.0), pytest.param(50, 60.0, marks=[pytest.mark.slow, pytest.mark.timeout(900)])]
)
def test_errors_stay_inside_their_covariance_nine_times_out_of_ten(runs: int, seconds: float) -> None:
    for quantity in judge(range(runs), seconds):
        assert quantity.share_of_looks >= 0.88 if runs < 50 else 0.9, quantity.name
        assert 0.5 < quantity.mean < 1.6, (quantity.name, quantity.mean)
        if runs == 50:
            assert quantity.share_of_time >= 0.9, quantity.name
