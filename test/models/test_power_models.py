"""The power goes at every step of an update, and within every piece of bytes: the old model can be loaded always."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

import pytest
from kit import Site, weights

from physical_ai_core.models.disk import Disk, alone
from physical_ai_core.models.errors import SlotError
from physical_ai_core.models.slots import Card, Chosen, Slots
from physical_ai_world_model.ssm.shape import ARCHITECTURE
from physical_ai_world_model.ssm.weights import default_folder, load

OLD, NEW = b"o" * 70_000, b"n" * 200_000  # several pieces
ENDS = ("first byte", "middle", "all but one", "whole")  # classes of boundaries of a piece that is being written


class PowerCut(BaseException):
    """Nothing after this happens."""


class FailingDisk(Disk):
    """Goes dark at step `dark`. What was not forced by then may be lost: `torn` says how much of a piece is there, and
    `keeps` whether names that were not settled are."""

    def __init__(self, dark: int, torn: str = "whole", keeps: bool = True) -> None:
        self.steps, self._dark, self._torn, self._keeps = 0, dark, torn, keeps
        self._unsettled: list[tuple[Path, Path, bytes | None]] = []

    def _step(self) -> bool:
        self.steps += 1
        return self.steps == self._dark

    def put(self, file: IO[bytes], part: bytes) -> None:
        if self._step():
            size = {"first byte": 1, "middle": len(part) // 2, "all but one": len(part) - 1, "whole": len(part)}
            file.write(part[: size[self._torn]])
            file.flush()
            self._cut()
        super().put(file, part)

    def force(self, file: IO[bytes]) -> None:
        if self._step():
            file.flush()
            file.truncate(file.tell() // 2)  # the cache had written half of it
            self._cut()
        super().force(file)

    def rename(self, source: Path, target: Path) -> None:
        if self._step():
            self._cut()
        self._unsettled.append((source, target, target.read_bytes() if target.exists() else None))
        super().rename(source, target)

    def settle(self, folder: Path) -> None:
        if self._step():
            self._cut()
        self._unsettled = [one for one in self._unsettled if one[1].parent != folder]
        super().settle(folder)

    def make(self, folder: Path) -> None:
        if self._step():
            self._cut()
        super().make(folder)

    def clear(self, folder: Path) -> None:
        if self._step():
            shutil.rmtree(folder / "weights", ignore_errors=True)
            self._cut()
        super().clear(folder)

    def _cut(self) -> None:
        if not self._keeps:
            for _, target, before in reversed(self._unsettled):
                if before is None:
                    target.unlink(missing_ok=True)
                else:
                    target.write_bytes(before)
        raise PowerCut


def card(content: bytes, version: int) -> Card:
    import hashlib

    return Card("people", version, hashlib.sha256(content).hexdigest(), ARCHITECTURE, "0" * 64)


def on_robot(root: Path) -> Slots:
    """OLD is active."""
    slots = Slots("people", root)
    slots.fill(OLD, card(OLD, 1))
    slots.promote()
    return slots


def steps_of(work: Callable[[Slots], object], root: Path) -> int:
    on_robot(root)
    disk = FailingDisk(dark=-1)
    work(Slots("people", root, disk))
    return disk.steps


def loadable(chosen: Chosen) -> bytes:
    assert chosen.folder is not None and not chosen.warning, chosen
    return (chosen.folder / "weights").read_bytes()


def update(slots: Slots) -> None:
    slots.fill(NEW, card(NEW, 2))
    slots.promote()


@pytest.mark.parametrize("keeps", [True, False])
@pytest.mark.parametrize("torn", ENDS)
def test_power_goes_at_every_step_of_an_update(tmp_path: Path, torn: str, keeps: bool) -> None:
    steps = steps_of(update, tmp_path / "dry")
    assert steps > 15
    before_after = {OLD: 0, NEW: 0}
    for dark in range(1, steps + 1):
        root = tmp_path / str(dark)
        on_robot(root)
        with pytest.raises(PowerCut):
            update(Slots("people", root, FailingDisk(dark, torn, keeps)))
        active = loadable(Slots("people", root).chosen())  # as the next start sees it
        before_after[active] += 1
        again = Slots("people", root)  # and the update can be done again
        if active == OLD:
            update(again)
        assert loadable(again.chosen()) == NEW
        shutil.rmtree(root)
    assert before_after[OLD] > 10
    assert before_after[NEW] == (1 if keeps else 0)  # after the last rename, before it is settled


@pytest.mark.parametrize("keeps", [True, False])
def test_power_goes_at_every_step_of_a_roll_back(tmp_path: Path, keeps: bool) -> None:
    def back(slots: Slots) -> None:
        slots.roll_back("worse")

    on_robot(tmp_path / "dry")
    update(Slots("people", tmp_path / "dry"))
    disk = FailingDisk(dark=-1)
    back(Slots("people", tmp_path / "dry", disk))
    for dark in range(1, disk.steps + 1):
        root = tmp_path / str(dark)
        on_robot(root)
        update(Slots("people", root))
        with pytest.raises(PowerCut):
            back(Slots("people", root, FailingDisk(dark, keeps=keeps)))
        assert loadable(Slots("people", root).chosen()) in (OLD, NEW)
        if loadable(Slots("people", root).chosen()) == NEW:
            back(Slots("people", root))
        assert loadable(Slots("people", root).chosen()) == OLD


def test_a_disk_that_is_full_leaves_the_old_model(tmp_path: Path) -> None:
    class Full(Disk):
        def put(self, file: IO[bytes], part: bytes) -> None:
            raise OSError(28, "No space left on device")

    on_robot(tmp_path)
    with pytest.raises(OSError, match="No space"):
        update(Slots("people", tmp_path, Full()))
    assert loadable(Slots("people", tmp_path).chosen()) == OLD


def test_two_at_once_are_refused_and_a_killed_one_leaves_no_lock(tmp_path: Path) -> None:
    slots = on_robot(tmp_path)
    with alone(slots.folder), pytest.raises(SlotError, match="Another process"):
        update(slots)
    holder = subprocess.Popen(
        [sys.executable, "-c", "import time\nfrom pathlib import Path\nfrom physical_ai_core.models.disk import alone\n"
         f"with alone(Path({str(slots.folder)!r})):\n    print('held', flush=True)\n    time.sleep(60)"],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert holder.stdout is not None and holder.stdout.readline() == "held\n"
    with pytest.raises(SlotError):
        update(slots)
    holder.kill()
    holder.wait()
    update(slots)


def test_a_real_process_is_killed_at_many_moments_of_real_updates(tmp_path: Path) -> None:
    """Real signatures, files and SIGKILL: whenever it comes, what is chosen loads, and an update goes through."""
    site = Site(tmp_path)
    site.begin()
    first = site.publish(weights(tmp_path, 0.001))
    site.install()
    site.slots.promote()
    second = site.publish(weights(tmp_path, 0.002))
    script = (
        "import sys\nfrom pathlib import Path\nsys.path.insert(0, sys.argv[2])\nfrom kit import Site\n"
        "site = Site(Path(sys.argv[1]))\nprint('begun', flush=True)\nsite.install()\nsite.slots.promote()"
    )
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    kept = tmp_path / "kept"
    shutil.copytree(site.models, kept)
    found = set()
    for moment in range(12):
        shutil.rmtree(site.models)
        shutil.copytree(kept, site.models)
        child = subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path), str(Path(__file__).parent)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
        )  # fmt: skip
        assert child.stdout is not None and child.stdout.readline() == "begun\n"
        time.sleep(0.004 * moment * (1 + moment / 8))
        child.send_signal(signal.SIGKILL)
        child.communicate()
        chosen = site.slots.chosen()
        assert chosen.folder is not None and not chosen.warning
        assert load(chosen.folder).sha256 in (first.sha256, second.sha256)
        found.add(chosen.sha256)
        if chosen.sha256 == first.sha256:
            site.install()
            site.slots.promote()
        assert site.slots.chosen().sha256 == second.sha256
    assert first.sha256 in found
    assert load(default_folder()).tensors  # the packaged ones were never touched
