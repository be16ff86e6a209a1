"""A fleet's bags in its own CI, in three lines: a fixture, or a file that pytest collects."""

from __future__ import annotations

from pathlib import Path

import pytest
from replayed import EMPTY, first_seconds, rewritten

from physical_ai_bench.regression.check import check

pytest_plugins = ["pytester"]
PLUGIN = ("-p", "physical_ai_bench.regression.plugin", "-p", "no:cacheprovider")
SUITE = "bags: [bags/monday]\nagainst: references\nnodes: [telemetry]\n"
TEST = (
    'def test_monday(replay):\n    replay("bags/monday", against="references", node="telemetry", config="slow.yaml")\n'
)
SLOW = "robot: scout\nsite: yard\nparameters: {telemetry: {stop_speed_mps: 0.45}}\n"


@pytest.fixture
def fleet(pytester: pytest.Pytester) -> pytest.Pytester:
    """A project of somebody else with a bag of its own."""
    folder = pytester.path / "bags"
    folder.mkdir()
    rewritten(EMPTY, folder / "monday", first_seconds(4.0))
    return pytester


def test_a_file_of_three_lines_is_collected_and_its_references_are_made_and_held(fleet: pytest.Pytester) -> None:
    (fleet.path / "fleet.replay.yaml").write_text(SUITE)
    missing = fleet.runpytest_subprocess(*PLUGIN)
    missing.assert_outcomes(failed=1)  # said, not made
    missing.stdout.fnmatch_lines(["There is no reference *monday.telemetry.reference*--update-ref*"])
    fleet.runpytest_subprocess(*PLUGIN, "--update-ref").assert_outcomes(passed=1)
    assert (fleet.path / "references" / "monday.telemetry.reference").exists()
    result = fleet.runpytest_subprocess(*PLUGIN, "-v")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*monday?telemetry?*PASSED*"])


def test_the_fixture_fails_with_the_difference_and_draws_it(fleet: pytest.Pytester) -> None:
    check(fleet.path / "bags" / "monday", fleet.path / "references", "telemetry", update=True)
    (fleet.path / "slow.yaml").write_text(SLOW)
    fleet.makepyfile(test_fleet=TEST)
    result = fleet.runpytest_subprocess(*PLUGIN)
    result.assert_outcomes(failed=1)
    changed = "*parameter telemetry.stop_speed_mps: 0.05 -> 0.45*"
    result.stdout.fnmatch_lines(["*monday, telemetry: * DIFFERS *", "*distance_m*instead of*", changed])
    assert (fleet.path / "out" / "replay" / "monday.telemetry.png").exists()


def test_a_bad_file_is_told_in_one_line(fleet: pytest.Pytester) -> None:
    (fleet.path / "fleet.replay.yaml").write_text("bags: []\nagainst: r\n")
    result = fleet.runpytest_inprocess(*PLUGIN)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["The replay suite *fleet.replay.yaml cannot be used*"])


def test_the_package_registers_the_plugin_for_every_project() -> None:
    text = (Path(__file__).parents[2] / "setup.py").read_text(encoding="utf-8")
    assert '"pytest11": ["physical_ai_bench.regression.plugin = physical_ai_bench.regression.plugin"]' in text
