"""The step benchmark's page: what cannot run here is on it with its mend."""

import sys

import pytest

from physical_ai_bench.benchmarks import ssm_step
from physical_ai_world_model.ssm.shape import Shape

SMALL = Shape(features=5, width=16, inner=32, state=16, rank=3, layers=2)


def test_a_machine_without_compiler_numba_and_torch_still_gets_its_page(
    monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PHYSICAL_AI_CACHE", str(tmp_path))
    for name in ("numba", "torch"):
        monkeypatch.setitem(sys.modules, name, None)
    for name, value in {"BLOCKS": 2, "CALLS": (2, 3), "AGENTS": (1, 2), "STREAM_BYTES": 1 << 16}.items():
        monkeypatch.setattr(ssm_step, name, value)
    rows = {(row[0], row[1]): row for row in ssm_step.ssm_step_page(SMALL).rows}
    assert float(rows["numpy", "1"][2]) > 0.0
    assert float(rows["numpy", "2"][2]) > 0.0
    assert "no C compiler" in rows["c", "1"][2]
    assert "physical_ai[fast]" in rows["numba", "1"][2]
    assert "pip install" in rows["mamba_ssm Mamba.step", "1"][2]
    assert "'torch' is not installed" in rows["transformers Mamba, cache", "1"][2]


def test_a_copy_has_a_rate() -> None:
    assert ssm_step.copy_rate(1 << 16) > 1e6
