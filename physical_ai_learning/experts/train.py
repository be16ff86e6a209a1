"""Training of heads and router: draw, learn, calibrate, write safetensors and card. CPU, a minute or two."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
import yaml
from numpy.typing import NDArray
from torch.nn.functional import binary_cross_entropy_with_logits

from physical_ai_core.errors import InputError
from physical_ai_learning.experts.dataset import Drawn, Source, oracle
from physical_ai_learning.experts.network import Reader, balance_loss, exported, padded, platt
from physical_ai_learning.experts.phrases import FILE as PHRASES
from physical_ai_planner.experts import ngrams
from physical_ai_planner.experts.council import LEAST_GATE, TOP_K
from physical_ai_planner.experts.expert import HEAD, ROUTER, ROUTER_FOLDER, SHARED, Expert, load_experts
from physical_ai_planner.experts.facts import NAMES, facts_of, vector
from physical_ai_planner.experts.net import CARD, Net, save_net

Floats = NDArray[np.float32]
Report = Callable[[str, float, float], None]
METRICS: Final = "experts_metrics.json"
FRESH: Final = 1000  # added to the seed of sentences whose templates were learnt from, to calibrate on
COMMAND: Final = "physical-ai train experts --only {name}"


@dataclass(frozen=True)
class Settings:
    """Of the networks that ship; `smoke` makes all of it tiny."""

    sentences: int = 14_000
    held: int = 2_000  # to calibrate on, and as many to test with
    rounds: int = 5
    batch: int = 64
    rate: float = 2e-2
    decay: float = 0.1
    width: int = 24
    drop: float = 0.4
    balance: float = 0.05  # weight of the load-balancing loss
    seed: int = 0

    @staticmethod
    def smoke() -> Settings:
        return Settings(sentences=600, held=200, rounds=2)


@dataclass(frozen=True)
class Material:
    """Drawn cases as the networks read them; `speaks`: who has a word when the topics are known."""

    drawn: Sequence[Drawn]
    bags: Sequence[NDArray[np.int64]]
    facts: Floats
    speaks: Sequence[Mapping[str, bool]]

    def topics(self, names: Sequence[str]) -> Floats:
        return np.array([[float(name in d.topics) for name in names] for d in self.drawn], dtype=np.float32)

    def words(self, names: Sequence[str]) -> Floats:
        return np.array([[float(said[name]) for name in names] for said in self.speaks], dtype=np.float32)


def material(drawn: Sequence[Drawn], experts: Mapping[str, Expert]) -> Material:
    facts = [facts_of(d.case) for d in drawn]
    said = [oracle(d, experts, known) for d, known in zip(drawn, facts, strict=True)]
    return Material(
        drawn, [ngrams.buckets(d.case.sentence) for d in drawn], np.stack([vector(known) for known in facts]),
        [{name: bool(part) for name, part in parts.items()} for parts in said],
    )  # fmt: skip


def run(folder: Path, settings: Settings, only: str, out: Path, report: Report) -> dict[str, Any]:
    """Train every head that has phrases, and the router; or one of them (`only`: an expert, or `router`).

    Writes into the experts' folders and metrics into `out`; files of what is not trained stay as they are. Raises
    InputError.
    """
    experts = load_experts(folder)
    heads = [name for name, e in experts.items() if e.rules.topics and (folder / name / PHRASES).exists()]
    known = [*heads, ROUTER_FOLDER]
    if only and only not in known:
        raise InputError(f"There is nothing to train for '{only}'.", f"Known are {known}.")
    torch.manual_seed(settings.seed)
    torch.set_num_threads(1)
    source = Source(folder, sorted(experts))
    parts: dict[str, Material] = {}
    fresh = source.draw(settings.held, "train", settings.seed + FRESH)
    for split, count in (("train", settings.sentences), ("calibrate", settings.held), ("test", settings.held)):
        report("sentences", len(parts), 3)
        drawn = source.draw(count, split, settings.seed)  # type: ignore[arg-type]
        parts[split] = material([*drawn, *fresh] if split == "calibrate" else drawn, experts)
    report("sentences", 3, 3)
    metrics: dict[str, Any] = {"settings": asdict(settings)}
    for name in [n for n in known if only in ("", n)]:
        if name == ROUTER_FOLDER:
            gates = [n for n in experts if n != SHARED]
            labels = {split: part.words(gates) for split, part in parts.items()}
            net, found = learn(name, gates, labels, parts, settings, report, settings.balance)
            _, even = learn(f"{name}, not balanced", gates, labels, parts, settings, report, 0.0)
            found["without_balance"] = {key: even[key] for key in ("load", "woken_right", "balance_loss")}
            path = folder / ROUTER_FOLDER / ROUTER
        else:
            topics = experts[name].rules.topics
            labels = {split: part.topics(topics) for split, part in parts.items()}
            net, found = learn(name, topics, labels, parts, settings, report)
            path = folder / name / HEAD
        sha256 = save_net(path, net)
        metrics[name] = {**found, "parameters": net.parameters, "sha256": sha256}
        write_card(path.parent, name, path.name, sha256, net, found, settings, len(source.phrases))
    out.mkdir(parents=True, exist_ok=True)
    (out / METRICS).write_text(json.dumps(metrics, indent=1), encoding="utf-8")
    return metrics


def learn(
    name: str, outputs: Sequence[str], labels: Mapping[str, Floats], parts: Mapping[str, Material],
    settings: Settings, report: Report, balance: float | None = None,
) -> tuple[Net, dict[str, Any]]:  # fmt: skip
    """One network; `balance` not None: it is the router, with that weight on the load-balancing loss.

    A head reads of the facts the goal only: what the words are about is no matter of the robot's state, and chance
    would tie them together. Calibrated on new sentences, half of templates that were learnt from and half of others:
    of what people say, some is known and some is not.
    """
    seed = [settings.seed, *name.split(",")[0].encode()]
    rng = np.random.default_rng(seed)
    torch.manual_seed(int(rng.integers(2**31)))
    reads = torch.tensor([float(balance is not None or fact.startswith("goal.")) for fact in NAMES])
    model = Reader(len(outputs), settings.width, settings.drop, reads)
    optimiser = torch.optim.AdamW(model.parameters(), settings.rate, weight_decay=settings.decay)
    train, target = parts["train"], torch.from_numpy(labels["train"])
    facts = torch.from_numpy(train.facts)
    steps = settings.rounds * math.ceil(len(train.bags) / settings.batch)
    step = 0
    for _ in range(settings.rounds):
        order = rng.permutation(len(train.bags))
        for begin in range(0, len(order), settings.batch):
            rows = order[begin : begin + settings.batch]
            for group in optimiser.param_groups:
                group["lr"] = settings.rate * 0.5 * (1.0 + math.cos(math.pi * step / steps))
            logits = model(padded([train.bags[row] for row in rows]), facts[rows])
            loss = binary_cross_entropy_with_logits(logits, target[rows])
            if balance is not None:
                loss = loss + balance * balance_loss(torch.sigmoid(logits), TOP_K)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            step += 1
        report(name, step, steps)
    model.eval()
    held = _logits(model, parts["calibrate"])
    fitted = [platt(held[:, k], labels["calibrate"][:, k].astype(float)) for k in range(len(outputs))]
    net = exported(model, outputs, [a for a, _ in fitted], [b for _, b in fitted])
    told = np.stack([net(bag, row) for bag, row in zip(parts["test"].bags, parts["test"].facts, strict=True)])
    found = {"topics" if balance is None else "gates": judged(told, labels["test"], outputs)}
    return net, found if balance is None else {**found, **routing(told, labels["test"], outputs)}


def _logits(model: Reader, part: Material) -> NDArray[np.float64]:
    with torch.no_grad():
        logits = model(padded(part.bags), torch.from_numpy(part.facts))
    return np.asarray(logits.numpy(), dtype=np.float64)


def judged(told: Floats, truth: Floats, names: Sequence[str]) -> dict[str, dict[str, float]]:
    """Precision, recall at one half, and the calibration error (ten bins) of each output."""
    found = {}
    for k, name in enumerate(names):
        p, y = told[:, k], truth[:, k] > 0.5
        said = p >= 0.5
        bins = np.minimum((p * 10).astype(int), 9)
        gaps = [abs(float(p[bins == b].mean()) - float(y[bins == b].mean())) * float((bins == b).mean())
                for b in range(10) if (bins == b).any()]  # fmt: skip
        found[name] = {
            "precision": round(float((said & y).sum() / max(1, said.sum())), 4),
            "recall": round(float((said & y).sum() / max(1, y.sum())), 4),
            "calibration_error": round(sum(gaps), 4),
        }
    return found


def routing(gates: Floats, speaks: Floats, names: Sequence[str]) -> dict[str, Any]:
    """Of the router: load of each expert, experts with a word that were woken, and how many were awake."""
    top = np.argsort(-gates, axis=1, kind="stable")[:, :TOP_K]
    awake = np.zeros_like(gates, dtype=bool)
    np.put_along_axis(awake, top, True, axis=1)
    awake &= gates >= LEAST_GATE
    load = awake.sum(0) / max(1, awake.sum())
    return {
        "load": {name: round(float(share), 4) for name, share in zip(names, load, strict=True)},
        "woken_right": round(float((awake & (speaks > 0.5)).sum() / max(1.0, speaks.sum())), 4),
        "awake_mean": round(float(awake.sum(1).mean()), 4),
        "balance_loss": round(float(balance_loss(torch.from_numpy(gates), TOP_K)), 4),
    }


def write_card(
    folder: Path,
    name: str,
    file: str,
    sha256: str,
    net: Net,
    found: Mapping[str, Any],
    settings: Settings,
    phrases: int,
) -> None:
    """The card: front matter that programs read, and a few lines that people read."""
    front = {
        "file": file, "sha256": sha256, "outputs": list(net.outputs), "parameters": net.parameters,
        "licence": "Apache-2.0", "command": COMMAND.format(name=name), "settings": asdict(settings),
        "data": f"{settings.sentences} sentences in English and Japanese drawn from {phrases} phrase templates "
                "(physical_ai_learning/experts); figures are of templates that were not learnt from",
        "metrics": dict(found),
    }  # fmt: skip
    about = (
        "Gates of the experts: how likely each has a word about an order."
        if name == ROUTER_FOLDER
        else f"Reads from a sentence what the rules of '{name}' need: {', '.join(net.outputs)}."
    )
    text = f"---\n{yaml.safe_dump(front, sort_keys=False, allow_unicode=True)}---\n\n# {name}\n\n{about}\n\n"
    text += (
        "Hashed character n-grams, facts, one hidden layer, calibrated sigmoids: physical_ai_planner.experts.net.\n"
        "It can only tighten an order or ask. Not for other languages, and no judge of what is not said.\n"
    )
    (folder / CARD).write_text(text, encoding="utf-8")
