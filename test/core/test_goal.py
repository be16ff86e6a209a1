"""The goal state: one of steps, question and refusal; targets that fit their task; limits inside their range."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from physical_ai_core.errors import GoalError
from physical_ai_core.goal import (
    DisplacementTarget,
    GoalState,
    Limits,
    ObjectTarget,
    PlaceTarget,
    PoseTarget,
    Relation,
    RouteTarget,
    Step,
    Task,
    Until,
    ZoneTarget,
)

names = st.text(min_size=1, max_size=12)
meters = st.floats(-50.0, 50.0)
places = st.builds(PlaceTarget, name=names, relation=st.sampled_from(Relation))
steps = st.one_of(
    st.builds(Step, task=st.just(Task.NAVIGATE), target=places),
    st.builds(Step, task=st.just(Task.NAVIGATE), target=st.builds(PoseTarget, x_m=meters, y_m=meters)),
    st.builds(Step, task=st.just(Task.NAVIGATE), target=st.builds(DisplacementTarget, forward_m=meters)),
    st.builds(Step, task=st.just(Task.COVER), target=st.builds(ZoneTarget, name=names), tool=st.booleans()),
    st.builds(Step, task=st.just(Task.PATROL), target=st.builds(RouteTarget, name=names)),
    st.builds(Step, task=st.just(Task.FOLLOW), target=st.builds(ObjectTarget)),
    st.builds(Step, task=st.just(Task.WAIT), until=st.builds(Until, duration_s=st.floats(0.1, 3600.0))),
    st.builds(Step, task=st.just(Task.STOP), limits=st.builds(Limits, max_speed_mps=st.floats(0.1, 2.0))),
)


@given(st.lists(steps, min_size=1, max_size=6), st.floats(0.0, 1.0))
def test_a_goal_survives_its_wire_form(steps_: list[Step], confidence: float) -> None:
    goal = GoalState(goal_id="g", instruction_id="i", confidence=confidence, steps=tuple(steps_))
    assert GoalState.from_json(goal.to_json()) == goal


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not json",
        "{}",
        "[]",
        '{"steps": []}',
        '{"steps": [{"task": "fly"}]}',
        '{"steps": [{"task": "navigate"}]}',
        '{"steps": [{"task": "wait", "target": {"kind": "place", "name": "x"}}]}',
        '{"steps": [{"task": "stop", "limits": {"max_speed_mps": -1}}]}',
        '{"steps": [{"task": "stop", "ignore_safety": true}]}',
        '{"steps": [{"task": "stop"}], "refusal": {"reason": "forbidden", "text": {"en": "", "ja": ""}}}',
        '{"steps": [{"task": "navigate", "target": {"kind": "pose", "x_m": NaN, "y_m": 0}}]}',
    ],
)
def test_what_breaks_the_schema_is_refused_with_the_place_of_the_fault(text: str) -> None:
    with pytest.raises(GoalError, match="not valid at"):
        GoalState.from_json(text)
