"""Weights in few bytes: every code there and back, every damage refused by its name."""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from physical_ai_core.compact import bits, golomb, rans, rf8
from physical_ai_core.compact.file import Codec, decode, encode, whole
from physical_ai_core.compact.form import (
    FIXED,
    ForeignModelError,
    TamperedModelError,
    TruncatedModelError,
    unwrapped,
    wrapped,
)

ABOUT = {"architecture": "test-1", "calibration": {"factor": [1.0, 1.25]}}
WEIGHTS = arrays(
    np.float32, array_shapes(max_dims=3, max_side=9), elements=st.floats(-1e6, 1e6, width=32, allow_subnormal=False)
)


def some_tensors(seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {
        "wide": rng.normal(0.0, 0.1, (64, 128)).astype(np.float32),
        "tailed": (0.02 * rng.standard_t(3, (40, 33))).astype(np.float32),
        "bias": rng.normal(1.0, 0.05, 64).astype(np.float32),
        "nothing": np.zeros((5, 4), dtype=np.float32),
        "single": np.float32(0.125).reshape(()),
    }


def codecs() -> Mapping[str, Codec]:
    rows = np.linspace(0.01, 0.05, 40).astype(np.float32)
    return {
        "wide": Codec("uniform", 0.0625),
        "tailed": Codec("uniform", rows, outliers=np.array([1319, 0, 77])),
        "bias": Codec("fp16"),
        "nothing": Codec("uniform", 0.5),
    }


# RF8


@pytest.mark.parametrize("bias", [rf8.LOWEST_BIAS, -30, 0, rf8.HIGHEST_BIAS])
def test_every_one_of_the_256_codes_comes_back_as_itself(bias: int) -> None:
    every = np.arange(256, dtype=np.uint8)
    values = rf8.decode(every, bias)
    assert np.array_equal(rf8.encode(values, bias), every)
    assert len(np.unique(values[~np.isnan(values)])) == 255
    assert np.all(np.diff(values[:128]) > 0.0)


def test_each_value_is_the_sum_of_two_binary_digits_no_more_than_four_places_apart() -> None:
    for value in rf8.table(-12)[1:128]:
        whole_number = int(float(value) * 2.0**20)
        digits = [place for place in range(64) if whole_number >> place & 1]
        assert len(digits) <= 2
        assert digits[-1] - digits[0] <= 4


def test_the_nearest_value_is_taken_and_what_is_out_of_range_is_told() -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(0.0, 0.1, 4000)
    bias = rf8.bias_for(values)
    table = rf8.table(bias).astype(np.float64)
    found = rf8.decode(rf8.encode(values, bias), bias)
    best = np.nanmin(np.abs(values[:, None] - table), axis=1)
    assert np.allclose(np.abs(found - values), best, rtol=0.0, atol=0.0)
    greatest = float(np.nanmax(table))
    assert rf8.decode(rf8.encode([np.inf, -np.inf, 1e300], bias), bias).tolist() == [greatest, -greatest, greatest]
    assert rf8.encode([np.nan, 0.0, -0.0, 1e-30], bias).tolist() == [rf8.NAN_CODE, 0, 0, 0]


@given(st.floats(1e-20, 1e20), st.integers(-1000, 1000))
def test_a_weight_in_range_is_at_most_a_seventh_off(greatest: float, part: int) -> None:
    value = greatest * part / 1000.0
    bias = rf8.bias_for([greatest])
    found = float(rf8.decode(rf8.encode([value], bias), bias)[0])
    assert abs(found - value) <= abs(value) / 7.0 * (1.0 + 1e-9)


# Codes of whole numbers


@given(st.lists(st.integers(0, golomb.LARGEST), max_size=400), st.integers(0, 12))
def test_golomb_codes_come_back(values: list[int], order: int) -> None:
    numbers = np.array(values, dtype=np.int64)
    content = golomb.encode(numbers, order)
    assert len(content) == (int(golomb.lengths(numbers, order).sum()) + 7) // 8
    assert np.array_equal(golomb.decode(content, len(numbers), order), numbers)
    if len(content):
        with pytest.raises(ValueError, match="end before"):
            golomb.decode(content, 8 * len(content) + 1, order)


def test_golomb_codes_are_those_of_the_book() -> None:
    assert np.unpackbits(np.frombuffer(golomb.encode(np.array([0, 1, 2, 3]), 0), dtype=np.uint8))[:12].tolist() == [
        1, 0, 1, 0, 0, 1, 1, 0, 0, 1, 0, 0,
    ]  # fmt: skip
    assert golomb.lengths(np.array([0, 1, 2, 3, 4]), 1).tolist() == [2, 2, 4, 4, 4]


def test_the_best_order_is_the_shortest_of_all() -> None:
    values = np.random.default_rng(2).geometric(0.03, 3000) - 1
    sizes = [len(golomb.encode(values, order)) for order in range(12)]
    assert sizes[golomb.best_order(values)] == min(sizes)


@given(st.integers(1, 6), st.integers(0, 5000), st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_rans_comes_back_and_is_close_to_the_entropy(kinds: int, count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 40, kinds)
    tables = rng.integers(0, kinds, count)
    symbols = np.minimum((rng.random(count) ** 2 * sizes[tables]).astype(np.int64), sizes[tables] - 1)
    counted = [np.bincount(symbols[tables == k], minlength=sizes[k]) for k in range(kinds)]
    levels = [rans.levels_of(c) for c in counted]
    content = rans.encode(symbols, tables, levels)
    assert np.array_equal(rans.decode(content, tables, levels), symbols)
    entropy = sum(float(-(c[c > 0] * np.log2(c[c > 0] / c.sum())).sum()) for c in counted)
    assert 8 * len(content) <= entropy * 1.01 + 40 * rans.states_for(count)


def test_rans_that_ends_early_or_elsewhere_is_refused() -> None:
    symbols = np.random.default_rng(3).integers(0, 7, 3000)
    tables, levels = np.zeros(3000, dtype=np.int64), [rans.levels_of(np.bincount(symbols))]
    content = rans.encode(symbols, tables, levels)
    for wrong in (content[:-2], content[:-1], content[:3], content + b"\0\0", content[:-1] + bytes([content[-1] ^ 1])):
        with pytest.raises(ValueError):
            rans.decode(wrong, tables, levels)


def test_shares_are_whole_and_sum_to_the_total_for_any_levels() -> None:
    rng = np.random.default_rng(4)
    for size in (1, 2, 17, rans.MOST_SYMBOLS):
        shares = rans.shares_of(rng.integers(0, rans.MOST_LEVEL + 1, size))
        assert int(shares.sum()) == rans.TOTAL
        assert int(shares.min()) >= 1


@given(st.lists(st.integers(0, 2**30), max_size=100))
def test_fixed_widths_and_folding_come_back(values: list[int]) -> None:
    numbers = np.array(values, dtype=np.int64)
    width = bits.width_of(max(values, default=0))
    assert np.array_equal(bits.unpack(bits.pack(numbers, width), len(numbers), width), numbers)
    signed = np.concatenate([numbers, -numbers])
    assert np.array_equal(bits.unfolded(bits.folded(signed)), signed)


# The file


@given(WEIGHTS, st.sampled_from(["packed", "golomb", "rans", "shortest"]), st.integers(-6, 4), st.booleans())
@settings(max_examples=60, deadline=None)
def test_any_tensor_comes_back_as_its_multiples(value: np.ndarray, coder: str, power: int, by_row: bool) -> None:
    step = np.float32(2.0**power)
    value = np.clip(value, -500.0 * step, 500.0 * step)
    steps = np.full(value.shape[0], step) if by_row else step
    back = decode(encode({"w": value}, {"w": Codec("uniform", steps, coder)}, ABOUT), "test-1").tensors["w"]
    assert back.dtype == np.float32
    assert np.array_equal(back, whole(value, step).astype(np.float32) * step)
    assert np.abs(back - value).max() <= step / 2.0


@given(WEIGHTS)
@settings(deadline=None)
def test_floats_and_rf8_come_back_bit_for_bit(value: np.ndarray) -> None:
    stored = {"b": Codec("bf16"), "r": Codec("rf8", coder="packed"), "s": Codec("rf8")}
    back = decode(encode(dict.fromkeys("wbrs", value), stored, ABOUT)).tensors
    assert back["w"].tobytes() == value.tobytes()
    assert np.array_equal(back["b"].view(np.uint32) & 0xFFFF, np.zeros(value.shape))
    assert np.all(np.abs(back["b"] - value) <= np.abs(value) / 256.0)
    bias = rf8.bias_for(value)
    assert back["r"].tobytes() == back["s"].tobytes() == rf8.decode(rf8.encode(value, bias), bias).tobytes()


def test_outliers_keep_their_half_floats_amid_a_coarse_grid() -> None:
    tensors = some_tensors()
    found = decode(encode(tensors, codecs(), ABOUT), "test-1")
    assert found.about == ABOUT
    kept = np.array([0, 77, 1319])
    assert np.array_equal(found.tensors["tailed"].ravel()[kept], tensors["tailed"].ravel()[kept].astype(np.float16))
    rows = np.linspace(0.01, 0.05, 40).astype(np.float32)
    grid = whole(tensors["tailed"], rows).astype(np.float32) * rows[:, None]
    others = np.delete(np.arange(1320), kept)
    assert np.array_equal(found.tensors["tailed"].ravel()[others], grid.ravel()[others])
    assert {name: value.shape for name, value in found.tensors.items()} == {n: v.shape for n, v in tensors.items()}


def test_the_same_weights_make_the_same_bytes() -> None:
    assert encode(some_tensors(), codecs(), ABOUT) == encode(dict(reversed(some_tensors().items())), codecs(), ABOUT)


def test_the_shortest_code_is_taken() -> None:
    tensors = {"w": some_tensors()["wide"]}
    sizes = {c: len(encode(tensors, {"w": Codec("uniform", 0.0625, c)}, {})) for c in ("packed", "golomb", "rans")}
    assert len(encode(tensors, {"w": Codec("uniform", 0.0625)}, {})) == min(sizes.values())


def test_numbers_that_are_not_finite_are_not_written() -> None:
    with pytest.raises(ValueError, match="not finite"):
        encode({"w": np.array([1.0, np.nan], dtype=np.float32)}, {}, ABOUT)


def boundaries(content: bytes) -> list[int]:
    """One place in each part of a file, and the places where parts meet."""
    header = FIXED.unpack_from(content)[2]
    front = [0, 1, 5, 6, 7, 8, 11, 12, 15, 16, 47, FIXED.size, FIXED.size + 1]
    return sorted({*front, FIXED.size + header - 1, FIXED.size + header, len(content) - 2, len(content) - 1})


def test_a_file_that_ends_early_is_named_so_at_every_kind_of_byte() -> None:
    content = encode(some_tensors(), codecs(), ABOUT)
    for cut in boundaries(content):
        with pytest.raises(TruncatedModelError, match="ends after"):
            decode(content[:cut])


def test_a_changed_bit_is_refused_at_every_kind_of_byte() -> None:
    content = encode(some_tensors(), codecs(), ABOUT)
    for place in boundaries(content):
        changed = bytearray(content)
        changed[place] ^= 0x10
        with pytest.raises((TamperedModelError, ForeignModelError, TruncatedModelError)) as raised:
            decode(bytes(changed))
        if place >= FIXED.size:
            assert raised.type is TamperedModelError
    with pytest.raises(TamperedModelError):
        decode(content + b"\0")


def test_another_robots_weights_and_other_files_are_refused_by_name() -> None:
    content = encode(some_tensors(), codecs(), ABOUT)
    with pytest.raises(ForeignModelError, match="'test-1', this runs 'selective-zoh-people-1'"):
        decode(content, "selective-zoh-people-1")
    with pytest.raises(ForeignModelError, match="no compact model"):
        decode(b"\x08\x00\x00\x00\x00\x00\x00\x00{}")
    newer = content[:6] + struct.pack("<H", 9) + content[8:]
    with pytest.raises(ForeignModelError, match="version 9"):
        decode(newer)


@pytest.mark.parametrize(
    "change",
    [
        {"k": "fp64"}, {"z": 1}, {"s": [64, 129]}, {"s": [10**9, 10**9]}, {"a": [9, 0]}, {"l": "x"}, {"c": "lzma"},
        {"n": None}, {"o": [5, 0, 1]}, {"r": 1},
    ],
)  # fmt: skip
def test_a_header_that_contradicts_its_payload_is_refused_even_with_a_fitting_hash(change: dict[str, object]) -> None:
    header, payload = unwrapped(encode({"w": some_tensors()["wide"]}, {"w": Codec("uniform", 0.06)}, ABOUT), "it")
    header["tensors"][0] |= change
    if change == {"n": None}:
        del header["tensors"][0]["n"]
    with pytest.raises(TamperedModelError):
        decode(wrapped(header, payload))


def test_a_header_that_is_no_json_is_refused() -> None:
    said = zlib.compress(b"[" * 50)
    front = FIXED.pack(b"PAICMP", 1, len(said), 0, bytes(32))
    digest = hashlib.sha256(front + said).digest()
    with pytest.raises(TamperedModelError, match="header"):
        decode(FIXED.pack(b"PAICMP", 1, len(said), 0, digest) + said)
    listed = zlib.compress(json.dumps([1]).encode())
    front = FIXED.pack(b"PAICMP", 1, len(listed), 0, bytes(32))
    with pytest.raises(TamperedModelError, match="header"):
        decode(FIXED.pack(b"PAICMP", 1, len(listed), 0, hashlib.sha256(front + listed).digest()) + listed)
