"""Faults put into a source: what is changed, what is left alone, and that tests notice them."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from physical_ai_bench.mutation.campaign import Equal, Result, Target, run_mutants, sample, survey_tests
from physical_ai_bench.mutation.gate import OF_FILE, gate_targets, gate_tests
from physical_ai_bench.mutation.ledger import Ledger
from physical_ai_bench.mutation.operators import mutants_of, with_fault
from physical_ai_bench.mutation.reach import statements

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
        "x = '日本語の文。'",
        "x: tuple[int]",
    ],
)
def test_what_no_behaviour_hangs_on_is_left_alone(source: str) -> None:
    assert mutants_of(source) == []


def halved(folder: Path) -> tuple[Target, Path]:
    """A source of two functions, its own test, which knows the first, and another that knows both."""
    source, test, other = folder / "to_be_halved.py", folder / "test_halved.py", folder / "test_other.py"
    source.write_text("def half(x):\n    return x / 2\n\n\ndef less(x):\n    return x - 7\n", encoding="utf-8")
    start = f"import sys\nsys.path.append({str(folder)!r})\nfrom to_be_halved import half, less\n\n\n"
    test.write_text(f"{start}def test_half():\n    assert half(3) == 1.5\n", encoding="utf-8")
    other.write_text(
        f"{start}def test_both():\n    assert less(half(20)) < 5\n\n\ndef test_apart():\n    assert half(8) == 4\n",
        encoding="utf-8",
    )
    return Target(source, "to_be_halved", (test,)), other


def seen(results: list[Result]) -> list[tuple[int, bool, str]]:
    return sorted((result.mutant.line, result.killed, result.by) for result in results)


@pytest.mark.parametrize("jobs", [1, 3])
def test_a_noticed_fault_is_killed_and_an_unnoticed_one_survives(tmp_path: Path, jobs: int) -> None:
    target, _ = halved(tmp_path)
    reach = survey_tests([target])
    assert not reach.failed
    results = run_mutants(sample([target], 0), reach, lambda result: None, jobs=jobs)
    by = "test_halved.py::test_half"
    assert seen(results) == [(2, True, by), (2, True, by), (6, False, ""), (6, False, "")]


def test_what_its_own_tests_miss_meets_the_others_that_go_through_the_line(tmp_path: Path) -> None:
    target, other = halved(tmp_path)
    reach = survey_tests([target], [other])
    through = reach.tests(target.source, range(6, 7), [*target.tests, other])
    assert [name.function for name in through] == ["test_both"]
    told: list[Result] = []
    results = run_mutants(sample([target], 0), reach, told.append, [other])
    late = [result for result in results if result.met == "all"]
    assert seen(late) == [(6, False, ""), (6, True, "test_other.py::test_both")] and len(told) == 6


def test_the_test_that_noticed_is_named_whole_though_its_case_holds_a_slash(tmp_path: Path) -> None:
    target, _ = halved(tmp_path)
    (test,) = target.tests
    text = test.read_text().replace(
        "def test_half()", '@pytest.mark.parametrize("topic", ["a/b"])\ndef test_half(topic)'
    )
    test.write_text(f"import pytest\n{text}", encoding="utf-8")
    results = run_mutants(sample([target], 0), survey_tests([target]), lambda result: None)
    assert {result.by for result in results if result.killed} == {"test_halved.py::test_half[a/b]"}


def test_tests_that_fail_without_a_fault_are_named_and_notice_nothing(tmp_path: Path) -> None:
    target, other = halved(tmp_path)
    other.write_text(f"{other.read_text()}\n\ndef test_wrong():\n    assert less(7) == 1\n", encoding="utf-8")
    reach = survey_tests([target], [other])
    assert [name.function for name in reach.failed] == ["test_wrong"]
    assert {name.function for name in reach.cost_s} == {"test_half", "test_both", "test_apart"}


def test_a_kept_result_holds_until_the_source_or_the_test_that_gave_it_changes(tmp_path: Path) -> None:
    target, other = halved(tmp_path)
    chosen, kept = sample([target], 0), tmp_path / "kept" / "faults.json"
    ledger = Ledger(kept, [target], [other])
    run_mutants(chosen, survey_tests([target], [other]), ledger.note, [other])
    ledger.save()

    def known() -> list[bool]:
        again = Ledger(kept, [target], [other])
        return [again.known(*pair, "all") for pair in sorted(chosen, key=lambda pair: pair[1].number)]

    assert known() == [True] * 4
    other.write_text(f"{other.read_text()}\n", encoding="utf-8")  # two faults of line 6 met it
    assert known() == [True, True, False, False]
    target.source.write_text(f"{target.source.read_text()}\n", encoding="utf-8")
    assert known() == [False] * 4


def test_a_line_belongs_to_its_statement_without_the_block_under_it() -> None:
    found = statements("A = 1\n\n\ndef f(\n    x=2,\n):\n    if (\n        x\n    ):\n        y = 3\n    return x\n")
    assert found == {
        1: None, 4: None, 5: None, 6: None, 7: range(7, 10), 8: range(7, 10), 9: range(7, 10), 10: range(10, 11),
        11: range(11, 12),
    }  # fmt: skip


def test_the_order_of_the_faults_is_that_of_the_seed_and_every_file_has_tests() -> None:
    targets = gate_targets()
    assert [t.source.stem for t in targets] == [name.split("/")[-1] for name in OF_FILE] and all(
        t.tests and t.source.exists() for t in targets
    )
    assert sample(targets, 1) == sample(targets, 1) != sample(targets, 2)
    assert set(sample(targets, 1)) == set(sample(targets, 2))
    assert {test for target in targets for test in target.tests} <= set(gate_tests())


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


def test_what_is_said_to_change_nothing_is_a_fault_that_a_file_can_be_given() -> None:
    for target in gate_targets():
        faults = {(mutant.text, mutant.change) for mutant in mutants_of(target.source.read_text(encoding="utf-8"))}
        assert {(one.line, one.change) for one in target.equal} <= faults, target.module


def test_so_many_of_each_file_is_a_part_of_the_same_order() -> None:
    targets = gate_targets(("jerk", "ladder"))
    some, whole = sample(targets, 3, each=4), sample(targets, 3)
    assert len(some) == 8 and [pair for pair in whole if pair in some] == some
