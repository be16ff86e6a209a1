"""Parameters are refused with the name, the value found and what is allowed."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from physical_ai_core.errors import ParameterError
from physical_ai_core.parameters import describe, load, parameter


@dataclass(frozen=True)
class Example:
    speed_mps: float = parameter(1.0, "m/s", "Speed.", minimum=0.0, maximum=2.0)
    mode: str = parameter("auto", "", "Mode.", choices=("auto", "hand"))
    weights: tuple[float, ...] = parameter((1.0, 2.0), "", "Weights.", minimum=0.0)
    names: tuple[str, ...] = parameter((), "", "Names.")
    count: int = parameter(3, "", "Count.")
    on: bool = parameter(True, "", "Switch.")


def test_defaults_hold_where_nothing_is_given() -> None:
    assert load(Example, {}) == Example()


def test_whole_numbers_serve_as_floats_and_lists_as_tuples() -> None:
    assert load(Example, {"speed_mps": 2, "weights": [3, 4]}) == Example(speed_mps=2.0, weights=(3.0, 4.0))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"speed": 1.0}, "not a parameter"),
        ({"speed_mps": 3.0}, "outside"),
        ({"speed_mps": float("nan")}, "outside"),
        ({"speed_mps": "fast"}, "float"),
        ({"mode": "magic"}, "auto, hand"),
        ({"weights": [-1.0]}, "outside"),
        ({"weights": "abc"}, "list"),
        ({"names": 3}, "list"),
        ({"count": True}, "int"),
        ({"on": 1}, "bool"),
    ],
)
def test_bad_values_are_refused_with_the_reason(values: dict[str, object], words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        load(Example, values)


def test_every_parameter_is_described() -> None:
    for name, (_, _, meta) in describe(Example).items():
        assert meta.description, name
