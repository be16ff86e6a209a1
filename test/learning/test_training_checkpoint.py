"""Checkpoints: whole or not at all, of this training or refused by name, and everything random goes on as it was."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="extra `language`: training needs torch")

from physical_ai_core.errors import InputError  # noqa: E402
from physical_ai_learning.training.checkpoint import Keeper, digest, randomness, set_randomness  # noqa: E402
from physical_ai_learning.training.metrics import Course, rows  # noqa: E402

MINE = {"settings": {"rate": 1e-3, "small": {"init": "default"}}, "data": "abc"}


def test_what_is_kept_comes_back_and_only_the_last_few_stay(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path, MINE, kept=2)
    for step in (5, 10, 15):
        keeper.save(step, {"weights": torch.full((3,), float(step)), "place": [1, step], "best": float("inf")})
    assert [path.name[:19] for path in keeper.files()] == ["checkpoint-00000015", "checkpoint-00000010"]
    found = keeper.load()
    assert found is not None and found.step == 15 and not found.broken
    assert found.state["place"] == [1, 15] and torch.equal(found.state["weights"], torch.full((3,), 15.0))


@pytest.mark.parametrize("harm", ["cut", "flipped", "empty"])
def test_a_damaged_checkpoint_is_set_aside_and_the_one_before_it_used(tmp_path: Path, harm: str) -> None:
    keeper = Keeper(tmp_path, MINE)
    keeper.save(5, {"weights": torch.ones(3)})
    last = keeper.save(10, {"weights": torch.zeros(3)})
    content = bytearray(last.read_bytes())
    content[len(content) // 2] ^= 1
    last.write_bytes({"cut": bytes(content[:-20]), "flipped": bytes(content), "empty": b""}[harm])
    found = keeper.load()
    assert found is not None and found.step == 5 and found.broken == [last.name]
    assert last.with_suffix(".broken").exists()


def test_what_a_killed_writer_leaves_is_no_checkpoint(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path, MINE)
    (tmp_path / "checkpoint-00000010-0123456789abcdef.part").write_bytes(b"half")
    assert keeper.load() is None
    keeper.save(20, {})
    assert not list(tmp_path.glob("*.part"))


def test_a_checkpoint_of_another_training_is_refused_by_what_differs(tmp_path: Path) -> None:
    Keeper(tmp_path, MINE).save(5, {})
    other = {"settings": {"rate": 2e-3, "small": {"init": "ggd"}}, "data": "abc"}
    with pytest.raises(InputError, match=r"settings\.rate is 0\.001 there, 0\.002 here; settings\.small\.init is"):
        Keeper(tmp_path, other).load()
    with pytest.raises(InputError, match="data is 'abc' there, 'abd' here"):
        Keeper(tmp_path, {**MINE, "data": "abd"}).load()


def test_randomness_goes_on_where_it_was(tmp_path: Path) -> None:
    def draw() -> list[float]:
        return [float(torch.rand(())), float(np.random.rand()), random.random(), random.gauss(0.0, 1.0)]  # noqa: NPY002

    draw()
    keeper = Keeper(tmp_path, MINE)
    keeper.save(1, {"randomness": randomness()})
    wanted = [draw(), draw()]
    found = keeper.load()
    assert found is not None
    set_randomness(found.state["randomness"])
    assert [draw(), draw()] == wanted


def test_data_are_named_by_what_they_hold() -> None:
    a = np.arange(4.0)
    assert digest(["x", a]) == digest(["x", a.copy()])
    assert len({digest(["x", a]), digest(["y", a]), digest(["x", a[::-1]]), digest(["x", a.reshape(2, 2)])}) == 4


def test_metrics_are_whole_lines_even_after_a_kill_and_say_why_a_training_stopped(tmp_path: Path) -> None:
    with Course(tmp_path) as course:
        course.say(1, loss=0.5, norm=float("nan"))
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 2, "lo')  # as a killed process leaves it
    with pytest.raises(ValueError), Course(tmp_path) as course:
        course.say(2, loss=0.4)
        raise ValueError("no more")
    assert rows(tmp_path) == [
        {"step": 1, "loss": 0.5, "norm": "nan"}, {"step": 2, "loss": 0.4},
        {"step": -1, "stopped": "ValueError: no more"},
    ]  # fmt: skip
    assert all(json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines())
    with Course(tmp_path / "nowhere", silent=True) as course:
        course.say(1, loss=1.0)
    assert not (tmp_path / "nowhere").exists()
