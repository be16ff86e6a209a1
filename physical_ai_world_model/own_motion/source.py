"""Which weights of the own motion speak: those of the package, the installed ones, or others that a parameter names."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from physical_ai_core.errors import PhysicalAIError
from physical_ai_core.models.slots import PACKAGE, Slots, models_folder
from physical_ai_world_model.own_motion.model import OwnMotion
from physical_ai_world_model.own_motion.shadow import OwnShadow

MODEL: Final = "own_motion"  # its name among models that come as updates
INSTALLED: Final = "installed"


def own_motion_of(asked: str, models: str, lag_s: float) -> OwnMotion:
    """As the parameter `own_motion_model` says: 'package', 'installed', a folder, a file; empty: kinematic alone.

    `models`: where installed models lie. What is installed and cannot be loaded gives way to what is packaged, with a
    `warning`. Never raises: other weights that cannot be loaded leave the kinematic model, and `missing` says why.
    """
    if not asked:
        own = OwnMotion(lag_s)
        own.silence("switched off")
        return own
    if asked not in (PACKAGE, INSTALLED):
        return OwnMotion(lag_s, folder=Path(asked))
    warning = ""
    if asked == INSTALLED:
        chosen = Slots(MODEL, models_folder(models)).chosen()
        warning = chosen.warning
        if chosen.folder is not None:
            own = OwnMotion(lag_s, folder=chosen.folder)
            if not own.missing:
                own.origin = INSTALLED
                return own
            warning = f"{own.missing} The packaged weights speak. 同梱モデルで動作します。"
    own = OwnMotion(lag_s)
    own.warning = warning
    return own


def own_shadow_of(asked: str, used: str, models: str, lag_s: float, period_s: float) -> tuple[OwnShadow | None, str]:
    """As the parameter `own_shadow_model` says, beside the weights that `used` names: 'installed' (the slot that
    waits), a folder, a file; empty: none. → the shadow, or why there is none though one was asked for."""
    if not asked:
        return None, ""
    path = Path(asked)
    if asked == INSTALLED:
        slots = Slots(MODEL, models_folder(models))
        waiting = slots.candidate()
        if waiting is None:
            return None, "no candidate waits in a slot"
        path = slots.folder / waiting[0]
    candidate = OwnMotion(lag_s, folder=path)
    if candidate.missing:
        return None, candidate.missing
    return OwnShadow(own_motion_of(used, models, lag_s), candidate, period_s), ""


def heed(own: OwnMotion, models: str) -> None:
    """Where installed weights were rolled back since they were loaded, the kinematic model speaks at once; what was
    there before comes with the next activation. Reads one small file."""
    if own.origin != INSTALLED or own.missing:
        return
    try:
        pointer = Slots(MODEL, models_folder(models)).pointer()
    except PhysicalAIError:
        return
    if own.sha256 in pointer.refused:
        own.silence(
            f"{own.sha256[:12]} was rolled back: {pointer.reason} 再起動まで自機の動きの予測は運動学モデルのみです。"
        )
