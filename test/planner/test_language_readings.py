"""Several readings of one sentence: what nobody said weighs little beside the same without it."""

from pathlib import Path

import pytest

from physical_ai_core.site import Site, load_site
from physical_ai_learning.language.evaluate import signature
from physical_ai_planner.language.forbidden import without_allowed
from physical_ai_planner.language.names import NameBook
from physical_ai_planner.language.nbest import Line
from physical_ai_planner.language.readings import readings
from physical_ai_planner.language.stop_words import fast_path

SITES = Path(__file__).parents[1] / "data" / "language"


@pytest.fixture(scope="module")
def site() -> Site:
    return load_site(str(SITES / "plant.yaml"))


def weighed(text: str, site: Site, present: str | None = None, **lines: float) -> dict[str, float]:
    """Probability of each goal, by its signature; `lines`: probability by the line, in the order given."""
    every = [Line(line.replace("_", " "), p, p) for line, p in lines.items()]
    unread = 1.0 - sum(lines.values())
    found: dict[str, float] = {}
    for reading in readings(text, every, unread, site, NameBook(site), present):
        found[signature(reading.goal)] = found.get(signature(reading.goal), 0.0) + reading.probability
    return found


def test_slow_that_nobody_said_weighs_little_beside_the_same_without_it(site: Site) -> None:
    both = {"inspect <press 1>": 0.45, "inspect <press 1> slow": 0.5}
    found = weighed("have a look at press 1", site, **both)
    assert found["inspect press_1"] > 2.0 * found["inspect press_1 v0.5"]
    said = weighed("have a careful look at press 1", site, **both)
    assert said["inspect press_1 v0.5"] == pytest.approx(0.5)


@pytest.mark.parametrize("text", ["徐行でプレス1号機へ", "プレス1号機まで慎重に"])
def test_a_japanese_word_of_care_lets_slow_stand(site: Site, text: str) -> None:
    found = weighed(text, site, **{"go <プレス1号機> slow": 0.5, "go <プレス1号機>": 0.4})
    assert found["navigate press_1 v0.5"] == pytest.approx(0.5)


def test_slow_for_a_word_that_is_not_listed_is_kept_where_no_reading_goes_without_it(site: Site) -> None:
    found = weighed("lento to press 1", site, **{"go <press 1> slow": 0.9, "inspect <press 1> slow": 0.05})
    assert found["navigate press_1 v0.5"] == pytest.approx(0.9)


def test_to_wait_there_is_to_go_there_and_wait(site: Site) -> None:
    both = {"wait for <1 minute>; go <press 2>": 0.45, "go there; wait for <1 minute>; go <press 2>": 0.5}
    found = weighed("wait there 1 minute, then press 2", site, "press_1", **both)
    assert found == {"navigate press_1; wait t60; navigate press_2": pytest.approx(0.95)}
    elsewhere = weighed("wait here 1 minute, then press 2", site, "press_1", **both)
    assert len(elsewhere) == 2


@pytest.mark.parametrize(
    "text",
    [
        "abandon this mission", "please drop the current task", "scrap the plan", "いまの仕事は中止して",
        "このタスクをキャンセルして",
    ],
)  # fmt: skip
def test_to_drop_the_job_is_cancel_without_a_model(text: str) -> None:
    answer = fast_path(text)
    assert answer is not None and signature(answer) == "cancel"


@pytest.mark.parametrize(
    "text", ["drop the box", "drop the plan and go home", "仕事を続けて", "タスク1を中止したら門へ"]
)
def test_what_says_more_than_to_drop_the_job_is_left_to_the_model(text: str) -> None:
    assert fast_path(text) is None


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("drive to press 1 as fast as you are permitted", "drive to press 1"),
        ("go to press 1, as quickly as the limit allows", "go to press 1"),
        ("制限速度内でプレス1号機へ", "プレス1号機へ"),
        ("go to press 1 twice as fast as allowed", "go to press 1 twice as fast as allowed"),
        ("go faster than you're allowed", "go faster than you're allowed"),
        ("go as fast as you can", "go as fast as you can"),
        ("as fast as you're allowed", "as fast as you're allowed"),
    ],
)
def test_what_only_asks_for_the_speed_that_is_allowed_says_nothing(text: str, kept: str) -> None:
    assert without_allowed(text) == kept
