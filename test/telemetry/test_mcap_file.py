"""What the fast writer writes, every reader reads: each message, in whole chunks, with the checks of the format."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mcap.reader import NonSeekingReader, make_reader
from mcap.records import Chunk, ChunkIndex
from mcap.stream_reader import StreamReader

from physical_ai_telemetry.mcap_file import LARGE_BYTES, McapFile

letters = st.lists(
    st.tuples(st.integers(1, 3), st.integers(0, 2**60), st.binary(max_size=200), st.booleans()), max_size=40
)


def write(path: Path, messages: list, compression: str) -> None:
    with path.open("wb", buffering=0) as stream:
        file = McapFile(stream, "test", compression, 2000)
        schema = file.register_schema("std_msgs/msg/String", "ros2msg", b"string data")
        for number in (1, 2, 3):
            assert file.register_channel(f"/topic{number}", "cdr", schema, {"qos": "x"}) == number
        file.add_metadata("story", {"site": "yard"})
        for channel, log_ns, data, flush in messages:
            file.add_message(channel, log_ns, data, log_ns + 1)
            if flush:
                file.flush()
        file.finish()
        assert file.size() == path.stat().st_size


@pytest.mark.parametrize("compression", ["zstd", "lz4", "none"])
@settings(max_examples=25, deadline=None)
@given(messages=letters)
def test_readers_with_and_without_the_index_find_every_message(compression: str, messages: list) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.mcap"
        write(path, messages, compression)
        expected = sorted((log, f"/topic{channel}", data) for channel, log, data, _ in messages)
        for reader in (make_reader, lambda stream: NonSeekingReader(stream, validate_crcs=True)):
            with path.open("rb") as stream:
                found = [(message.log_time, channel.topic, message.data)
                         for _, channel, message in reader(stream).iter_messages(log_time_order=False)]  # fmt: skip
            assert sorted(found) == expected
        with path.open("rb") as stream:
            summary = make_reader(stream, validate_crcs=True).get_summary()
            assert summary is not None and summary.statistics is not None
            assert summary.statistics.message_count == len(messages)
            if messages:
                assert summary.statistics.message_start_time == expected[0][0]
                assert summary.statistics.message_end_time == expected[-1][0]
            assert [record.metadata for record in make_reader(stream).iter_metadata()] == [{"site": "yard"}]
        with path.open("rb") as stream:
            chunks = [record for record in StreamReader(stream, emit_chunks=True).records if isinstance(record, Chunk)]
        indexes: list[ChunkIndex] = summary.chunk_indexes
        assert [chunk.uncompressed_size for chunk in chunks] == [index.uncompressed_size for index in indexes]


def test_a_picture_of_noise_is_stored_as_it_is_and_a_plain_one_is_compressed(tmp_path: Path) -> None:
    import os

    noise, plain = os.urandom(3 * LARGE_BYTES), bytes(3 * LARGE_BYTES)
    write(tmp_path / "x.mcap", [(1, 5, noise, False), (2, 6, plain, False), (3, 7, b"small", False)], "zstd")
    with (tmp_path / "x.mcap").open("rb") as stream:
        summary = make_reader(stream).get_summary()
        assert summary is not None
        kinds = [(index.compression, index.compressed_size < LARGE_BYTES) for index in summary.chunk_indexes]
        assert kinds == [("", False), ("zstd", True), ("zstd", True)]
        assert [message.data for *_, message in make_reader(stream).iter_messages()] == [noise, plain, b"small"]
