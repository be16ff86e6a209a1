"""Whole sentences written by hand: each can be filled, its goal read, and what it quotes stands in the sentence."""

import random
import re
from pathlib import Path

import pytest

from physical_ai_core.errors import InputError
from physical_ai_core.goal import Task
from physical_ai_learning.language.clause import unmarked
from physical_ai_learning.language.dataset import Mix, examples, spans
from physical_ai_learning.language.english import English
from physical_ai_learning.language.evaluate import load_sentences
from physical_ai_learning.language.japanese import Japanese
from physical_ai_learning.language.phrases import Chance
from physical_ai_learning.language.sayings.book import FOLDER, Sayer, read_file, sayings
from physical_ai_planner.language.compact import Plan, write
from physical_ai_planner.language.forbidden import is_forbidden
from physical_ai_planner.language.normalise import normalise
from physical_ai_planner.language.stop_words import fast_path

FROZEN = Path(__file__).parents[1] / "data" / "language" / "frozen"
SPEAKERS = {"en": English, "ja": Japanese}


@pytest.fixture(scope="module", params=["en", "ja"])
def sayer(request: pytest.FixtureRequest) -> Sayer:
    chance = Chance(random.Random(3), "all")
    return Sayer(chance, request.param, SPEAKERS[request.param](chance).steps.name)


def test_there_are_thousands_and_none_is_said_twice() -> None:
    for language in SPEAKERS:
        said = [s.text for s in sayings(language)]
        assert len(said) > 2000 and len(set(said)) > 0.99 * len(said)


def test_no_sentence_of_the_frozen_sets_is_among_them() -> None:
    for language in SPEAKERS:
        frozen = {_letters(s.text) for s in load_sentences(FROZEN / f"{language}.jsonl")}
        same = frozen & {_letters(s.text) for s in sayings(language)}
        assert not {text for text in same if len(text) > 6}  # "wait" and "follow" are anybody's


def _letters(text: str) -> str:
    return re.sub(r"[\W_]", "", text.lower())


def test_whatever_is_quoted_stands_in_the_filled_sentence(sayer: Sayer) -> None:
    for _ in range(4000):
        said = sayer.say()
        text = normalise(unmarked(said.text))
        line = said.reply or write(Plan(said.drafts, said.queue, said.again))
        assert all(normalise(words) in text for words in spans(line)), (text, line)
        assert "{" not in text, text


def test_few_orders_are_such_as_plain_code_refuses_whatever_the_model_writes(sayer: Sayer) -> None:
    orders = [s for s in (sayer.say() for _ in range(3000)) if s.reply is None]
    refused = [s for s in orders if is_forbidden(normalise(unmarked(s.text)))]
    assert len(refused) < 0.01 * len(orders), [unmarked(s.text) for s in refused][:5]


def test_a_word_that_stops_without_a_model_has_the_same_goal_here(sayer: Sayer) -> None:
    for _ in range(3000):
        said = sayer.say()
        fast = fast_path(unmarked(said.text))
        if fast is not None and fast.steps is not None and said.drafts:
            assert fast.steps[0].task in (said.drafts[0].task, Task.STOP), unmarked(said.text)


def test_two_sayings_joined_keep_all_steps_of_both() -> None:
    chance = Chance(random.Random(5), "all")
    speaker = English(chance)
    joined = [speaker.said() for _ in range(3000)]
    assert all(len(s.drafts) >= 1 or s.reply for s in joined)
    assert max(len(s.drafts) for s in joined) > max(g.goal.count(";") + 1 for g in sayings("en")) - 2


def test_sayings_are_their_share_of_the_sentences() -> None:
    stream = examples(1, "all", "en", Mix(said=1.0))
    assert {next(stream).category for _ in range(200)} >= {"saying"}


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("go to {p}", "has no '=>'"),
        ("go to {p} => go <p2>", "<p2> is neither"),
        ("go to {q} => ask where", "no slot"),
        ("go to {p} => drive <p>", "cannot be read"),
        ("wait {t} at {p} => go <p>", "leaves out"),
        ("go (to {p} => go <p>", "brackets"),
        ("go to the barn => go <mill>", "neither"),
    ],
)
def test_a_line_that_is_no_saying_is_named(tmp_path: Path, line: str, why: str) -> None:
    file = tmp_path / "en_bad.txt"
    file.write_text(f"# remark\n{line}\n", encoding="utf-8")
    with pytest.raises(InputError, match="line 2") as error:
        read_file(file)
    assert why in str(error.value)


def test_the_files_are_named_by_their_language() -> None:
    assert all(file.name[:3] in ("en_", "ja_") for file in FOLDER.glob("*.txt"))
