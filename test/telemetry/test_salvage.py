"""Wrong bytes anywhere in a recording: all chunks are kept but those that were hit, and what is lost is said."""

from __future__ import annotations

import json
import random
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mcap.reader import make_reader
from mcap.records import Channel, Message
from rosbags.highlevel import AnyReader
from typer.testing import CliRunner

from physical_ai_core.errors import BagError
from physical_ai_telemetry.mcap_file import LARGE_BYTES, McapFile
from physical_ai_telemetry.recover import is_damaged, recover
from physical_ai_telemetry.salvage import MAGIC, Lost, Salvage

Said = tuple[str, int, bytes]
KINDS = ["zstd", "lz4", "none"]
PER_TEST = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
SECOND = 10**9


class Made(NamedTuple):
    """A finished file, its chunks (begin, end, messages) and where its summary begins."""

    content: bytes
    chunks: list[tuple[int, int, list[Said]]]
    data_end: int

    def __repr__(self) -> str:  # for what a failing test prints
        return f"a file of {len(self.content)} bytes"


def made(folder: Path, compression: str, large: bool = False) -> Made:
    path = folder / "run_0.mcap"
    rng = random.Random(3)
    chunks: list[tuple[int, int, list[Said]]] = []
    with path.open("wb", buffering=0) as stream:
        file = McapFile(stream, "physical_ai", compression, 1 << 20)
        file.add_metadata("physical_ai", {"site": "yard"})
        text = file.register_schema("std_msgs/msg/String", "ros2msg", b"string data")
        topics = {file.register_channel(f"/words{k}", "cdr", text, {"qos": "x"}): f"/words{k}" for k in range(2)}
        for number in range(8):
            if number == 4:  # a topic that appears later, between two chunks
                late = file.register_schema("std_msgs/msg/ByteMultiArray", "ros2msg", b"byte[] data")
                topics[file.register_channel("/late", "cdr", late, {})] = "/late"
            begin, said = file.size(), []
            count = 1 if large and number == 2 else 6
            for k in range(count):
                channel = rng.choice(list(topics))
                data = rng.randbytes(LARGE_BYTES if count == 1 else rng.randrange(4, 40))
                log_ns = number * SECOND + k
                file.add_message(channel, log_ns, data, log_ns)
                said.append((topics[channel], log_ns, data))
            file.flush()
            chunks.append((begin, file.size(), said))
        file.finish()
    content = path.read_bytes()
    with path.open("rb") as stream:
        summary = make_reader(stream).get_summary()
    assert summary is not None and [c.chunk_start_offset for c in summary.chunk_indexes] == [c[0] for c in chunks]
    ends = [i.chunk_start_offset + i.chunk_length for i in summary.chunk_indexes]
    data_end = chunks[-1][1]
    path.unlink()
    return Made(content, [(at, end, said) for (at, _, said), end in zip(chunks, ends, strict=True)], data_end)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Made]:
    root = tmp_path_factory.mktemp("whole")
    return {**{kind: made(root, kind) for kind in KINDS}, "large": made(root, "none", large=True)}


def read(source: Salvage) -> list[Said]:
    channels, said = {}, []
    for record in source.records():
        if isinstance(record, Channel):
            channels[record.id] = record.topic
        elif isinstance(record, Message):
            said.append((channels[record.channel_id], record.log_time, record.data))
    return said


def flipped(content: bytes, at: int, bit: int) -> bytes:
    found = bytearray(content)
    found[at] ^= 1 << bit
    return bytes(found)


def check(whole: Made, source: Salvage, said: list[Said], hit: tuple[int, int]) -> None:
    """Every chunk outside of the bytes `hit` is there as it was; chunks are whole or not there, and then told."""
    kept = set(said)
    assert len(kept) == len(said), "a message twice"
    missing = []
    for begin, end, expected in whole.chunks:
        found = [one for one in expected if one in kept]
        assert found in ([], expected), "half a chunk"
        if not found:
            assert begin < hit[1] and hit[0] < end, f"the chunk at {begin} was not hit, and is lost"
            missing.append(begin)
    assert kept <= {one for _, _, expected in whole.chunks for one in expected}, "a message that nobody said"
    assert sorted(one.at for one in source.lost) == missing


