# ruff: noqa: E501  (tables of examples read better long)
"""The decoding constraint lets every goal line of the training data through, and nothing that was not said."""

import itertools
from typing import Any

import pytest

from physical_ai_learning.language.dataset import examples
from physical_ai_planner.language.grammar import lark

llguidance = pytest.importorskip("llguidance")


@pytest.fixture(scope="module")
def table() -> Any:
    return llguidance.LLTokenizer("byte")


def accepted(table: Any, text: str, line: str) -> bool:
    """Whether `line`, byte by byte, is a whole goal line for `text`."""
    matcher = llguidance.LLMatcher(table, llguidance.LLMatcher.grammar_from_lark(lark(text)))
    assert not matcher.is_error(), matcher.get_error()
    tokens = list(line.encode())
    return bool(matcher.validate_tokens(tokens) == len(tokens) and matcher.consume_tokens(tokens) and matcher.is_accepting())


@pytest.mark.parametrize("split", ["train", "test"])
def test_every_line_that_is_trained_on_is_allowed(table: Any, split: str) -> None:
    for example in itertools.islice(examples(5, split), 400):
        assert accepted(table, example.text, example.target), example


@pytest.mark.parametrize(
    "line",
    [
        "go <shelf> front", "go <shelf> left <2 m>", "go <shelf> right slow for <2 m>", "go <shelf> near laps <2 m>", "go left <2 m>", "go turn left", "go turn right <2 m>",
        "wait until clear", "wait for <2 m>", "stop; wait", "dock charge until full", "inspect there front", "follow any", "go start; go there", "cover <shelf> tool", "ask far", "no able",
    ],
)  # fmt: skip
def test_each_form_is_allowed(table: Any, line: str) -> None:
    assert accepted(table, "go 2 m left of the shelf", line)


@pytest.mark.parametrize("line", ["go <dock B>", "go <gate>", "wait for <30 s>", "fly <shelf>", "go", "go <shelf", "ask me", "cover left", "wait <2 m>", "follow <shelf>"])
def test_what_was_not_said_cannot_be_written(table: Any, line: str) -> None:
    assert not accepted(table, "go 2 m left of the shelf", line)


@pytest.mark.parametrize("text", ['say "stop" \\ now', "棚「前」へ", "a" * 2000, "{}|*+?()[]", "日本語 and English"])
def test_any_sentence_compiles(table: Any, text: str) -> None:
    assert accepted(table, text, f"go <{text[:5].strip()}>")
