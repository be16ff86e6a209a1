"""The decision of a gate about one candidate: what was looked at, number by number, for robots and for people."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from physical_ai_core.models.disk import Disk
from physical_ai_learning.release.evidence import Check

Said = Callable[[str], None]


@dataclass(frozen=True)
class Decision:
    """`about`: hashes of everything that was looked at. Two judgements of the same files are the same bytes."""

    model: str
    accepted: bool
    candidate: dict[str, str]
    incumbent: dict[str, str]
    about: dict[str, Any]
    checks: tuple[Check, ...]

    @property
    def reasons(self) -> list[str]:
        return [check.reason for check in self.checks if not check.kept]

    def content(self) -> bytes:
        said = {
            "schema_version": 1, "model": self.model, "accepted": self.accepted, "reasons": self.reasons,
            "candidate": self.candidate, "incumbent": self.incumbent, "about": self.about,
            "checks": [asdict(check) for check in self.checks],
        }  # fmt: skip
        return (json.dumps(said, indent=2, sort_keys=True, ensure_ascii=False, default=str) + "\n").encode()

    def page(self) -> str:
        """For a person."""
        verdict = "**accepted** (承認)" if self.accepted else "**refused** (却下)"
        lines = [f"# Model gate, {self.model}: {verdict}", ""]
        lines += [f"- {reason}" for reason in self.reasons] + ([""] if self.reasons else [])
        for name, said in (("candidate", self.candidate), ("incumbent", self.incumbent)):
            lines.append(f"{name}: `{said['file']}` sha256 `{said['sha256']}`  ")
        lines += ["", "| part | what | value | bound | kept | |", "|---|---|---|---|---|---|"]
        lines += [
            f"| {c.part} | {c.name} | {c.value:.4g} | {c.bound} | {'yes' if c.kept else '**no**'} | {c.detail} |"
            for c in self.checks
        ]
        return "\n".join(lines) + "\n"

    def write(self, folder: Path) -> Path:
        """`decision.json` and `decision.md`; → the first."""
        Disk().replace(folder / "decision.md", self.page().encode())
        Disk().replace(folder / "decision.json", self.content())
        return folder / "decision.json"


@dataclass(frozen=True)
class Case:
    """What is judged of which model, before it was."""

    model: str
    candidate: Path
    incumbent: dict[str, str]
    about: dict[str, Any]

    def unloadable(self, cause: str) -> Decision:
        """Nothing else can be looked at."""
        content = self.candidate.read_bytes() if self.candidate.is_file() else None
        check = Check("loading", "errors", 1.0, "must be 0", False, cause)
        return Decision(
            self.model, False, named(self.candidate, digest(content) if content is not None else ""), self.incumbent,
            self.about, (check,),
        )  # fmt: skip

    def decided(self, sha256: str, checks: Sequence[Check], looked_at: Mapping[str, bool]) -> Decision:
        """Nothing is weighed against anything else: all must be kept, and what was not looked at refuses."""
        missing = [
            Check(part, "looked at", 0.0, "must be 1", False, "name bags, and a number of runs")
            for part, looked in looked_at.items()
            if not looked
        ]
        found = (*checks, *missing)
        accepted = all(check.kept for check in found)
        return Decision(self.model, accepted, named(self.candidate, sha256), self.incumbent, self.about, found)


def named(path: Path, sha256: str) -> dict[str, str]:
    return {"file": path.name, "sha256": sha256}


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def file_hash(path: Path) -> str:
    return digest(path.read_bytes())


def bag_hash(bag: Path) -> str:
    files = sorted(bag.glob("*.mcap")) if bag.is_dir() else [bag]
    return digest("".join(file_hash(path) for path in files).encode())
