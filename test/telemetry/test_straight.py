"""Bytes straight to payloads: the same as through a ROS message, to the bit, and never more than that way accepts."""

from __future__ import annotations

import dataclasses
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from physical_ai_core import layouts
from physical_ai_core import messages as m
from physical_ai_core.errors import InputError
from physical_ai_core.graph import TOPIC
from physical_ai_core.reports import PlannerReply
from physical_ai_core.ros.decode import decode
from physical_ai_telemetry.bag import open_bag
from physical_ai_telemetry.mcap_file import McapFile
from physical_ai_telemetry.mcap_order import messages, ordered
from physical_ai_telemetry.schemas import typestore
from physical_ai_telemetry.straight import _DECODERS, ODD, straight

YARD = Path(__file__).parents[1] / "data/replay/yard"
KINDS = sorted(_DECODERS, key=str)
POINTS = {m.PointCloud: ("x", "y", "z"), m.Objects: layouts.OBJECT.names, m.Prediction: layouts.PREDICTION.names}
NUMBERS = {"float64": "<f8", "float32": "<f4", "int8": "i1", "uint8": "u1", "int32": "<i4", "uint32": "<u4"}


def same(one: Any, other: Any) -> bool:
    """To the bit, and of the same types and shapes."""
    if type(one) is not type(other):
        return False
    if dataclasses.is_dataclass(one):
        return all(same(getattr(one, f.name), getattr(other, f.name)) for f in dataclasses.fields(one))
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()
    if isinstance(one, float):
        return struct.pack("<d", one) == struct.pack("<d", other)
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def filled(ros_type: str, rng: np.random.Generator) -> Any:
    """A message with random content: odd floats, texts of any script, sequences of any length."""
    store = typestore()
    return store.types[ros_type](**{name: value(kind, rng) for name, kind in store.fielddefs[ros_type][1]})


def value(kind: Any, rng: np.random.Generator) -> Any:
    what, detail = int(kind[0]), kind[1]
    if what == 2:
        return filled(detail, rng)
    if what == 1:
        name = detail[0]
        if name == "string":
            return "".join(rng.choice(list("abc/_ 再開é"), size=rng.integers(0, 9)))
        if name == "bool":
            return bool(rng.integers(2))
        if name == "octet":
            return int(rng.integers(256))
        return numbers(name, 1, rng)[0].item()
    element, count = detail[0], int(detail[1]) if what == 3 else int(rng.integers(0, 6))
    if int(element[0]) == 1 and element[1][0] in NUMBERS:
        return numbers(element[1][0], count, rng)
    return [value(element, rng) for _ in range(count)]


def numbers(name: str, count: int, rng: np.random.Generator) -> Any:
    form = np.dtype(NUMBERS.get(name, "<i2"))
    if form.kind == "f":
        odd = rng.choice([0.0, -0.0, -1.0, 1e-300, np.nan, np.inf, -np.inf, 3.0], size=count)
        with np.errstate(over="ignore"):
            return np.where(rng.random(count) < 0.3, odd, rng.normal(size=count)).astype(form)
    return rng.integers(0, 100, size=count).astype(form)


def message(ros_type: str, kind: type[Any], rng: np.random.Generator) -> Any:
    """As `filled`; grids and clouds hold what they say they hold."""
    made = filled(ros_type, rng)
    if kind is m.OccupancyGrid:
        made.info.height, made.info.width = (int(n) for n in rng.integers(0, 5, size=2))
        made.data = numbers("int8", made.info.height * made.info.width, rng)
    if kind in POINTS:
        names = list(POINTS[kind]) + ["more"] * int(rng.integers(2))
        field = typestore().types["sensor_msgs/msg/PointField"]
        gap = int(rng.integers(2))
        made.fields = [field(name=name, offset=(4 + gap) * i, datatype=7, count=1) for i, name in enumerate(names)]
        made.point_step, made.height, made.width = (4 + gap) * len(names), 1, int(rng.integers(0, 4))
        made.data = rng.integers(0, 256, size=made.point_step * made.width, dtype=np.uint8)
    return made


def slowly(ros_type: str, kind: type[Any], body: bytes) -> Any:
    return decode(kind, typestore().deserialize_cdr(body, ros_type))


