"""The job of the command line and of the pytest plugin: play a bag, find its reference, compare, or make it anew."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from physical_ai_bench.regression import reference as stored
from physical_ai_bench.regression.cast import config_of, part_of
from physical_ai_bench.regression.compare import Verdict, compare
from physical_ai_bench.regression.feed import BagFacts, facts_of
from physical_ai_bench.regression.playing import Replayed, play
from physical_ai_bench.regression.provenance import changes, provenance
from physical_ai_bench.regression.readings import FILE, ReaderKind
from physical_ai_bench.regression.reference import Reference, ReferenceError
from physical_ai_bench.regression.tolerances import DEFAULT, Tolerances, load_tolerances
from physical_ai_bench.replay import ReplayConfig
from physical_ai_core.errors import InputError


@dataclass(frozen=True)
class Checked:
    """One bag and part. `verdict` is None where the reference was made anew.

    `changes`: what is another one than when the reference was made.
    """

    replayed: Replayed
    against: Path
    reference: Reference
    verdict: Verdict | None
    changes: tuple[str, ...] = ()

    @property
    def same(self) -> bool:
        return self.verdict is None or self.verdict.same

    @property
    def bit_identical(self) -> bool:
        return self.replayed.sha256 == self.reference.sha256

    def as_json(self) -> dict[str, Any]:
        """Plain values, for machines that read the result."""
        verdict = self.verdict
        return {
            "bag": str(self.replayed.bag.path),
            "part": self.replayed.part.name,
            "reference": str(self.against),
            "updated": verdict is None,
            "same": self.same,
            "bit_identical": self.bit_identical,
            "sha256": self.replayed.sha256,
            "messages": self.replayed.messages_out,
            "real_time_factor": round(self.replayed.pace, 2),
            "changes": list(self.changes),
            "deviations": [] if verdict is None else [vars(one) for one in verdict.deviations],
        }


def check(
    bag: str | Path,
    against: str | Path,
    node: str = "graph",
    *,
    update: bool = False,
    tolerances: str | Path | Tolerances | None = None,
    config: ReplayConfig | None = None,
    reader: ReaderKind = "recorded",
    out: str | Path | None = None,
) -> Checked:
    """Play `node` (or the whole `graph`) of a bag and compare it with its reference, or make that anew (`update`).

    `against`: a `.reference` file, or a folder of them. `out`: folder of what the language model read, where it reads.
    Raises BagError, InputError (ReferenceError: none there, of another bag or robot), ParameterError.
    """
    part, facts = part_of(node), facts_of(bag)
    kept = tolerances if isinstance(tolerances, Tolerances) else load_tolerances(str(tolerances or DEFAULT))
    path = stored.path_of(Path(against), facts.path, part.name)
    if not update:
        reference = stored.load(path)  # before minutes of computing
        refuse_other(reference, path, facts, part.name)
        kept = kept.model_copy(update={"longest": reference.longest, "probes": reference.probes})
    chosen = config_of(facts.path, config, facts.robot, facts.site)
    made_by = provenance(part, chosen)
    keep = None
    if reader == "model" and out is not None:
        keep = Path(out) / FILE
        keep.parent.mkdir(parents=True, exist_ok=True)
    replayed = play(facts, part, chosen, kept, reader, keep)
    if update:
        reference = stored.reference_of(replayed, kept, made_by)
        stored.save(reference, path)
        return Checked(replayed, path, reference, None)
    verdict = compare(replayed.spoken, reference.spoken, kept)
    return Checked(replayed, path, reference, verdict, tuple(changes(reference.made_by, made_by)))


def refuse_other(reference: Reference, path: Path, facts: BagFacts, part: str) -> None:
    """Raises ReferenceError: a reference of another node, robot or recording says nothing about this one."""
    if reference.part != part:
        raise ReferenceError(
            f"The reference {path} is of {reference.part}, not of {part}.", "Name that one, or the reference's node."
        )
    if reference.robot != facts.robot:
        raise ReferenceError(
            f"The reference {path} is of robot '{reference.robot}', the bag {facts.path} of robot '{facts.robot}'.",
            "Compare a bag with its own reference.",
        )
    if reference.bag_sha256 != facts.sha256:
        raise ReferenceError(
            f"The reference {path} was made of another recording ('{reference.bag}') than the bag {facts.path}.",
            stored.MEND,
        )


def refuse_same_names(bags: list[Path]) -> None:
    """Raises InputError: in one folder of references, a bag's name is all that tells them apart."""
    names = [bag.stem for bag in bags]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"Several bags are named {', '.join(twice)}.", "Give each its own folder of references.")
