"""Pictures off the wire: views of the message's bytes, whatever the encoding; and no picture from what is none."""

from __future__ import annotations

from array import array
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from physical_ai_core import messages as m
from physical_ai_core.errors import InputError
from physical_ai_core.ros.decode import decode


def message(encoding: str, height: int, width: int, data: object, step: int = 0, big: int = 0) -> SimpleNamespace:
    stamp = SimpleNamespace(sec=3, nanosec=500_000_000)
    header = SimpleNamespace(stamp=stamp, frame_id="camera")
    return SimpleNamespace(
        header=header, encoding=encoding, height=height, width=width, step=step, data=data, is_bigendian=big
    )


@pytest.mark.parametrize(
    ("encoding", "pixel", "rgb"),
    [
        ("rgb8", [10, 20, 30], [10, 20, 30]),
        ("bgr8", [10, 20, 30], [30, 20, 10]),
        ("mono8", [77], [77, 77, 77]),
        ("rgba8", [10, 20, 30, 40], [10, 20, 30]),
        ("bgra8", [10, 20, 30, 40], [30, 20, 10]),
    ],
)
@pytest.mark.parametrize("padding", [0, 5])
def test_every_encoding_becomes_the_same_colours_with_and_without_padding(
    encoding: str, pixel: list[int], rgb: list[int], padding: int
) -> None:
    row = pixel * 4 + [255] * padding
    data = array("B", row * 3)
    image = decode(m.Image, message(encoding, 3, 4, data, step=len(row)))
    assert (image.stamp_s, image.frame_id) == (3.5, "camera")
    assert image.pixels.shape == (3, 4, 3) and image.pixels.dtype == np.uint8
    assert (image.pixels == rgb).all()
    data[0] = 99  # no copy was made
    assert 99 in image.pixels[0, 0]


@given(
    st.sampled_from(["rgb8", "bgr8", "mono8", "rgba8", "yuv422", "16UC1", ""]), st.integers(0, 2**32 - 1),
    st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.binary(max_size=64),
)  # fmt: skip
def test_what_is_no_picture_is_refused_and_never_read_beyond_its_bytes(
    encoding: str, height: int, width: int, step: int, data: bytes
) -> None:
    try:
        image = decode(m.Image, message(encoding, height, width, data, step))
    except InputError:
        return
    assert image.pixels.shape == (height, width, 3)
    assert height * width <= len(data)
