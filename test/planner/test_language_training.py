"""Training of the planner's language adapter, on a tiny random model: recipe, guard, resuming, judge, reinforcement."""

from __future__ import annotations

import itertools
import json
import math
import random
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("llguidance")

from typer.testing import CliRunner  # noqa: E402

from physical_ai_cli.main import app  # noqa: E402
from physical_ai_core.errors import InputError, ModelError  # noqa: E402
from physical_ai_learning.language import reinforce as policy  # noqa: E402
from physical_ai_learning.language.batches import Batch, Encoded, drawn, stream  # noqa: E402
from physical_ai_learning.language.confidence import Seen, fit, store  # noqa: E402
from physical_ai_learning.language.dataset import Example, examples  # noqa: E402
from physical_ai_learning.language.form import Form  # noqa: E402
from physical_ai_learning.language.lora import Adapter, read_adapter  # noqa: E402
from physical_ai_learning.language.orders import Order  # noqa: E402
from physical_ai_learning.language.recipe import Recipe, made  # noqa: E402
from physical_ai_learning.language.reinforce_run import reinforce  # noqa: E402
from physical_ai_learning.language.reward import Rewards, Verdict, judge  # noqa: E402
from physical_ai_learning.language.sampling import Bound, Free, rows_for, write_lines  # noqa: E402
from physical_ai_learning.language.step import answer_logits, causal_only, load_base  # noqa: E402
from physical_ai_learning.language.train_adapter import Trainer, keeper_of, train  # noqa: E402
from physical_ai_learning.language.vocabulary import Vocabulary, line_of  # noqa: E402
from physical_ai_learning.language.worlds import world  # noqa: E402
from physical_ai_planner.language.compact import read  # noqa: E402
from physical_ai_planner.language.doubt import doubt_of, write_beside  # noqa: E402
from physical_ai_planner.language.ground import ground  # noqa: E402
from physical_ai_planner.language.names import NameBook  # noqa: E402

RECIPE = Recipe(
    sentences=60, tokens=1_024, longest=256, warmup=2, rank=2, alpha=4, rows=2_048, chunk=16, test_sentences=2, every=3
)


def quiet(stage: str, done: float, total: float) -> None:
    """No progress."""


