"""A bag as what came to the nodes: messages in the order and at the time of their arrival, and persons' words.

The graph's time at which the recorder took a message stands for the time at which the nodes got it. Nothing is decoded
here. What a person said by a service call is on no topic; the gate's own report `safety/people` tells it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, NamedTuple

from mcap.exceptions import McapError
from mcap.reader import make_reader

from physical_ai_bench.regression.mail import Letter
from physical_ai_core import graph
from physical_ai_core.errors import BagError, PhysicalAIError
from physical_ai_core.reports import PeopleReport
from physical_ai_telemetry.bag import Bag, open_bag
from physical_ai_telemetry.metadata import splits
from physical_ai_telemetry.recover import is_finished

OUR_RECORD: Final = "physical_ai"  # the MCAP metadata record of our recorder
CLOCK_BACK_S: Final = 0.5  # what a recorder's rounds may mix up is less
PEOPLE: Final = "safety/people"
# Types that hold the same as the graph table's, as `physical_ai_core/ros/decode.py` reads them.
ALIKE: Final = {
    "geometry_msgs/msg/TwistStamped": ("geometry_msgs/msg/Twist",),
    "geometry_msgs/msg/PoseStamped": ("geometry_msgs/msg/PoseWithCovarianceStamped",),
}
# (what a note of the gate's desk says, the method of the gate's core that a service call leads to)
WORDS: Final = {"reset": "reset", "took_over": "drive", "handed_back": "drive", "yes": "approve", "no": "approve"}


class Came(NamedTuple):
    """One message for the runner: `stamp_s` is its time of arrival, its content is still in a letter."""

    topic: str
    data: Any
    stamp_s: float


class Word(NamedTuple):
    """What a person said to the gate by a service: method of its core, arguments."""

    at_s: float
    method: str
    arguments: tuple[Any, ...]


@dataclass(frozen=True)
class BagFacts:
    """What a bag says of itself. `robot`, `site`: empty where the recorder did not write them."""

    path: Path
    sha256: str
    robot: str = ""
    site: str = ""


def files_of(path: Path) -> list[Path]:
    """The data files of a bag, in order. Raises BagError where there is none."""
    if path.is_file():
        return [path]
    found = splits(path) if path.is_dir() else []
    found = found or sorted(path.glob("*.db3")) if path.is_dir() else []
    if not found:
        raise BagError(f"There is no bag at {path}.", "Give a rosbag2 folder, an .mcap or .db3 file, or a ROS 1 .bag.")
    return found


def facts_of(path: str | Path) -> BagFacts:
    """Looks at the files without reading a message. Raises BagError: none there, truncated, clock set back."""
    path = Path(path)
    digest = hashlib.sha256()
    info: dict[str, str] = {}
    for file in files_of(path):
        digest.update(file.read_bytes())
        if file.suffix == ".mcap":
            info = _look(file) or info
    return BagFacts(path, digest.hexdigest(), info.get("robot", ""), info.get("site", ""))


def _look(file: Path) -> dict[str, str]:
    if not is_finished(file):
        raise BagError(
            f"The file {file} is truncated: it has no footer.",
            "A regression wants the very same messages each time; run recover() on a copy of its folder first.",
        )
    try:
        with file.open("rb") as stream:
            reader = make_reader(stream)
            summary = reader.get_summary()
            info = {k: v for one in reader.iter_metadata() if one.name == OUR_RECORD for k, v in one.metadata.items()}
    except (McapError, ValueError, IndexError, OSError) as error:
        raise BagError(f"The file {file} is damaged: {error}.", "Record or copy it again.") from error
    chunks = sorted(summary.chunk_indexes, key=lambda chunk: chunk.chunk_start_offset) if summary else []
    for before, after in pairwise(chunks):
        back_s = 1e-9 * (before.message_end_time - after.message_start_time)
        if back_s > CLOCK_BACK_S:
            raise _clock_back(file, back_s, before.message_end_time * 1e-9)
    return info


@contextmanager
def open_feed(
    path: Path, mapping: dict[str, str] | None, topics: Collection[str], needed: Collection[str]
) -> Iterator[Bag]:
    """The bag, once its graph topics among `topics` have proved readable by their types. Raises BagError."""
    files = files_of(path)
    only = files[0] if len(files) == 1 and files[0].suffix == ".mcap" else path  # spares reading the metadata
    with open_bag(only, mapping or None) as bag:
        for name, topic in sorted(bag.mapping.items()):
            wanted = graph.TOPIC[topic].ros_type
            if topic in topics and bag.topics[name] not in (wanted, *ALIKE.get(wanted, ())):
                raise BagError(
                    f"The bag {path} holds {name} as {bag.topics[name]}; the graph's '{topic}' is {wanted}.",
                    "Map another topic to it in the replay configuration, or record it with its own type.",
                )
        by_graph: dict[str, list[str]] = {}
        for name, topic in bag.mapping.items():
            if topic in topics and bag.count(topic):
                by_graph.setdefault(topic, []).append(name)
        for topic, names in sorted(by_graph.items()):
            if len(names) > 1:
                raise BagError(
                    f"The bag {path} holds '{topic}' of several robots: {', '.join(sorted(names))}.",
                    "Choose one robot's topics in the replay configuration (`topics: {BAG TOPIC: GRAPH TOPIC}`).",
                )
        missing = [topic for topic in needed if not bag.count(topic)]
        if missing:
            raise BagError(
                f"The bag {path} lacks {', '.join(missing)}, which the node cannot do without.",
                f"It holds: {', '.join(bag.topics) or 'nothing'}. Map its topics in the replay configuration.",
            )
        yield bag


def arrivals(bag: Bag, topics: Collection[str], but_of: Collection[str] = ()) -> Iterator[Came]:
    """Messages of `topics`; heartbeats without those of the nodes `but_of`.

    Raises BagError, here or where a message is read: damage, another form, a clock that was set back.
    """
    newest_s = float("-inf")
    stamps = _Stamps(bag.path)
    try:
        for topic, arrived_s, decode in bag.arrivals(topics):
            if arrived_s < newest_s - CLOCK_BACK_S:
                raise _clock_back(bag.path, newest_s - arrived_s, newest_s)
            newest_s = max(newest_s, arrived_s)
            letter = Letter(partial(stamps.read, topic, decode) if graph.TOPIC[topic].rate_hz else decode)
            if topic == "heartbeat" and any(status.name in but_of for status in letter.read().statuses):
                continue
            yield Came(topic, letter, newest_s)
    except PhysicalAIError:
        raise
    except Exception as error:  # whatever a decompressor or an index says of damaged bytes; only the bag is read here
        raise BagError(
            f"The bag {bag.path} is damaged: {type(error).__name__}: {error}.", "Copy or record it again."
        ) from error


class _Stamps:
    """Watches the header stamps of topics that come at a rate, as they are read."""

    def __init__(self, path: Path) -> None:
        self._path, self._newest_s = path, dict[str, float]()

    def read(self, topic: str, decode: Callable[[], Any]) -> Any:
        data = decode()
        stamp_s = getattr(data, "stamp_s", None)
        if stamp_s is None or not stamp_s > 0.0:
            return data
        newest_s = self._newest_s.get(topic, stamp_s)
        if stamp_s < newest_s - CLOCK_BACK_S and topic != "heartbeat":
            raise _clock_back(self._path, newest_s - stamp_s, newest_s)
        self._newest_s[topic] = max(newest_s, stamp_s)
        return data


def persons_words(bag: Bag) -> list[Word]:
    """Resets, approvals and take-overs that came as service calls, from the notes of `safety/people`."""
    by_topic = {name for name in ("safety/answer", "safety/driver") if bag.count(name)}
    words = []
    for letter in arrivals(bag, {PEOPLE}):
        report: PeopleReport = letter.data.read()
        for note in report.notes:
            what, person = str(note.get("what", "")), str(note.get("person", ""))
            method = WORDS.get(what)
            if method is None:
                continue
            if {"drive": "safety/driver", "approve": "safety/answer"}.get(method) in by_topic:
                continue  # it came as a message, which is fed as such
            arguments = {"reset": (person,), "drive": (person, what == "took_over"), "approve": (what == "yes",)}
            words.append(Word(float(note["stamp_s"]), method, arguments[method]))
    return words


def _clock_back(path: Path, back_s: float, at_s: float) -> BagError:
    return BagError(
        f"The clock of {path} goes back by {back_s:.1f} s at {at_s:.3f} s: two runs lie in one bag, or it was set.",
        "Record each run into a bag of its own, or cut the bag there.",
    )
