"""The training of the people model as a job in a file, for workers that torchrun starts.

    torchrun --standalone --nproc-per-node 2 -m physical_ai_learning.world_model.people_job OUT/job.json

`physical-ai train world-model --workers 2` writes that file and runs this command. On several machines, run it on each
with torchrun's own --nnodes, --node-rank and --rdzv-endpoint, the file and OUT on a disk that all of them see.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from physical_ai_core.errors import InputError, PhysicalAIError
from physical_ai_learning.compression.backslash import Small
from physical_ai_learning.training.metrics import plain_report
from physical_ai_learning.training.parallel import crew, launch
from physical_ai_learning.world_model.people_run import recordings_of, run_fold
from physical_ai_learning.world_model.train_people import Settings
from physical_ai_world_model.ssm.shape import Shape


@dataclass(frozen=True)
class PeopleJob:
    """Which folds to train, on what, how; `data` None: the extracts that ship."""

    folds: Sequence[str]
    out: Path
    settings: Settings
    shape: Shape
    data: Path | None = None

    def write(self) -> Path:
        """Into OUT/job.json."""
        self.out.mkdir(parents=True, exist_ok=True)
        path = self.out / "job.json"
        text = json.dumps({**asdict(self), "out": str(self.out), "data": str(self.data) if self.data else None})
        path.write_text(text, encoding="utf-8")
        return path


def read_job(path: Path) -> PeopleJob:
    """Raises InputError where the file is none."""
    try:
        found: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        settings = Settings(**{**found["settings"], "small": Small(**found["settings"]["small"])})
        data = Path(found["data"]) if found["data"] else None
        return PeopleJob(found["folds"], Path(found["out"]), settings, Shape(**found["shape"]), data)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path} is no job: {error}.", "Let `physical-ai train world-model --workers` write it."
        ) from error


def work(path: Path) -> None:
    """One worker of the job."""
    job = read_job(path)
    recordings = recordings_of(job.data, job.folds)
    with crew(job.settings.device) as own:
        report = plain_report() if own.first else lambda stage, done, total: None
        for fold in job.folds:
            run_fold(recordings, fold, job.settings, job.shape, job.out / fold, report, own)


def run_shared(job: PeopleJob, workers: int) -> dict[str, dict[str, Any]]:
    """The job by so many workers on this machine; → metrics by fold. Raises WorkersError where they keep ending."""
    recordings_of(job.data, job.folds)  # what is missing is told before any worker is begun
    launch("physical_ai_learning.world_model.people_job", [str(job.write())], workers)
    return {fold: json.loads((job.out / fold / "metrics.json").read_text(encoding="utf-8")) for fold in job.folds}


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    try:
        work(Path(sys.argv[1]))
    except PhysicalAIError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
