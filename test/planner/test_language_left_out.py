"""What a goal line leaves out of its sentence, and names quoted too short: the sentence decides, not the model."""

from pathlib import Path

import pytest

from physical_ai_core.goal import GoalState
from physical_ai_core.site import Site, load_site
from physical_ai_learning.language.evaluate import signature
from physical_ai_planner.language.compact import read, write
from physical_ai_planner.language.interpreter import LanguageInterpreter
from physical_ai_planner.language.model import Answer
from physical_ai_planner.language.names import NameBook
from physical_ai_planner.language.widen import widened

SITES = Path(__file__).parents[1] / "data" / "language"


@pytest.fixture(scope="module")
def site() -> Site:
    return load_site(str(SITES / "plant.yaml"))


class Says:
    """A model that writes one line."""

    def __init__(self, line: str) -> None:
        self.line = line

    def write(self, text: str) -> Answer:
        return Answer(self.line, 1.0, 1, True)


def goal(text: str, line: str, site: Site) -> GoalState:
    return LanguageInterpreter(writer=Says(line)).interpret(text, site)


def test_a_place_that_the_line_lost_is_asked_about_and_not_left_out(site: Site) -> None:
    text = "塗装ブースには最後に行って、その前にプレス1号機と工具庫に寄って"
    lost = goal(text, "go <プレス1号機>; go <塗装ブース>", site)
    assert lost.question is not None and "工具庫" in lost.question.text.ja
    whole = goal(text, "go <プレス1号機>; go <工具庫>; go <塗装ブース>", site)
    assert signature(whole) == "navigate press_1; navigate tool_store; navigate paint_booth"


def test_a_zone_to_avoid_that_the_line_lost_is_asked_about(site: Site) -> None:
    assert goal("go to press 1 but not through the welding cell", "go <press 1>", site).question is not None


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("go to press 2, no, press 1", "go <press 1>"),
        ("not press 2 but press 1", "go <press 1>"),
        ("don't go to press 2, go to press 1", "go <press 1>"),
        ("the order to go to press 2 is cancelled", "cancel"),
        ("プレス2号機じゃなくてプレス1号機に行って", "go <プレス1号機>"),
        ("Marie is waiting at the paint booth, go there", "go there"),
        ("go to the paint booth, the spray booth I mean", "go <paint booth>"),
    ],
)
def test_a_name_taken_back_or_pointed_at_is_no_lost_one(site: Site, text: str, line: str) -> None:
    answer = LanguageInterpreter(writer=Says(line)).interpret(text, site, present="paint_booth")
    assert answer.steps is not None, answer


def test_a_name_quoted_too_short_is_the_whole_name_of_the_sentence(site: Site) -> None:
    book = NameBook(site)
    line = widened(read("go <置き場>; go <desk>"), "工具置き場とquality deskに行って", book)
    assert write(line) == "go <工具置き場>; go <quality desk>"


def test_words_that_stand_in_two_names_of_the_sentence_stay_as_they_are(site: Site) -> None:
    line = widened(read("go <press>"), "go to press 1 or press 2", NameBook(site))
    assert write(line) == "go <press>"
    assert write(widened(read("ask where"), "go to press 1", NameBook(site))) == "ask where"


def test_of_two_names_around_the_quoted_words_the_one_that_is_not_told_yet_is_meant(site: Site) -> None:
    line = widened(read("inspect <検査台>; inspect <台>"), "検査台を見て、ついでに青い台車も", NameBook(site))
    assert write(line) == "inspect <検査台>; inspect <青い台車>"


@pytest.mark.parametrize(
    ("words", "ids"),
    [
        ("press 1 to 2", ["press_1", "press_2"]),
        ("press 2 through 1", ["press_2", "press_1"]),
        ("プレス1号機から2号機", ["press_1", "press_2"]),
        ("1号プレス〜2号プレスまで", ["press_1", "press_2"]),
    ],
)
def test_a_range_is_each_of_its_places_in_the_order_said(site: Site, words: str, ids: list[str]) -> None:
    found = goal(f"inspect {words}, then wait", f"inspect <{words}>; wait", site)
    assert signature(found) == "; ".join([*(f"inspect {key}" for key in ids), "wait"])


