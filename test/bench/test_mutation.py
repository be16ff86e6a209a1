"""Faults put into a source: what is changed, what is left alone, and that tests notice them."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from physical_ai_bench.mutation.campaign import Equal, Target, clean, run_mutants, sample
from physical_ai_bench.mutation.gate import OF_FILE, gate_targets
from physical_ai_bench.mutation.operators import mutants_of, with_fault

BOUNDED = ("arbitration", "implements", "jerk", "ladder", "latency", "people_say")


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
    assert [t.source.stem for t in targets] == [name.split("/")[-1] for name in OF_FILE] and all(
        t.tests and t.source.exists() for t in targets
    )
    assert sample(targets, 1) == sample(targets, 1) != sample(targets, 2)
    assert set(sample(targets, 1)) == set(sample(targets, 2))


@pytest.mark.timeout(600)
def test_the_tests_of_the_small_deciding_files_notice_a_sample_of_faults() -> None:
    """The bounded form of `./run mutants`, in a process of its own: here the files are imported already."""
    files = [word for name in BOUNDED for word in ("--files", name)]
    command = [sys.executable, "-m", "physical_ai_cli", "mutants", *files, "--each", "6", "--seed", "5"]
    run = subprocess.run([*command, "--seconds", "30"], capture_output=True, text=True, timeout=580)
    assert run.returncode == 0, run.stdout


def test_a_fault_that_changes_nothing_is_left_out_by_its_line_and_its_change(tmp_path: Path) -> None:
    source = tmp_path / "halved.py"
    source.write_text("def half(x):\n    return x / 2 + 0.0 / 2\n", encoding="utf-8")
    whole = Target(source, "halved", ())
    reason = Equal("return x / 2 + 0.0 / 2", "Div -> Mult (2)", "nothing times two is nothing")
    left = sample([whole._replace(equal=(reason,))], 0)
    assert len(sample([whole], 0)) - len(left) == 1
    assert "Div -> Mult (2)" not in [mutant.change for _, mutant in left]
    assert all(one.reason for target in gate_targets() for one in target.equal)


def test_so_many_of_each_file_is_a_part_of_the_same_order() -> None:
    targets = gate_targets(("jerk", "ladder"))
    some, whole = sample(targets, 3, each=4), sample(targets, 3)
    assert len(some) == 8 and [pair for pair in whole if pair in some] == some