@pytest.mark.parametrize("ros_type, kind", KINDS, ids=lambda part: getattr(part, "__name__", part))
@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), cut=st.integers(-9, 9), flips=st.lists(st.integers(0, 10**6), max_size=2))
@example(seed=1, cut=0, flips=[])
@example(seed=668, cut=1, flips=[981431])
def test_a_decoder_gives_what_the_long_way_gives_or_leaves_it_alone(
    ros_type: str, kind: type[Any], seed: int, cut: int, flips: list[int]
) -> None:
    quick = straight(ros_type, kind, typestore().fielddefs)
    assert quick is not None
    for turn in range(3):  # decoders of clouds remember the last one
        made = message(ros_type, kind, np.random.default_rng([seed, turn]))
        body = bytes(typestore().serialize_cdr(made, ros_type))
        try:
            assert same(quick(body), slowly(ros_type, kind, body))
        except ODD:
            assert not told(ros_type, kind, made)
        damaged = bytearray(body + b"\0" * max(cut, 0))[: len(body) + cut or None]
        for place in flips:
            damaged[place % len(damaged)] ^= 1 << place % 8
        try:
            found = quick(bytes(damaged))
        except ODD:
            continue
        assert same(found, slowly(ros_type, kind, bytes(damaged)))


def told(ros_type: str, kind: type[Any], made: Any) -> bool:
    """Whether a sound message is one that a decoder must take: all but a path whose frames' names differ, or is empty,
    and a cloud without points."""
    if kind is m.Path:
        return len(made.poses) > 0 and len({one.header.frame_id for one in made.poses}) == 1
    return not (kind in POINTS and not made.width)


def test_reports_are_read_from_their_text_and_bad_ones_refused() -> None:
    quick = straight("std_msgs/msg/String", PlannerReply, typestore().fielddefs)
    assert quick is not None
    report = PlannerReply(1.5, "info", "Done.", "完了")
    text = typestore().types["std_msgs/msg/String"]
    assert quick(bytes(typestore().serialize_cdr(text(data=report.to_json()), "std_msgs/msg/String"))) == report
    with pytest.raises(InputError):
        quick(bytes(typestore().serialize_cdr(text(data="{"), "std_msgs/msg/String")))


def test_a_type_defined_otherwise_in_the_recording_goes_the_long_way() -> None:
    known = dict(typestore().fielddefs)
    assert straight("nav_msgs/msg/Odometry", m.Odometry, known) is not None
    constants, fields = known["geometry_msgs/msg/Twist"]
    known["geometry_msgs/msg/Twist"] = (constants, list(reversed(fields)))
    assert straight("nav_msgs/msg/Odometry", m.Odometry, known) is None
    assert straight("nav_msgs/msg/Odometry", m.Odometry, {}) is None
    assert straight("sensor_msgs/msg/BatteryState", m.Battery, known) is None


def test_a_recorded_drive_is_decoded_straight_to_the_same_bits() -> None:
    quick = 0
    with open_bag(YARD) as bag:
        for connection, _, raw in bag._reader.messages(connections=bag._connections(None)):
            kind = TOPIC[bag.mapping[connection.topic]].data
            found = bag._payload(connection, raw, kind)
            assert same(found, decode(kind, bag._reader.deserialize(raw, connection.msgtype)))
            quick += bag._straight[connection.topic] is not None
    assert quick > 15_000


# --- the order of messages ---


@pytest.mark.parametrize("compression", ["zstd", "lz4", "none"])
@settings(max_examples=25, deadline=None)
@given(
    told=st.lists(st.tuples(st.integers(1, 3), st.integers(0, 30), st.integers(0, 9), st.booleans()), max_size=60),
    wanted=st.sets(st.sampled_from(["/topic1", "/topic2", "/topic3"])),
)
def test_messages_come_in_the_order_of_rosbags(
    compression: str, told: list[Any], wanted: set[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    from rosbags.highlevel import AnyReader

    path = tmp_path_factory.mktemp("order") / "x.mcap"
    with path.open("wb", buffering=0) as stream:
        file = McapFile(stream, "ros2", compression, 100_000)
        schema = file.register_schema("std_msgs/msg/String", "ros2msg", b"string data")
        for number in (1, 2, 3):
            file.register_channel(f"/topic{number}", "cdr", schema, {})
        for index, (channel, log_ns, size, flush) in enumerate(told):
            file.add_message(channel, log_ns, bytes([index]) * size + b"end", log_ns)
            if flush:
                file.flush()
        file.finish()
    found = ordered(path)
    if not told:
        assert found is None
        return
    assert found is not None
    with AnyReader([path]) as reader:
        connections = [one for one in reader.connections if one.topic in wanted]
        expected = [(ns, one.topic, raw) for one, ns, raw in reader.messages(connections=connections)]
    assert list(messages(found, wanted)) == (expected if wanted else [])


def test_a_damaged_chunk_is_an_error_and_a_file_without_an_index_none_of_ours(tmp_path: Path) -> None:
    path = tmp_path / "x.mcap"
    data = bytearray((YARD / "yard_0.mcap").read_bytes())
    data[5000] ^= 0xFF
    path.write_bytes(data)
    found = ordered(path)
    assert found is not None
    with pytest.raises(Exception, match=r"damaged|decompress|corrupt"):
        list(messages(found, set(found.topics.values())))
    path.write_bytes(data[:-500])
    assert ordered(path) is None
