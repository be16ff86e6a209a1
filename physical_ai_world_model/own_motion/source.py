"""Which weights of the own motion speak: those of the package, the installed ones, or others that a parameter names."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from physical_ai_core.errors import PhysicalAIError
from physical_ai_core.models.slots import PACKAGE, Slots, models_folder
from physical_ai_world_model.own_motion.model import OwnMotion

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