@pytest.mark.parametrize("kind", [*KINDS, "large"])
@PER_TEST
@given(share=st.floats(0.0, 1.0, exclude_max=True), bit=st.integers(0, 7))
def test_any_bit_flipped_costs_one_chunk_at_most(files: dict[str, Made], kind: str, share: float, bit: int) -> None:
    whole = files[kind]
    at = int(share * len(whole.content))
    source = Salvage(flipped(whole.content, at, bit))
    check(whole, source, read(source), (at, at + 1))
    assert len(source.lost) <= 1


def framing(whole: Made) -> list[int]:
    """Every byte outside of what chunks store, and the heads of these."""
    ends = [0, *(begin for begin, _, _ in whole.chunks[1:]), len(whole.content)]
    stored = [(begin + 64, end) for begin, end, _ in whole.chunks]
    assert all(a <= b for a, b in pairwise(ends))
    return [at for at in range(len(whole.content)) if not any(begin <= at < end for begin, end in stored)]


def test_every_byte_of_the_framing(files: dict[str, Made], request: pytest.FixtureRequest) -> None:
    whole, rng = files["zstd"], random.Random(5)
    for at in framing(whole):
        for bit in range(8) if request.config.getoption("--long") else (rng.randrange(8),):
            source = Salvage(flipped(whole.content, at, bit))
            check(whole, source, read(source), (at, at + 1))


def test_the_last_chunk_of_an_unfinished_file_is_told_of_where_all_of_it_is_there(files: dict[str, Made]) -> None:
    whole = files["zstd"]
    begin, end, _ = whole.chunks[5]
    for cut_at, told in ((end, [Lost(begin, 5 * SECOND, 5 * SECOND + 5)]), (end - 1, [])):
        source = Salvage(flipped(whole.content[:cut_at], begin + 53, 0))
        assert len(read(source)) == 30 and source.lost == told and source.wrong_bytes == cut_at - begin


@PER_TEST
@given(data=st.data())
def test_an_unfinished_file_keeps_what_was_not_hit_too(files: dict[str, Made], data: st.DataObject) -> None:
    """From its first chunk on: what channels are called stands nowhere else in a file without its end."""
    whole = files["zstd"]
    late = whole.chunks[3][1], whole.chunks[4][0]  # where a channel is told of
    cut_at = data.draw(st.integers(whole.chunks[5][1], whole.data_end))
    at = data.draw(st.integers(whole.chunks[0][0], whole.chunks[5][1] - 1).filter(lambda n: not late[0] <= n < late[1]))
    source = Salvage(flipped(whole.content[:cut_at], at, data.draw(st.integers(0, 7))))
    said = read(source)
    there = [chunk for chunk in whole.chunks if chunk[1] <= cut_at]
    for begin, end, expected in there:
        found = [one for one in said if one in expected]
        assert found == expected or (not found and begin <= at < end)
    missing = len(there) - sum(expected[0] in said for _, _, expected in there)
    assert missing <= len(source.lost) <= 1


@pytest.mark.parametrize("fill", [b"\0", b"\xff", None])
@PER_TEST
@given(share=st.floats(0.0, 1.0, exclude_max=True), length=st.integers(1, 4000))
def test_bytes_overwritten_cost_the_chunks_they_lie_in(
    files: dict[str, Made], fill: bytes | None, share: float, length: int
) -> None:
    whole = files["large"]
    at = int(share * whole.data_end)
    end = min(at + length, whole.data_end)  # the summary stands
    rest = random.Random(at).randbytes(end - at) if fill is None else fill * (end - at)
    source = Salvage(whole.content[:at] + rest + whole.content[end:])
    check(whole, source, read(source), (at, end))


@settings(deadline=None, max_examples=300)
@given(content=st.binary(max_size=400), head=st.sampled_from([b"", MAGIC, MAGIC + b"\x06", b"\x06\xff"]))
def test_bytes_of_any_kind_are_read_to_their_end(content: bytes, head: bytes) -> None:
    source = Salvage(head + content)
    list(source.records())
    assert 0 <= source.wrong_bytes <= len(head + content)


