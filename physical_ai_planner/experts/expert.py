"""An expert is a folder: its rule base, and where it reads words, its head with a card."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from physical_ai_core.errors import InputError, ModelError
from physical_ai_planner.experts import rules
from physical_ai_planner.experts.advice import Advice
from physical_ai_planner.experts.facts import WORDS, Facts
from physical_ai_planner.experts.net import Floats, Net, load_net
from physical_ai_planner.experts.rules import RuleBase, load_rules

HEAD: Final = "head.safetensors"
ROUTER_FOLDER: Final = "router"
ROUTER: Final = "router.safetensors"
SHARED: Final = "shared"  # the expert that is always awake


def default_folder() -> Path:
    """The experts that come with the package."""
    return Path(__file__).parent / "data"


@dataclass(frozen=True)
class Opinion:
    """What one expert said, what it cost in floating-point operations, and what it read from the words."""

    advice: tuple[Advice, ...]
    flops: int
    topics: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Expert:
    """`head` None: rules only, and `fault` says why if one was expected."""

    name: str
    rules: RuleBase
    head: Net | None = None
    fault: str = ""

    def judge(self, facts: Facts, buckets: NDArray[np.int64], vector: Floats) -> Opinion:
        """Read the words, then apply the rules. Without words, or without a head, no topic counts as said."""
        if self.head is None or len(buckets) == 0:
            silent = {f"{WORDS}{topic}": 0.0 for topic in self.rules.topics}
            return Opinion(tuple(self.rules.judge({**facts, **silent})), len(self.rules.rules))
        read = self.head(buckets, vector).tolist()
        topics = dict(zip(self.head.outputs, read, strict=True))
        flops = self.head.flops(len(buckets)) + len(self.rules.rules)
        seen = {**facts, **{f"{WORDS}{topic}": p for topic, p in topics.items()}}
        return Opinion(tuple(self.rules.judge(seen)), flops, topics)


def load_expert(folder: Path) -> Expert:
    """An expert from its folder. A rule base that cannot be used raises InputError; a head that cannot leaves rules."""
    base = load_rules(folder / rules.FILE)
    if base.expert != folder.name:
        raise InputError(
            f"The rule base in {folder} says it is '{base.expert}'.", "Give folder and rule base the same name."
        )
    if not base.topics:
        return Expert(base.expert, base)
    mend = f"Restore it from the package, or train it anew: physical-ai train experts --only {base.expert}."
    try:
        head = load_net(folder / HEAD, mend)
        if head.outputs != base.topics:
            raise ModelError(
                f"The head of '{base.expert}' reads {list(head.outputs)}, its rules {list(base.topics)}.", mend
            )
    except ModelError as error:
        return Expert(base.expert, base, fault=f"expert '{base.expert}' goes by rules only: {error}")
    return Expert(base.expert, base, head)


def load_experts(folder: Path) -> dict[str, Expert]:
    """Every sub-folder that holds a rule base, by name, the shared one first. Raises InputError."""
    found = sorted(path.parent for path in folder.glob(f"*/{rules.FILE}"))
    if not found:
        raise InputError(f"There is no expert in {folder}.", "Each expert is a sub-folder with a rules.yaml.")
    experts = [load_expert(path) for path in found]
    return {expert.name: expert for expert in sorted(experts, key=lambda e: (e.name != SHARED, e.name))}


def load_router(folder: Path) -> tuple[Net | None, str]:
    """The router of a folder of experts, or None with the reason why every expert is awake."""
    try:
        path = folder / ROUTER_FOLDER / ROUTER
        return load_net(path, "Train it anew: physical-ai train experts --only router."), ""
    except ModelError as error:
        return None, f"every expert is awake: {error}"


def totals(experts: dict[str, Expert], router: Net | None) -> dict[str, Any]:
    """Parameters in all."""
    heads = {name: expert.head.parameters for name, expert in experts.items() if expert.head is not None}
    return {"heads": heads, "router": 0 if router is None else router.parameters}
