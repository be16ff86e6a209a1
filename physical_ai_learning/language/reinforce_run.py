"""The reinforcement of an adapter from its supervised state to its metrics; resumes from its last checkpoint."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from physical_ai_learning.language.lora import Adapter
from physical_ai_learning.language.orders import orders_of
from physical_ai_learning.language.reinforce import Reinforcement, Reinforcer
from physical_ai_learning.language.reward import Rewards
from physical_ai_learning.training.checkpoint import Keeper
from physical_ai_learning.training.metrics import Course, Report

FREE: Final = ("steps", "seconds", "every", "test_orders")  # may differ from a checkpoint's


def reinforce(
    model: Any, adapter: Adapter, folder: Path, out: Path, settings: Reinforcement, report: Report,
    *, rewards: Rewards | None = None, workers: int = 0, resume: bool = False, base: str = "",
) -> dict[str, Any]:  # fmt: skip
    """Reinforce an adapter; → metrics, kept as OUT/reinforce.json beside the adapter. Resumes from its checkpoint."""
    crew = Reinforcer(model, adapter, folder, settings, rewards or Rewards(), workers)
    course = Course(out)
    decides = {key: value for key, value in asdict(settings).items() if key not in FREE}
    keeper = Keeper(out / "reinforce", {"settings": decides, "rewards": asdict(crew.rewards), "base": base})
    if not resume:
        keeper.clear()
    try:
        orders = orders_of(folder, settings.variant, settings.longest, 11, "test", settings.test_orders)
        before = crew.test(orders)
        course.say(0, **{f"test_{k}": v for k, v in before.items()})
        found = keeper.load(crew.device)
        if found is not None:
            crew.restore(found.state)
        began = time.monotonic()
        while crew.step < settings.steps and time.monotonic() - began < settings.seconds:
            course.say(crew.step, **crew.one_step(), seconds=time.monotonic() - began)
            report("policy steps", crew.step, settings.steps)
            if crew.step % settings.every == 0:
                keeper.save(crew.step, crew.state())
                adapter.save(out, base, {"variant": settings.variant})
        keeper.save(crew.step, crew.state())
        train_s = time.monotonic() - began
        after = crew.test(orders)
        course.say(crew.step, **{f"test_{k}": v for k, v in after.items()})
        row = {
            "steps": crew.step, "lines": crew.lines, "train_s": round(train_s, 1), "steps_refused": crew.refused,
            "lines_per_s": round(crew.lines / max(train_s, 1e-9), 1), "before": before, "after": after,
            "settings": asdict(settings), "rewards": asdict(crew.rewards),
        }  # fmt: skip
    finally:
        crew.close()
        course.close()
    adapter.save(out, base, {"variant": settings.variant})
    (out / "reinforce.json").write_text(json.dumps(row, indent=1) + "\n", encoding="utf-8")
    return row
