"""The report made from a bag says what the bag says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from made_run import events, write_bag
from PIL import Image

from physical_ai_telemetry.report import write_report

RUN = list(events(6.0))


@pytest.fixture(scope="module")
def whole_drive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bag(tmp_path_factory.mktemp("bags"), events(25.0))[0]


def test_the_report_is_one_page_with_pictures_words_and_figures(whole_drive: Path, tmp_path: Path) -> None:
    paths = write_report(
        whole_drive, "yard", tmp_path / "out", None, {"verdict": "goal <reached>", "good": True, "seed": 3}
    )
    page = paths.html.read_text(encoding="utf-8")
    for text in (
        "棚の前まで行って",
        "着きました。",
        "I am there.",
        "Someone is in the way.",
        "stop rate",
        "goal &lt;reached&gt;",
    ):
        assert text in page
    assert page.count("data:image/png;base64,") == 2
    assert "http://" not in page and "https://" not in page and 'src="/' not in page
    with Image.open(paths.picture) as picture:
        assert min(picture.size) > 500
        blue = np.asarray(picture.convert("RGB")).reshape(-1, 3)
    assert (blue == [0x15, 0x65, 0xC0]).all(axis=1).sum() > 500, "the path is not in the picture"


def test_a_run_that_never_began_still_gives_a_report(tmp_path: Path) -> None:
    folder, _ = write_bag(tmp_path, RUN[:1])
    assert write_report(folder, "yard", tmp_path / "out").html.exists()
