"""Faults put into a source: what is changed, what is left alone, and that tests notice them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from physical_ai_bench.mutation.campaign import Target, clean, run_mutants, sample
from physical_ai_bench.mutation.gate import OF_FILE, gate_targets
from physical_ai_bench.mutation.operators import mutants_of, with_fault


@pytest.mark.parametrize(
    ("source", "faulty"),
    [
        ("a < b", ["a <= b"]),
        ("a + b", ["a - b"]),
        ("a and b", ["a or b"]),
        ("not a", ["a"]),
        ("x = 2.0", ["x = 3.0"]),
        ("x = True", ["x = False"]),
        ("x = 'scan'", ["x = 'scanX'"]),
        ("min(a, b)", ["max(a, b)", "pass"]),
        ("np.cos(a)", ["np.sin(a)", "pass"]),
        ("x += y", ["pass"]),
        ("x = y if z else w", ["x = y if not z else w"]),
        ("if a:\n    f()", ["if a:\n    pass", "if not a:\n    f()"]),
    ],
)
def test_each_place_is_changed_once(source: str, faulty: list[str]) -> None:
    found = mutants_of(source)
    written = [ast.unparse(with_fault(source, mutant.number)) for mutant in found]
    assert [text for text in written if text in faulty] == faulty and len(set(written)) == len(found)
    assert source not in written


@pytest.mark.parametrize(
    "source",
    [
        '"""A docstring."""',
        "def f(x: Literal[1]) -> None:\n    pass",
        "raise E('x')",
        "x = 'two words'",
        "x: tuple[int]",
    ],
)
def test_what_no_behaviour_hangs_on_is_left_alone(source: str) -> None:
    assert mutants_of(source) == []


def test_a_noticed_fault_is_killed_and_an_unnoticed_one_survives(tmp_path: Path) -> None:
    source, test = tmp_path / "to_be_halved.py", tmp_path / "test_halved.py"
    source.write_text("def half(x):\n    return x / 2\n\n\ndef unseen(x):\n    return x - 7\n", encoding="utf-8")
    test.write_text(
        f"import sys\nsys.path.append({str(tmp_path)!r})\nfrom to_be_halved import half\n\n\n"
        "def test_half():\n    assert half(3) == 1.5\n",
        encoding="utf-8",
    )
    target = Target(source, "to_be_halved", (test,))
    assert clean([target])
    results = run_mutants([target], 0, 0.0, lambda result, total: None)
    assert sorted((r.mutant.line, r.killed) for r in results) == [(2, True), (2, True), (6, False), (6, False)]


def test_the_order_of_the_faults_is_that_of_the_seed_and_every_file_has_tests() -> None:
    targets = gate_targets()
    assert [t.source.stem for t in targets] == list(OF_FILE) and all(t.tests and t.source.exists() for t in targets)
    assert sample(targets, 1) == sample(targets, 1) != sample(targets, 2)
    assert set(sample(targets, 1)) == set(sample(targets, 2))