@pytest.fixture(scope="session", params=["llama", "gemma"])
def base(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_base(tmp_path_factory.mktemp(f"tiny-{request.param}"), request.param)


@pytest.fixture(scope="session")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_base(tmp_path_factory.mktemp("tiny"), "llama")


def tiny_base(folder: Path, family: str) -> Path:
    """A random model of two layers over bytes, in the form of a prepared base."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import Gemma3ForCausalLM, Gemma3TextConfig, LlamaConfig, LlamaForCausalLM

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=300, special_tokens=["<end>"], initial_alphabet=alphabet)
    tokenizer.train_from_iterator(["Order: go to the dock, then wait\nGoal:\ngo <dock>; wait"] * 3, trainer)
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({"eos_token": "<end>"}), encoding="utf-8")
    shape = {"vocab_size": 320, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2,
             "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 8, "tie_word_embeddings": True,
             "eos_token_id": 0, "pad_token_id": 0}  # fmt: skip
    torch.manual_seed(0)
    if family == "llama":
        LlamaForCausalLM(LlamaConfig(**shape)).save_pretrained(folder)
    else:
        layers = ["sliding_attention", "full_attention"]
        config = Gemma3TextConfig(**shape, sliding_window=512, layer_types=layers)
        Gemma3ForCausalLM(config).save_pretrained(folder)
    return folder


def tensors(batch: Batch) -> tuple[Any, Any, Any]:
    ids, at, rows = (torch.from_numpy(a).long() for a in (batch.ids, batch.at, batch.rows))
    return ids, at, rows


# --- data ---


def test_batches_are_the_same_whoever_draws_them(llama: Path) -> None:
    alone = list(itertools.islice(stream(llama, RECIPE, 0), 7))
    helped = list(itertools.islice(stream(llama, RECIPE, 2), 7))
    later = list(itertools.islice(stream(llama, RECIPE, 0, *alone[4][:2]), 3))
    for one, other in [*zip(alone, helped, strict=True), *zip(alone[4:], later, strict=True)]:
        assert one[:2] == other[:2]
        assert all(np.array_equal(a, b) for a, b in zip(one[2].arrays(), other[2].arrays(), strict=True))


def test_the_loss_reads_the_answers_and_only_them(llama: Path) -> None:
    words = Vocabulary(llama)
    batch = drawn(words, RECIPE, 0)[0]
    flat = batch.ids.reshape(-1)
    wanted = batch.rows[batch.wanted]
    told = batch.weight > 0.0
    assert np.array_equal(flat[batch.at + 1][told], wanted[told])
    lines = [words.text(wanted[told & (batch.owner == row)].tolist()) for row in range(batch.sentences)]
    known = {e.target for e in itertools.islice(examples(0, "train"), RECIPE.chunk)}
    assert lines and set(lines) <= known


def test_with_reasoning_two_clauses_or_more_stand_before_the_goal() -> None:
    two = SimpleNamespace(text="go to A then wait", target="go <A>; wait", clauses=("go to A", "wait"))
    one = SimpleNamespace(text="go to A", target="go <A>", clauses=("go to A",))
    foreign = SimpleNamespace(text="go to A then wait", target="go <A>; wait", clauses=("go to A", "wait there"))
    assert line_of(two, "reasoning") == "<go to A> <wait>\ngo <A>; wait"  # type: ignore[arg-type]
    assert line_of(two, "plain") == line_of(foreign, "reasoning") == "go <A>; wait"  # type: ignore[arg-type]
    assert line_of(one, "reasoning") == "go <A>"  # type: ignore[arg-type]


# --- model ---


def test_the_fast_pass_gives_what_the_model_gives_under_its_mask(base: Path) -> None:
    from transformers import AutoModelForCausalLM

    plain = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    fast = load_base(base, "cpu").float()
    batch = drawn(Vocabulary(base), RECIPE, 0)[0]
    ids, at, rows = tensors(batch)
    lengths = [len(ids[0]) - int((row.flip(0) != 0).int().argmax()) for row in ids]
    mask = torch.arange(ids.shape[1])[None] < torch.tensor(lengths)[:, None]
    with torch.no_grad(), causal_only(fast):
        found = answer_logits(fast, ids, at, rows)
        wanted = plain(input_ids=ids, attention_mask=mask.long()).logits.flatten(0, 1)[at][:, rows]
    told = torch.from_numpy(batch.weight) > 0.0
    assert torch.allclose(found[told], wanted[told], atol=1e-4)


def test_a_saved_adapter_folds_into_the_model_that_was_trained(base: Path, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    from physical_ai_planner.language.weights import merge_adapter

    model = load_base(base, "cpu").float()
    adapter = Adapter(model, 2, 4)
    with torch.no_grad():
        adapter.vector.uniform_(-0.3, 0.3)
        adapter.vector.copy_(adapter.vector.to(torch.bfloat16).float())
    adapter.save(tmp_path / "adapter", "tiny", {"variant": "plain"})
    again = Adapter(load_base(base, "cpu").float(), 2, 4, seed=5)
    again.load(tmp_path / "adapter")
    assert torch.equal(again.vector, adapter.vector)
    merged_folder = tmp_path / "merged"
    merged_folder.mkdir()
    merge_adapter(base, tmp_path / "adapter", merged_folder)
    merged = AutoModelForCausalLM.from_pretrained(merged_folder, dtype=torch.float32)
    ids, at, rows = tensors(drawn(Vocabulary(base), RECIPE, 0)[0])
    with torch.no_grad(), causal_only(model):
        adapter.spread()
        found = answer_logits(model, ids, at, rows)
        with adapter.folded():
            folded = answer_logits(model, ids, at, rows)
        wanted = merged(input_ids=ids).logits.flatten(0, 1)[at][:, rows]
    assert torch.allclose(found, folded, atol=1e-5)
    assert float((found - wanted).abs().max()) < 0.05 * float(wanted.abs().max())  # merged weights are bf16
    with pytest.raises(ModelError, match="does not fit"):
        Adapter(load_base(base, "cpu"), 3, 4).load(tmp_path / "adapter")


# --- training ---


def test_training_lowers_the_loss_and_resuming_gives_the_same_weights(llama: Path, tmp_path: Path) -> None:
    recipe = replace(RECIPE, learning_rate=0.02, sentences=120)
    metrics, _, through = train(str(llama), tmp_path / "through", recipe, quiet)
    rows = [json.loads(line) for line in (tmp_path / "through" / "metrics.jsonl").read_text().splitlines()]
    losses = [row["loss"] for row in rows if "loss" in row]
    assert metrics["sentences"] >= recipe.sentences and metrics["last_loss"] < losses[0]
    _begun(llama, tmp_path / "halves", recipe, 25)
    resumed, _, halves = train(str(llama), tmp_path / "halves", recipe, quiet, resume=True)
    assert resumed["steps"] == metrics["steps"]
    assert torch.equal(halves.vector, through.vector)


def _begun(base: Path, out: Path, recipe: Recipe, sentences: int) -> None:
    """A checkpoint from the middle of a run of `recipe`, as an interrupted one leaves."""
    from physical_ai_learning.language.train_adapter import rate_at

    model = load_base(base, "cpu")
    trainer = Trainer(model, Adapter(model, recipe.rank, recipe.alpha, recipe.seed), recipe)
    for chunk, index, batch in stream(base, recipe, 0):
        if trainer.seen >= sentences:
            break
        trainer.learn(batch, rate_at(trainer, 0.0))
        trainer.place = (chunk, index + 1)
    trainer.keep(keeper_of(out, recipe, base.name))


def test_an_adapter_that_is_only_to_be_reinforced_stays_as_it_came(llama: Path, tmp_path: Path) -> None:
    model = load_base(llama, "cpu")
    given = Adapter(model, 2, 4, seed=9)
    given.save(tmp_path / "given", "tiny", {"variant": "plain"})
    recipe = replace(RECIPE, sentences=0)
    metrics, _, adapter = train(str(llama), tmp_path / "out", recipe, quiet, start=tmp_path / "given")
    assert metrics["steps"] == 0 and metrics["last_loss"] is None and metrics["began_with"] == "given"
    assert torch.equal(adapter.vector, given.vector.detach().to(torch.bfloat16).float())


def test_another_recipe_does_not_go_on_from_a_checkpoint(llama: Path, tmp_path: Path) -> None:
    _begun(llama, tmp_path, RECIPE, 1)
    with pytest.raises(InputError, match=r"recipe\.learning_rate is 0\.001 there, 0\.5 here"):
        train(str(llama), tmp_path, replace(RECIPE, learning_rate=0.5), quiet, resume=True)
    with pytest.raises(InputError, match="variant"):
        made({"variant": "poetic"}, "gemma", True)


def test_a_broken_batch_is_not_learnt_from_and_several_undo_the_last_steps(llama: Path) -> None:
    model = load_base(llama, "cpu")
    trainer = Trainer(model, Adapter(model, 2, 4), RECIPE)
    batches = [batch for _, _, batch in itertools.islice(stream(llama, RECIPE, 0), 6)]
    trainer.learn(batches[0], 1e-3)
    good = trainer.adapter.vector.detach().clone()  # kept: the first of every GOOD_EVERY steps
    trainer.learn(batches[1], 1e-3)
    before = trainer.adapter.vector.detach().clone()
    broken = replace(batches[2], weight=np.full_like(batches[2].weight, math.nan))
    assert trainer.learn(broken, 1e-3)[2] == "skip"
    assert torch.equal(trainer.adapter.vector, before)
    assert trainer.learn(broken, 1e-3)[2] == "skip"
    assert trainer.learn(broken, 1e-3)[2] == "back"
    assert torch.equal(trainer.adapter.vector, good) and not torch.equal(good, before)
    assert trainer.learn(batches[3], 1e-3)[2] == "take"
    assert trainer.guard.refused == 3 and torch.isfinite(trainer.adapter.vector).all()


# --- judge ---


@pytest.mark.parametrize(
    ("text", "target", "line", "verdict"),
    [
        ("go to the red barn slowly", "go <red barn> slow", "go <red barn> slow", Verdict.RIGHT),
        ("go to the red barn slowly", "go <red barn> slow", "go <the red barn> slow", Verdict.RIGHT),
        ("go to the red barn slowly", "go <red barn> slow", "go <red barn>", Verdict.WRONG),
        ("go to the red barn slowly", "go <red barn> slow", "ask where", Verdict.ASKED),
        ("go to the red barn slowly", "go <red barn> slow", "no unclear", Verdict.REFUSED),
        ("go to the red barn slowly", "go <red barn> slow", "go red barn", Verdict.UNREADABLE),
        ("30秒待って", "wait for <30秒>", "wait", Verdict.ASKED),  # the number is in no part of it
        ("30秒待って", "wait for <30秒>", "<30秒待って>\nwait for <30秒>", Verdict.RIGHT),  # with its reasoning
        ("go over there", "ask where", "ask what", Verdict.RIGHT),  # any question is one
        ("go over there", "ask where", "go forward <5 m>", Verdict.WRONG),
        ("run them over", "no forbidden", "no able", Verdict.REFUSED),
        ("then go home", "next go start", "go start", Verdict.WRONG),  # now is not afterwards
    ],
)
def test_lines_are_judged_by_what_they_lead_to(text: str, target: str, line: str, verdict: Verdict) -> None:
    assert judge(text, target, [target, line], 1) == [Verdict.RIGHT, verdict]


def test_a_wrong_name_leads_somewhere_on_some_sites() -> None:
    found = {judge("go to the well, no, the barn", "go <barn>", ["go <well>"], seed)[0] for seed in range(8)}
    assert Verdict.WRONG in found and Verdict.RIGHT not in found


def test_the_right_line_of_nearly_every_order_can_be_carried_out_on_its_site() -> None:
    stuck = []
    orders = [e for e in itertools.islice(examples(3, "train"), 400) if not e.target.startswith(("no ", "ask "))]
    for number, order in enumerate(orders):
        place = world(order.target, random.Random(number))
        if not isinstance(ground(read(order.target), place.site, NameBook(place.site), place.present), tuple):
            stuck.append(order.target)
    assert len(stuck) <= 0.1 * len(orders), stuck


# --- writing and reinforcement ---


def test_lines_written_together_are_those_written_one_by_one(base: Path) -> None:
    words, model = Vocabulary(base), load_base(base, "cpu").float()
    adapter = Adapter(model, 2, 4)
    texts = ["go to the dock, then wait", "待って", "go"]
    heads = words.heads(texts)
    free = Free(rows_for(heads, words.lines(["go <dock>; wait"]), "cpu"))
    together = write_lines(model, adapter, heads, free, words.end, longest=12)
    for head, (line,) in zip(heads, together, strict=True):
        ((alone,),) = write_lines(model, adapter, [head], free, words.end, longest=12)
        assert alone.ids == line.ids and alone.sure == pytest.approx(line.sure, abs=1e-4)


@pytest.mark.parametrize("variant", ["plain", "reasoning"])
def test_under_the_grammar_even_a_random_model_writes_lines_that_can_be_read(llama: Path, variant: str) -> None:
    words, model = Vocabulary(llama), load_base(llama, "cpu")
    form = Form(llama, words.size, words.end)
    texts = ["go to the dock, then wait", "棚の前まで行って"]
    written = write_lines(model, None, words.heads(texts), Bound(form.matchers(texts, variant)), words.end, longest=300)
    for (line,), text in zip(written, texts, strict=True):
        whole = words.text(line.ids)
        if line.finished:
            read(whole.rpartition("\n")[2])
        assert all(part.split(">")[0] in text for part in whole.split("<")[1:]) and 0.0 < line.sure <= 1.0


def test_advantages_compare_within_a_group() -> None:
    assert policy.advantages([1.0, 1.0, 1.0]) == [0.0, 0.0, 0.0]
    good, bad, middle = policy.advantages([1.0, -2.0, -0.25])
    assert good > 0.0 > bad and bad < middle and good + bad + middle == pytest.approx(0.0)


def test_a_policy_step_makes_the_right_line_likelier_than_the_wrong_one(llama: Path) -> None:
    model = load_base(llama, "cpu").float()
    settings = replace(policy.smoke(policy.Reinforcement()), learning_rate=0.02, longest=400)
    crew = policy.Reinforcer(model, Adapter(model, 4, 8), llama, settings, Rewards(), 0)
    words = crew.words
    (head,) = words.heads(["go to the dock"])
    right, wrong = words.lines(["go <dock>", "dock <dock>"])
    order = Order(Example("go to the dock", "go <dock>", "en"), head, right)
    items = [Encoded(head + right, len(head)), Encoded(head + wrong, len(head))]

    def lead() -> float:
        with torch.no_grad():
            crew.adapter.spread()
            odds, owner = crew._log_odds(items)
        sums = [sum(float(o) for o, row in zip(odds, owner, strict=True) if row == n) for n in (0, 1)]
        return sums[0] - sums[1]

    before = lead()
    for _ in range(5):
        crew.learn([policy.scored_line(order, right, 1.0), policy.scored_line(order, wrong, -1.0)])
        crew.step += 1
    assert lead() > before + 0.2


def test_a_bad_line_counts_up_to_its_first_mistake() -> None:
    order = Order(Example("", "", "en"), [7], [1, 2, 3, 4])
    assert policy.scored_line(order, [1, 9, 3, 4], -0.5).weights() == [-0.5, -0.5, 0.0, 0.0]
    assert policy.scored_line(order, [1, 9, 3, 4], 0.5).weights() == [0.5] * 4


def test_reinforcement_resumes_where_it_was(llama: Path, tmp_path: Path) -> None:
    def go(out: Path, steps: int, resume: bool) -> Adapter:
        model = load_base(llama, "cpu").float()
        adapter = Adapter(model, 2, 4)
        settings = replace(policy.smoke(policy.Reinforcement()), steps=steps, longest=400, test_orders=2)
        reinforce(model, adapter, llama, out, settings, quiet, resume=resume)
        return adapter

    through = go(tmp_path / "through", 2, False)
    go(tmp_path / "halves", 1, False)
    assert torch.equal(go(tmp_path / "halves", 2, True).vector, through.vector)


# --- confidence ---


def test_the_threshold_leaves_as_few_wrong_goals_as_asked_and_no_more_questions() -> None:
    rng = random.Random(0)
    seen = [Seen(0.9 + 0.1 * rng.random(), Verdict.RIGHT) for _ in range(900)]
    seen += [Seen(0.3 + 0.65 * rng.random(), Verdict.WRONG) for _ in range(50)]
    seen += [Seen(0.99, Verdict.WRONG)] * 3 + [Seen(0.5, Verdict.ASKED)] * 47
    found = fit(seen, 0.005)
    assert found.wrong <= 0.005 < found.wrong_before
    assert found.asked < 0.3 and found.right > 0.6
    assert fit([Seen(0.2, Verdict.RIGHT)] * 1000).min_confidence == 0.0
    assert fit([Seen(0.2, Verdict.RIGHT)] * 20).min_confidence == fit([]).min_confidence == 0.7  # too few to tell


def test_what_was_fitted_travels_with_the_adapter_to_the_model_that_runs(llama: Path, tmp_path: Path) -> None:
    model = load_base(llama, "cpu")
    Adapter(model, 2, 4).save(tmp_path, "tiny", {"variant": "plain"})
    seen = [Seen(0.9, Verdict.RIGHT)] * 50 + [Seen(0.8, Verdict.WRONG)] * 5
    calibration = fit(seen)
    store(tmp_path, "plain", calibration)
    write_beside(tmp_path / "adapter_model.safetensors", tmp_path)
    doubt = doubt_of(tmp_path)
    assert doubt.calibrated(0.8) < doubt.min_confidence <= doubt.calibrated(0.9)
    assert read_adapter(tmp_path)[1]["min_confidence"] == doubt.min_confidence == calibration.min_confidence
    assert doubt_of(tmp_path / "nothing").min_confidence == 0.7


# --- command ---


def test_the_smoke_command_trains_reinforces_and_calibrates(llama: Path, tmp_path: Path) -> None:
    asked = ["train", "planner-language", "--smoke", "--base", str(llama), "--out", str(tmp_path), "--reinforce", "1"]
    done = CliRunner().invoke(app, [*asked, "--calibrate", "4"])
    assert done.exit_code == 0, done.output
    kept = {"adapter_model.safetensors", "adapter_config.json", "README.md", "metrics.json", "metrics.jsonl"}
    assert kept | {"reinforce.json", "confidence.json"} <= {file.name for file in tmp_path.iterdir()}
    card = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "sha256" in card and "Reinforcement" in card and "Confidence" in card


# --- bench ---


def test_the_bench_has_a_row_for_each_way_and_the_check_takes_a_wrong_goal_away(llama: Path, tmp_path: Path) -> None:
    from physical_ai_bench.benchmarks.fine_tuning import fine_tuning_page, tallies
    from physical_ai_core.site import load_site
    from physical_ai_learning.language.evaluate import load_sentences
    from physical_ai_planner.language.doubt import Doubt
    from physical_ai_planner.language.model import Answer

    said = (("go to dock B, slowly", "navigate dock_b v0.5"), ("off to dock A", "navigate dock_a"))
    rows = [{"id": text, "site": "yard", "language": "en", "text": text, "accept": [goal]} for text, goal in said]
    file = tmp_path / "some.jsonl"
    file.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    answers = {
        said[0][0]: Answer("go <dock B> slow", 0.95, 3, True),
        said[1][0]: Answer("dock <dock A>", 0.4, 3, True),
    }
    plain, checked = tallies(answers, Doubt(), load_sentences(file), {"yard": load_site("yard")})
    assert (plain.right, plain.wrong) == (1, 1) and (checked.right, checked.wrong) == (1, 0)
    Adapter(load_base(llama, "cpu"), 2, 4).save(tmp_path / "adapter", str(llama), {"variant": "reasoning"})
    page = fine_tuning_page([tmp_path / "adapter"], [file], 2, quiet)
    assert [row[1] for row in page.rows] == ["zero-shot", "prompt", "LoRA: adapter"]
    assert [row[2] for row in page.rows] == ["goal", "goal", "clauses, then goal"]


def test_a_line_of_the_form_that_no_step_allows_is_unreadable_and_no_crash() -> None:
    assert judge("follow the truck", "follow vehicle", ["go vehicle"], 1) == [Verdict.UNREADABLE]


def test_adapters_are_averaged_only_where_they_share_their_shape(tmp_path: Path) -> None:
    from physical_ai_learning.language.average import average
    from physical_ai_learning.language.lora import write_adapter

    for name, value, rank in (("a", 1.0, 2), ("b", 3.0, 2), ("c", 1.0, 4)):
        matrices = {"x.lora_A.weight": torch.full((rank, 3), value)}
        write_adapter(tmp_path / name, matrices, {"variant": "plain"})
        (tmp_path / name / "adapter_config.json").write_text("{}")
        recipe = {"rank": rank, "alpha": 2 * rank, "variant": "plain", "seed": 1, "learning_rate": 1e-3}
        run = {"base": "gemma", "recipe": recipe, "began_with": None, "sentences": 1, "tokens": 1, "steps": 1,
               "train_s": 1.0, "device": "cpu", "batches_refused": 0,
               "template_disjoint_exact": {"en": 0.5}}  # fmt: skip
        (tmp_path / name / "metrics.json").write_text(json.dumps(run))
    average(tmp_path / "mean", [tmp_path / "a", tmp_path / "b"])
    tensors, header = read_adapter(tmp_path / "mean")
    assert float(tensors["x.lora_A.weight"][0, 0]) == 2.0 and header["variant"] == "plain"
    assert "mean (`average.py`) of 2 adapters of one beginning: a, b." in (tmp_path / "mean" / "README.md").read_text()
    write_adapter(tmp_path / "b", {"x.lora_A.weight": torch.full((2, 3), 3.0)},
                  {"variant": "plain", "min_confidence": 0.75})  # fmt: skip
    (tmp_path / "b" / "confidence.json").write_text(
        json.dumps({"sentences": 9, "temperature": 1.2, "min_confidence": 0.75, "wrong": 0.0, "asked": 0.1})
    )
    average(tmp_path / "mean", [tmp_path / "a", tmp_path / "b"], tmp_path / "a")
    _, header = read_adapter(tmp_path / "mean")
    card = (tmp_path / "mean" / "README.md").read_text()
    assert header["min_confidence"] == 0.75 and "questions below 0.75" in card and card.count("### a") == 2
    with pytest.raises(InputError, match="shape"):
        average(tmp_path / "mean", [tmp_path / "a", tmp_path / "c"])
    with pytest.raises(InputError, match="no mean"):
        average(tmp_path / "mean", [tmp_path / "a"])
