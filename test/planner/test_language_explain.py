"""Why a goal: the words and parts that an explanation speaks of, and attention held against perturbation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from physical_ai_core.errors import InputError, ModelError
from physical_ai_core.geometry import Array
from physical_ai_planner.language.explain import Explainer, Explanation, Reason
from physical_ai_planner.language.explain_picture import write_picture
from physical_ai_planner.language.heads import agreement, choose_heads, load_heads, save_heads, share_of
from physical_ai_planner.language.parts import parts_of, words_of
from physical_ai_planner.language.weights import load_description, verified_model


@pytest.mark.parametrize(
    ("sentence", "words"),
    [
        ("go to dock B, slowly", ["go", "to", "dock", "B", ",", "slowly"]),
        ("棚の前まで行って、そこで30秒待って", ["棚の", "前まで", "行って", "、", "そこで", "30", "秒待って"]),
        ("ドックBへ0.5 m/sで", ["ドック", "B", "へ", "0.5", "m", "/", "s", "で"]),
    ],
)
def test_a_sentence_is_cut_into_words_in_either_language(sentence: str, words: list[str]) -> None:
    assert [sentence[a:b] for a, b in words_of(sentence)] == words


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("go <棚> front; wait", ["1 task go", "1 target <棚>", "1 relation front", "2 task wait"]),
        ("go <dock B> slow; wait for <30 s>",
         ["1 task go", "1 target <dock B>", "1 slow slow", "2 task wait", "2 for for <30 s>"]),
        ("next go other", ["queue next", "1 task go", "1 target other"]),
        ("go turn left <90度>", ["1 task go", "1 target turn left <90度>"]),
        ("go there left <2 m>", ["1 task go", "1 target there", "1 relation left <2 m>"]),
        ("cover <a> avoid <b> avoid <c> until told tool",
         ["1 task cover", "1 target <a>", "1 avoid avoid <b>", "1 avoid avoid <c>", "1 until until told",
          "1 tool tool"]),
        ("go <stop> ; again <twice>", ["1 task go", "1 target <stop>", "again again <twice>"]),
        ("go point <x 3, y 4>", ["1 task go", "1 target point <x 3, y 4>"]),
    ],
)  # fmt: skip
def test_a_goal_line_is_cut_into_parts_that_say_of_which_step_they_are(line: str, parts: list[str]) -> None:
    assert [f"{p.name} {line[p.start : p.end]}" for p in parts_of(line)] == parts


def test_two_readings_that_single_out_the_same_words_agree_and_opposite_ones_do_not() -> None:
    seen = np.array([0.05, 0.6, 0.25, 0.05, 0.05])
    assert agreement(seen, np.array([0.0, 9.0, 3.0, 0.01, -0.02])) == pytest.approx(1.0)
    assert agreement(seen, np.array([9.0, 0.0, 0.0, 4.0, 4.0])) < 0.0
    assert agreement(seen, np.zeros(5)) == 0.0
    assert agreement(np.array([0.9, 0.1]), np.array([1.0, 0.0])) == 0.0  # two words rank by chance


@given(hnp.arrays(np.float64, (3, 2, 6), elements=st.floats(0.0, 1.0)))
def test_shares_of_attention_are_positive_and_sum_to_one(attention: Array) -> None:
    for heads in (None, np.array([[0, 1], [2, 0]])):
        share = share_of(attention, heads)
        assert (share >= 0.0).all()
        assert share.sum() == pytest.approx(1.0)


def test_the_head_that_looks_where_it_matters_is_chosen_for_its_kind_and_kept(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    parts = []
    for k in range(40):
        lost = np.where(np.arange(6) == k % 6, 5.0, 0.0)
        attention = rng.random((3, 2, 6))
        attention[2, 1] = 0.01 + lost
        parts.append(("target" if k % 2 else "task", attention, lost))
    heads = choose_heads(parts, count=1)
    assert {kind: value.tolist() for kind, value in heads.items()} == {
        "": [[2, 1]],
        "target": [[2, 1]],
        "task": [[2, 1]],
    }
    save_heads(tmp_path / "heads.json", heads)
    kept = load_heads(tmp_path / "heads.json")
    assert kept is not None
    assert {kind: value.tolist() for kind, value in kept.items()} == {k: v.tolist() for k, v in heads.items()}
    assert load_heads(tmp_path / "none.json") is None


def test_the_picture_escapes_what_a_person_said(tmp_path: Path) -> None:
    reason = Reason("1 target", "<b>", (0.7, 0.2, 0.1), (3.0, 0.0, -0.1), 0.9)
    page = write_picture(
        [Explanation("<script>x</script> go", ("<b>", "x", "go"), "go <b>", (reason,))], tmp_path / "a.html"
    )
    text = page.read_text(encoding="utf-8")
    assert "<script>x" not in text
    assert "&lt;script&gt;" in text
    assert "70%" in text


def _explainer() -> Explainer:
    try:
        verified_model(load_description())
    except ModelError as error:
        pytest.skip(f"no language model is prepared here: {error}")
    return Explainer()


@pytest.mark.slow
def test_leaving_out_a_name_costs_the_part_that_quotes_it_most() -> None:
    explainer = _explainer()
    why = explainer.explain("棚の前まで行って、そこで30秒待って", "go <棚> front; wait for <30秒>")
    lost = {reason.part: why.words[int(np.argmax(reason.lost_nats))] for reason in why.reasons}
    assert lost["1 target"] == "棚の"
    assert lost["2 for"] == "30"
    for reason in why.reasons:
        assert sum(reason.attention) == pytest.approx(1.0, abs=0.01)
    with pytest.raises(InputError):
        explainer.explain("…", "")