def test_a_chunk_that_claims_to_hold_too_much_is_damaged(files: dict[str, Made]) -> None:
    whole = files["zstd"]
    begin = whole.chunks[1][0]
    content = bytearray(whole.content)
    content[begin + 25 : begin + 33] = (1 << 60).to_bytes(8, "little")
    source = Salvage(bytes(content))
    check(whole, source, read(source), (begin, begin + 64))
    assert [(one.begin_ns, one.end_ns) for one in source.lost] == [(SECOND, SECOND + 5)]


@PER_TEST
@given(share=st.floats(0.0, 1.0, exclude_max=True), bit=st.integers(0, 7))
def test_a_bag_with_a_flipped_bit_is_recovered_to_one_that_opens(
    files: dict[str, Made], tmp_path_factory: pytest.TempPathFactory, share: float, bit: int
) -> None:
    whole, folder = files["zstd"], tmp_path_factory.mktemp("flipped")
    at = int(share * len(whole.content))
    path = folder / "run_0.mcap"
    path.write_bytes(flipped(whole.content, at, bit))
    done = recover(folder, check=True)
    with AnyReader([folder]) as reader:
        said = sorted((c.topic, stamp, bytes(raw)) for c, stamp, raw in reader.messages())
        assert reader.message_count == len(said)
    every = {one for _, _, expected in whole.chunks for one in expected}
    missing = every - set(said)
    assert len(said) == len(set(said)) and set(said) <= every
    assert not missing or (len(done.lost) == 1 and done.recovered == (path.name,))
    assert missing in ([set(expected) for _, _, expected in whole.chunks] if missing else [set()])
    for _, log_ns, _ in missing:
        (span,) = done.lost_s
        assert span[0] <= log_ns * 1e-9 <= span[1]
    assert not is_damaged(path) and recover(folder, check=True).recovered == ()


def test_a_sound_bag_is_left_as_it_is(files: dict[str, Made], tmp_path: Path) -> None:
    for kind in KINDS:
        (tmp_path / f"run_{KINDS.index(kind)}.mcap").write_bytes(files[kind].content)
    done = recover(tmp_path, check=True)
    assert done.recovered == done.removed == () and done.lost == () and done.lost_s == ()
    assert all((tmp_path / f"run_{KINDS.index(kind)}.mcap").read_bytes() == files[kind].content for kind in KINDS)


def test_without_being_asked_finished_files_are_not_read(files: dict[str, Made], tmp_path: Path) -> None:
    whole = files["zstd"]
    spoilt = flipped(whole.content, whole.chunks[2][1] - 3, 1)
    (tmp_path / "run_0.mcap").write_bytes(spoilt)
    assert recover(tmp_path).recovered == () and (tmp_path / "run_0.mcap").read_bytes() == spoilt


def test_the_command_says_what_was_lost(files: dict[str, Made], tmp_path: Path) -> None:
    from physical_ai_cli.main import app

    whole, runner = files["zstd"], CliRunner()
    spoilt = flipped(whole.content, whole.chunks[2][1] - 3, 1)
    path = tmp_path / "run_0.mcap"
    path.write_bytes(spoilt)
    assert "nothing to recover" in runner.invoke(app, ["recover", str(tmp_path), "--quick"]).output
    done = runner.invoke(app, ["recover", str(tmp_path), "--json"])
    told = json.loads(done.output)["recovered"]
    assert done.exit_code == 0 and told["written_anew"] == [path.name]
    assert (told["messages"], told["lost_chunks"], told["nameless_messages"]) == (42, 1, 0)
    assert told["lost_s"] == [[2.0, pytest.approx(2.000000005)]] and told["lost_bytes"] > 100
    path.write_bytes(spoilt)
    shown = runner.invoke(app, ["recover", str(tmp_path)])
    assert shown.exit_code == 0 and "2.000 s … 2.000 s" in shown.output
    assert "nothing to recover" in runner.invoke(app, ["recover", str(tmp_path)]).output
    with pytest.raises(BagError, match="no MCAP file"):
        runner.invoke(app, ["recover", str(tmp_path / "absent")], catch_exceptions=False)
