"""pytest plugin: a fleet's own bags in its own CI.

In a test:

    def test_monday(replay):
        replay("bags/monday", against="references")

or without one, as a file `fleet.replay.yaml`, each bag and node a test:

    bags: [bags/monday, bags/tuesday]
    against: references
    nodes: [graph, perception]

Paths count from the file that names them. `pytest --update-ref` writes the references anew. Nothing of the suite is
imported before a bag is replayed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from physical_ai_bench.regression.check import Checked

PATTERN: Final = ".replay.yaml"
OPTION: Final = "--update-ref"
OUT: Final = "out/replay"
Replay = Callable[..., "Checked"]


class ReplayDiffers(AssertionError):
    """A replay is not as its reference; the message is the difference."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("replay").addoption(
        OPTION, action="store_true", help="write the references of replayed bags anew instead of comparing"
    )


@pytest.fixture
def replay(request: pytest.FixtureRequest) -> Replay:
    """`replay(BAG, against=…, node="graph", tolerances=…, config=…)`: fails with the difference."""
    folder, update = request.path.parent, bool(request.config.getoption(OPTION))

    def run(bag: str | Path, against: str | Path, node: str = "graph", **options: Any) -> Checked:
        return same(folder, bag, against, node, update, options)

    return run


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    if file_path.name.endswith(PATTERN):
        return ReplayFile.from_parent(parent, path=file_path)  # type: ignore[no-any-return]
    return None


class ReplayFile(pytest.File):
    """A `*.replay.yaml`: its bags times its nodes."""

    def collect(self) -> Iterator[pytest.Item]:
        from physical_ai_bench.regression.suite import load_suite

        suite = load_suite(self.path)
        for bag in suite.bags:
            for node in suite.nodes:
                name = f"{Path(bag).name}[{node}]"
                yield ReplayItem.from_parent(self, name=name, bag=bag, node=node, suite=suite)

    def repr_failure(self, excinfo: Any, style: Any = None) -> Any:
        return _in_a_line(excinfo) or super().repr_failure(excinfo)


class ReplayItem(pytest.Item):
    """One bag and node."""

    def __init__(self, *, bag: str, node: str, suite: Any, **more: Any) -> None:
        super().__init__(**more)
        self.bag, self.node, self.suite = bag, node, suite

    def runtest(self) -> None:
        update = bool(self.config.getoption(OPTION))
        same(self.path.parent, self.bag, self.suite.against, self.node, update, self.suite.options())

    def repr_failure(self, excinfo: Any, style: Any = None) -> Any:
        return _in_a_line(excinfo) or super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, f"replay: {self.name}"


def same(
    folder: Path, bag: str | Path, against: str | Path, node: str, update: bool, options: dict[str, Any]
) -> Checked:
    """Replay and compare. Raises ReplayDiffers, and what `check` raises."""
    from physical_ai_bench.regression.check import check
    from physical_ai_bench.regression.difference import lines
    from physical_ai_bench.regression.picture import plot_differences
    from physical_ai_bench.replay import ReplayConfig, load_replay_config

    config, tolerances = options.pop("config", None), options.pop("tolerances", None)
    if config is not None and not isinstance(config, ReplayConfig):
        config = load_replay_config(_near(folder, config))
    if isinstance(tolerances, (str, Path)):
        tolerances = _near(folder, tolerances)
    checked = check(
        folder / bag, folder / against, node, update=update, config=config, tolerances=tolerances, **options
    )
    if not checked.same:
        picture = plot_differences(checked, Path(OUT))
        raise ReplayDiffers("\n".join([*lines(checked), *([f"plots: {picture}"] if picture else [])]))
    return checked


def _in_a_line(excinfo: Any) -> str:
    """What a typed error or a difference says, without the way there; empty for other exceptions."""
    from physical_ai_core.errors import PhysicalAIError

    return str(excinfo.value) if isinstance(excinfo.value, (ReplayDiffers, PhysicalAIError)) else ""


def _near(folder: Path, name_or_path: str | Path) -> str:
    """A name as it is, a file from the folder."""
    path = Path(name_or_path)
    return str(folder / path) if path.suffix in {".yaml", ".yml"} else str(name_or_path)
