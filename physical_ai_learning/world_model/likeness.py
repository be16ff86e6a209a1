"""Are the walks of a scene that is left out, or of the part held back, among those that are learnt from?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from physical_ai_learning.training.duplicates import Paths, Report, near_paths
from physical_ai_learning.world_model.recordings import FOLDS, STEP_S, Recording, read_folder
from physical_ai_learning.world_model.windows import AHEAD, SEEN

NOW = SEEN - 1


def walks(recordings: Sequence[Recording], first: float = 0.0, last: float = 1.0) -> Paths:
    """Every whole window of the protocol (20 samples at 0.4 s, resampled where the recording has another step).

    `first`, `last`: shares of each recording's time between which a window lies as a whole.
    """
    parts, who = [], []
    for recording in recordings:
        end = recording.steps * recording.step_s
        for track in recording.tracks:
            if len(track.steps) < 2:
                continue
            stamps_s = track.steps * recording.step_s
            grid_s = np.arange(stamps_s[0], stamps_s[-1] + 1e-6, STEP_S)
            xy = np.column_stack([np.interp(grid_s, stamps_s, track.xy_m[:, k]) for k in range(2)])
            for k in range(len(grid_s) - SEEN - AHEAD + 1):
                if grid_s[k] >= first * end - 1e-6 and grid_s[k + SEEN + AHEAD - 1] <= last * end + 1e-6:
                    parts.append(xy[k : k + SEEN + AHEAD])
                    who.append(f"{recording.name} {track.person}")
    return Paths(np.array(parts).reshape(-1, SEEN + AHEAD, 2), who)


def fold_likeness(recordings: Mapping[str, Recording], fold: str, held_back: float) -> dict[str, Report]:
    """Of a fold: the scene left out against the scenes learnt from; the part held back against the part before it."""
    left_out = FOLDS.get(fold, ())
    used = [recording for name, recording in recordings.items() if name not in left_out]
    learnt = walks(used, 0.0, 1.0 - held_back)
    found = {"held_back": near_paths(walks(used, 1.0 - held_back), learnt, NOW)}
    if left_out:
        found["scene_left_out"] = near_paths(walks([recordings[name] for name in left_out]), learnt, NOW)
    return found


def folder_likeness(folder: Path, held_back: float) -> dict[str, dict[str, Report]]:
    """Every fold that a folder of recordings has. Raises InputError."""
    recordings = read_folder(folder)
    folds = [fold for fold, names in FOLDS.items() if set(names) <= set(recordings)]
    return {fold: fold_likeness(recordings, fold, held_back) for fold in [*folds, "all"]}
