"""The compact form: what is written is read back the same, and nothing outside the form is read."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from physical_ai_core.errors import GoalError
from physical_ai_core.goal import Event, Relation, Task
from physical_ai_planner.language.compact import (
    MOVE_WORDS,
    NO_AIM,
    OBJECT_WORDS,
    QUESTION_WORDS,
    REFUSAL_WORDS,
    Ask,
    Deictic,
    Draft,
    Move,
    Named,
    No,
    Plan,
    Pointed,
    Thing,
    read,
    write,
)

QUOTED = st.text(st.characters(exclude_characters="<>", exclude_categories=("C", "Z")), min_size=1, max_size=12)
MAYBE = st.none() | QUOTED


@st.composite
def named(draw: st.DrawFn) -> Named:
    relation = draw(st.sampled_from(Relation))
    return Named(draw(QUOTED), relation, draw(MAYBE) if relation is not Relation.AT else None)


AIMS = (
    named()
    | st.builds(Pointed, st.sampled_from(Deictic), st.sampled_from(Relation))
    | st.builds(Move, st.sampled_from(MOVE_WORDS), MAYBE)
    | st.builds(Thing, st.sampled_from(OBJECT_WORDS))
)


@st.composite
def drafts(draw: st.DrawFn) -> Draft:
    task = draw(st.sampled_from(Task))
    return Draft(
        task=task,
        aim=None if task in NO_AIM else draw(AIMS),
        slow=draw(st.booleans()),
        speed=draw(MAYBE),
        clearance=draw(MAYBE),
        avoid=tuple(draw(st.lists(QUOTED, max_size=3))),
        duration=draw(MAYBE),
        laps=draw(MAYBE),
        event=draw(st.none() | st.sampled_from(Event)),
        tool=draw(st.booleans()),
    )


COMPACTS = (
    st.builds(Plan, st.lists(drafts(), min_size=1, max_size=5).map(tuple))
    | st.builds(Ask, st.sampled_from(QUESTION_WORDS))
    | st.builds(No, st.sampled_from(REFUSAL_WORDS))
)


@settings(deadline=None)  # machines under load
@given(COMPACTS)
def test_what_is_written_is_read_back(compact: Plan | Ask | No) -> None:
    assert read(write(compact)) == compact


@settings(deadline=None)  # machines under load
@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_with_a_goal_error(line: str) -> None:
    try:
        read(line)
    except GoalError as error:
        assert error.mend


@pytest.mark.parametrize(
    "line",
    [
        "",
        "go",
        "go <a",
        "go <a> slow slow",
        "ask",
        "ask nothing",
        "no",
        "dance",
        "wait <a>",
        "go <a>;",
        "go <a> !",
        "; ".join(["wait"] * 17),
    ],
)
def test_lines_outside_the_form_are_refused(line: str) -> None:
    with pytest.raises(GoalError):
        read(line)


def test_the_examples_of_the_documentation() -> None:
    assert read("go <棚> front; wait") == Plan((Draft(Task.NAVIGATE, Named("棚", Relation.FRONT)), Draft(Task.WAIT)))
    assert read("go back <2 m> slow") == Plan((Draft(Task.NAVIGATE, Move("back", "2 m"), slow=True),))
    assert read("dock charge until full") == Plan(
        (Draft(Task.DOCK, Pointed(Deictic.CHARGE), event=Event.BATTERY_FULL),)
    )