@pytest.mark.parametrize("words", ["press 1 to 3", "press 1 to line 3", "1 to 2 to 3", "paint booth to tool store"])
def test_a_range_with_an_end_that_the_site_does_not_have_is_not_driven(site: Site, words: str) -> None:
    assert goal(f"go to {words}", f"go <{words}>", site).steps is None


def test_going_twice_to_the_same_place_in_a_row_is_going_once(site: Site) -> None:
    found = goal("go to press 1, press 1 I said, and wait", "go <press 1>; go <press 1>; wait", site)
    assert signature(found) == "navigate press_1; wait"


def test_a_japanese_name_heard_with_one_wrong_sign_is_asked_about(site: Site) -> None:
    found = goal("塗そう場に行って", "go <塗そう場>", site)  # another length: not known
    assert found.refusal is not None
    heard = goal("塗製場へ", "go <塗製場>", site)  # another sound
    assert heard.question is not None and heard.question.options == ("paint_booth",)


@pytest.mark.parametrize(
    ("text", "line", "goal_text"),
    [
        ("wait until the hall floor is free", "wait until clear", "wait u:path_clear"),
        (
            "once press 2 is clear drive to the tool crib",
            "wait until clear; go <tool crib>",
            "wait u:path_clear; navigate tool_store",
        ),
        ("stay until there is nobody on the hall floor", "wait until clear", "wait u:path_clear"),
        ("検査台が空くまで待って", "wait until clear", "wait u:path_clear"),
        (
            "2号プレスに人がいなくなったら工具庫へ",
            "wait until clear; go <工具庫>",
            "wait u:path_clear; navigate tool_store",
        ),
        ("フロアが通れるようになるまで待機", "wait until clear", "wait u:path_clear"),
    ],
)
def test_what_has_to_be_free_first_is_no_lost_place(site: Site, text: str, line: str, goal_text: str) -> None:
    assert signature(goal(text, line, site)) == goal_text


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("go to the tool crib and wait until the way is clear", "wait until clear"),
        ("wait at the hall floor, then go to press 1", "wait; go <press 1>"),
        ("検査台に行って、道が空くまで待って", "wait until clear"),
        ("フロアが空いたら工具庫へ", "go <工具庫>"),  # the line waits for nothing
    ],
)
def test_a_place_beside_a_free_way_may_be_lost(site: Site, text: str, line: str) -> None:
    assert goal(text, line, site).question is not None


@pytest.mark.parametrize(
    ("text", "line", "goal_text"),
    [
        ("go to press 2, oops, press 1", "go <press 1>", "navigate press_1"),
        ("go to press 2, scratch that, the tool store", "go <tool store>", "navigate tool_store"),
        ("wait 2, my mistake, 3 minutes", "wait for <3 minutes>", "wait t180"),
        ("検査台には行かなくていいから、工具庫に行って", "go <工具庫>", "navigate tool_store"),
        ("工具庫には寄らずに検査台まで", "go <検査台>", "navigate quality_desk"),
        ("工具庫はもういいから検査台へ", "go <検査台>", "navigate quality_desk"),
        ("2分、間違えた、3分待って", "wait for <3分>", "wait t180"),
        ("drive 2 press 1", "go <press 1>", "navigate press_1"),
        ("wait 4 10 seconds", "wait for <10 seconds>", "wait t10"),
    ],
)
def test_words_that_the_speaker_corrects_or_texts_are_no_lost_ones(
    site: Site, text: str, line: str, goal_text: str
) -> None:
    assert signature(goal(text, line, site)) == goal_text


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("検査台に行って、工具庫はやめてプレス1号機へ", "go <プレス1号機>"),  # only the tool store is taken back
        ("溶接エリアには進入しないで検査台へ", "go <検査台>"),
        ("do 2 rounds", "patrol <rounds>"),
        ("wait 4 minutes", "wait for <minutes>"),
        ("go to press 2 and press 1", "go <press 1>"),
    ],
)
def test_a_correction_takes_back_no_more_than_it_is_about(site: Site, text: str, line: str) -> None:
    assert goal(text, line, site).steps is None


