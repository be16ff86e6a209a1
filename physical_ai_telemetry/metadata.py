"""`metadata.yaml` of a rosbag2 folder (version 5, which every ROS 2 since Humble reads), made from its MCAP files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from mcap.exceptions import McapError
from mcap.reader import make_reader

from physical_ai_core.errors import BagError

VERSION = 5
NAME = "metadata.yaml"
STORY = "incident.json"  # beside an incident's file: why it was kept, and what ran
RECORDER = "physical_ai"  # name of the metadata record in each file of ours
RUNS = "physical_ai_runs"  # of those that say which models and rules the nodes name, the last one counts


def splits(folder: Path) -> list[Path]:
    """MCAP files of a bag folder in the order they were written (by their trailing number)."""

    def number(path: Path) -> tuple[int, str]:
        tail = path.stem.rpartition("_")[2]
        return (int(tail) if tail.isdigit() else -1, path.name)

    return sorted(folder.glob("*.mcap"), key=number)


def write_metadata(folder: Path, files: list[Path] | None = None) -> Path:
    """Write `metadata.yaml` for the finished files of `folder`. Raises BagError when one has no index, or OSError."""
    topics: dict[str, dict[str, Any]] = {}
    entries: list[dict[str, Any]] = []
    starts: list[int] = []
    ends: list[int] = []
    for path in splits(folder) if files is None else files:
        summary = _summary(path)
        statistics = summary.statistics
        count, start, end = statistics.message_count, statistics.message_start_time, statistics.message_end_time
        for channel_id, channel in summary.channels.items():
            schema = summary.schemas[channel.schema_id]
            entry = topics.setdefault(
                channel.topic,
                {
                    "topic_metadata": {
                        "name": channel.topic,
                        "type": schema.name,
                        "serialization_format": channel.message_encoding,
                        "offered_qos_profiles": channel.metadata.get("offered_qos_profiles", ""),
                    },
                    "message_count": 0,
                },
            )
            entry["message_count"] += statistics.channel_message_counts.get(channel_id, 0)
        if count:
            starts.append(start)
            ends.append(end)
        entries.append(
            {
                "path": path.name,
                "starting_time": {"nanoseconds_since_epoch": start},
                "duration": {"nanoseconds": end - start},
                "message_count": count,
            }
        )
    begin, end = min(starts, default=0), max(ends, default=0)
    content = {
        "rosbag2_bagfile_information": {
            "version": VERSION,
            "storage_identifier": "mcap",
            "duration": {"nanoseconds": end - begin},
            "starting_time": {"nanoseconds_since_epoch": begin},
            "message_count": sum(entry["message_count"] for entry in entries),
            "topics_with_message_count": [topics[name] for name in sorted(topics)],
            "compression_format": "",
            "compression_mode": "",
            "relative_file_paths": [entry["path"] for entry in entries],
            "files": entries,
        }
    }
    target = folder / NAME
    draft = folder / f".{NAME}.part"
    draft.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")
    os.replace(draft, target)
    return target


def recorded_info(path: Path) -> dict[str, str]:
    """What our recorder wrote of itself into the first file of a bag that tells; empty where there is none."""
    return next(_notes(path, RECORDER), {})


def what_ran(path: Path) -> dict[str, str]:
    """What the nodes named in their heartbeats by the end of a bag: hashes of rules and models, by `node.value`."""
    found: dict[str, str] = {}
    for note in _notes(path, RUNS):
        found = note
    return found


def _notes(path: Path, name: str) -> Iterator[dict[str, str]]:
    """Metadata records of a name, file by file; a file that cannot be read has none."""
    for file in splits(path) if path.is_dir() else [path] if path.suffix == ".mcap" else []:
        try:
            with file.open("rb") as stream:
                for record in make_reader(stream).iter_metadata():
                    if record.name == name:
                        yield {str(key): str(value) for key, value in record.metadata.items()}
        except (McapError, OSError, ValueError, IndexError):
            continue


def _summary(path: Path) -> Any:
    try:
        with path.open("rb") as stream:
            summary = make_reader(stream).get_summary()
    except (McapError, ValueError, IndexError) as error:
        raise BagError(f"The file {path} is not a finished MCAP ({error}).", "Run recover() on its folder.") from error
    if summary is None or summary.statistics is None:
        raise BagError(f"The file {path} has no index.", "Run recover() on its folder.")
    return summary
