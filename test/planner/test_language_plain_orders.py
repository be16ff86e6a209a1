"""An order that is one name and a word of going or looking is understood, whatever the model makes of it."""

from pathlib import Path

import pytest

from physical_ai_core.site import Site, load_site
from physical_ai_learning.language.evaluate import signature
from physical_ai_planner.language.interpreter import LanguageInterpreter
from physical_ai_planner.language.model import Answer
from physical_ai_planner.language.names import NameBook
from physical_ai_planner.language.plain_orders import plain_line

SITES = Path(__file__).parents[1] / "data" / "language"


@pytest.fixture(scope="module")
def site() -> Site:
    return load_site(str(SITES / "plant.yaml"))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("go to the paint booth", "go <paint booth>"),
        ("Please drive over to Press 2, thanks.", "go <Press 2>"),
        ("could you take a look at the blue cart please", "inspect <blue cart>"),
        ("塗装ブースまで云って", "go <塗装ブース>"),
        ("工具庫のとこまでよろしく", "go <工具庫>"),
        ("検査台に行ってください", "go <検査台>"),
        ("青い台車を見てきて", "inspect <青い台車>"),
        ("警備ルート、行ってきて", "patrol <警備ルート>"),
    ],
)
def test_a_name_and_a_word_of_going_is_a_plain_order(site: Site, text: str, line: str) -> None:
    assert plain_line(text, NameBook(site)) == line


@pytest.mark.parametrize(
    "text",
    [
        "go to the paint booth slowly", "go to press 1 and press 2", "don't go to press 1", "go to the paint shop",
        "go to the press", "工具庫には行かないで", "工具庫に言って", "工具庫と検査台まで", "警備ルートを2回やって",
        "検査台", "go to press 1" + " please" * 400, "検査台まで" + "よろしく" * 400,
        "should I go to press 1?", "工具庫まで行ったら待って",
    ],
)  # fmt: skip
def test_whatever_says_more_or_less_is_left_to_the_model(site: Site, text: str) -> None:
    assert plain_line(text, NameBook(site)) is None


class Says:
    def __init__(self, line: str, confidence: float) -> None:
        self.answer = Answer(line, confidence, 1, True)

    def write(self, text: str) -> Answer:
        return self.answer


def test_a_plain_order_that_the_model_refuses_or_doubts_is_done(site: Site) -> None:
    for line, confidence in (("no able", 0.9), ("ask where", 1.0), ("go <塗装ブース>", 0.3)):
        model = LanguageInterpreter(writer=Says(line, confidence))
        assert signature(model.interpret("塗装ブースまで云って", site)) == "navigate paint_booth"


def test_a_goal_that_the_model_is_sure_of_stands_and_a_closed_zone_stays_closed(site: Site) -> None:
    sure = LanguageInterpreter(writer=Says("go <塗装ブース> front", 1.0))
    assert signature(sure.interpret("塗装ブースまで云って", site)) == "navigate paint_booth/front"
    closed = LanguageInterpreter(writer=Says("ask where", 1.0)).interpret("溶接セルまで云って", site)
    assert closed.refusal is not None and closed.refusal.reason.value == "forbidden"