@pytest.mark.parametrize(
    ("text", "line", "goal_text"),
    [
        ("stay where you are, don't move", "wait; wait", "wait"),
        ("5秒止まってそのまま、それから検査台", "wait for <5秒>; wait; go <検査台>", "wait t5; navigate quality_desk"),
        ("wait, then wait 5 seconds", "wait; wait for <5 seconds>", "wait; wait t5"),
        ("turn all the way around once", "go turn left <once>", "navigate (f0 l0 t6.28)"),
        ("turn around", "go turn left <around>", "navigate (f0 l0 t3.14)"),
        ("go to the base, dock, then press 1", "go <base>; dock charge; go <press 1>", None),
        ("look at x=12, y=-3.5", "inspect <x=12, y=-3.5>", "inspect (12, -3.5)"),
        ("X7、Y2の地点へ", "go <X7、Y2の地点>", "navigate (7, 2)"),
    ],
)
def test_the_sentence_decides_what_a_step_is(site: Site, text: str, line: str, goal_text: str | None) -> None:
    expected = goal_text or "navigate home_base; dock home_base; navigate press_1"
    assert signature(goal(text, line, site)) == expected


def test_charging_is_done_where_one_charges_also_behind_another_dock() -> None:
    yard = load_site("yard")
    dock = next(key for key, place in yard.places.items() if place.dock and "charg" not in key)
    name = yard.spoken_names("en")[dock][0]
    there = goal(f"go to {name} and dock", f"go <{name}>; dock charge", yard)
    assert signature(there) == f"navigate {dock}; dock {dock}"
    charged = goal(f"go to {name}, then charge", f"go <{name}>; dock charge", yard)
    assert signature(charged) != signature(there)


@pytest.mark.parametrize("words", ["x 3", "the x 3 y 4 machine", "bay x, 4"])
def test_words_that_only_hold_letters_and_numbers_are_no_point(site: Site, words: str) -> None:
    assert goal(f"go to {words}", f"go <{words}>", site).refusal is not None


def test_the_side_that_is_part_of_a_name_is_no_relation(site: Site) -> None:
    store = site.places["tool_store"].model_copy(update={"names": {"ja": ("書庫前",)}})
    books = site.zones["hall_floor"].model_copy(update={"names": {"ja": ("書庫",)}})
    places, zones = {**site.places, "tool_store": store}, {**site.zones, "hall_floor": books}
    other = site.model_copy(update={"places": places, "zones": zones})
    assert signature(goal("書庫前に行って", "go <書庫> front", other)) == "navigate tool_store"
    assert signature(goal("検査台の前に行って", "go <検査台> front", other)) == "navigate quality_desk/front"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("go to press 1, avoiding the hall floor, the paint booth and the tool crib", "go <press 1>; go <tool crib>"),
        ("keep clear of the paint booth and the blue cart on the way to press 1", "go <press 1>; go <blue cart>"),
        ("塗装ブースと検査台を避けてプレス1号機へ", "go <塗装ブース>; go <プレス1号機>"),
    ],
)
def test_a_place_that_is_listed_among_those_to_avoid_is_not_driven_to(site: Site, text: str, line: str) -> None:
    assert goal(text, line, site).steps is None


@pytest.mark.parametrize(
    ("text", "line", "goal_text"),
    [
        (
            "avoid the welding cell and go to press 1",
            "go <press 1> avoid <welding cell>",
            "navigate press_1 out=welding_cell",
        ),
        (
            "検査台を見て、青い台車も溶接セルを避けて見て",
            "inspect <検査台>; inspect <青い台車> avoid <溶接セル>",
            "inspect quality_desk; inspect blue_cart out=welding_cell",
        ),
        (
            "検査台に行って、溶接セルを避けてプレス1号機へ",
            "go <検査台> avoid <溶接セル>; go <プレス1号機> avoid <溶接セル>",
            "navigate quality_desk out=welding_cell; navigate press_1 out=welding_cell",
        ),
    ],
)
def test_a_place_beside_what_to_avoid_is_driven_to(site: Site, text: str, line: str, goal_text: str) -> None:
    assert signature(goal(text, line, site)) == goal_text
