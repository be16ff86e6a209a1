"""Recordings as a data set: `export(bags, out, options)` writes Parquet tables or LeRobot episodes, split by mission.

`recording.py` what a bag says about itself · `parts.py` who goes to train, validation and test · `tables.py` Parquet ·
`frames.py`, `lerobot.py`, `statistics.py` LeRobot · `manifest.py` what the set is made of · `build.py` the whole.
"""

from physical_ai_telemetry.dataset.build import Export, Options, export
from physical_ai_telemetry.dataset.tables import read_events

__all__ = ["Export", "Options", "export", "read_events"]
