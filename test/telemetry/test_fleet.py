"""What a fleet's bags say together is what each says alone, added up; once, in any order, on any engine."""

from __future__ import annotations

import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pyarrow as pa
import pytest
from drives import missions, moved
from hypothesis import given, settings
from hypothesis import strategies as st
from made_run import events, write_bag
from typer.testing import CliRunner

from physical_ai_core.errors import InputError
from physical_ai_learning.fleet import asking
from physical_ai_learning.fleet.engine import Dask, Engine, Local, engine
from physical_ai_learning.fleet.facts import SCHEMAS, Facts, facts_of
from physical_ai_learning.fleet.ingest import Ingested, ingest
from physical_ai_learning.fleet.store import Store
from physical_ai_telemetry.dataset.source import fingerprint
from physical_ai_telemetry.incidents import incidents_of_bag
from physical_ai_telemetry.kpi import kpis_of_bag, tracker_of_bag

duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed: pip install 'physical_ai[fleet]'")


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two robots: `red` drove twice, once with a stop and a person who took over; `blue` once."""
    root = tmp_path_factory.mktemp("fleet")
    write_bag(root / "red" / "monday", moved(events(20.0), 0.0, "a"))
    write_bag(root / "red" / "tuesday", missions(["b", "c"], begin_s=1000.0))
    write_bag(root / "blue" / "monday", moved(events(6.0), 500.0, "d"))
    for robot, bag in (("red", "monday"), ("red", "tuesday"), ("blue", "monday")):
        (root / robot / bag / "run").rename(root / robot / f"{bag}-run")
        (root / robot / bag).rmdir()
    return root


@pytest.fixture(scope="module")
def store(fleet: Path, tmp_path_factory: pytest.TempPathFactory) -> Store:
    kept = Store(tmp_path_factory.mktemp("facts"))
    done = ingest([fleet], kept, Local())
    assert len(done.added) == 3 and not done.broken
    return kept


def test_facts_of_a_bag_are_its_figures(fleet: Path) -> None:
    for bag in sorted(fleet.glob("*/*")):
        facts = facts_of(bag, fingerprint(bag)).tables
        kpis = kpis_of_bag(str(bag))
        (run,) = facts["runs"].to_pylist()
        assert run["robot"] == bag.parent.name and run["site"] == "yard"
        for name in ("stops", "faults", "hard_overrides", "interventions", "missions_begun", "missions_completed"):
            assert run[name] == getattr(kpis, name), name
        assert run["collisions"] == kpis.collisions and run["bumps"] == kpis.bumps
        assert run["distance_mm"] == pytest.approx(1000 * kpis.distance_m, abs=1)
        assert run["operating_ms"] == pytest.approx(1000 * kpis.operating_time_s, abs=1)
        rules = {row["rule"]: row["count"] for row in facts["overrides"].to_pylist()}
        assert rules == kpis.overrides_by_rule
        assert len(facts["incidents"]) == len(incidents_of_bag(bag))
        told = tracker_of_bag(str(bag))
        assert [row["goal_id"] for row in facts["missions"].to_pylist()] == [one.goal_id for one in told.missions()]
        assert [row["what"] for row in facts["interventions"].to_pylist()] == [
            one.what for one in told.people.interventions()
        ]


def test_the_answers_are_the_sums_of_the_bags(fleet: Path, store: Store) -> None:
    answers = asking.plain(asking.ask(store, Local()))
    each = [kpis_of_bag(str(bag)) for bag in fleet.glob("*/*")]
    (whole,) = answers["fleet"]
    hours = sum(k.operating_time_s for k in each) / 3600
    km = sum(k.distance_m for k in each) / 1000
    assert whole["runs"] == 3 and whole["stops"] == sum(k.stops for k in each) > 0
    assert whole["stops_per_h"] == pytest.approx(whole["stops"] / hours, rel=1e-3)
    assert whole["interventions_per_km"] == pytest.approx(sum(k.interventions for k in each) / km, rel=1e-3)
    assert {row["robot"]: row["runs"] for row in answers["robots"]} == {"red": 2, "blue": 1}
    assert sum(row["count"] for row in answers["incidents"]) == sum(len(incidents_of_bag(b)) for b in fleet.glob("*/*"))
    takeover = next(row for row in answers["interventions"] if row["what"] == "takeover")
    assert takeover["count"] == 1 and takeover["seconds"] == pytest.approx(1.0)
    assert answers["worst_missions"][0]["goal_id"] == "a"
    assert set(answers) == set(asking.questions()) and all(name in answers for name in ("days", "versions", "latency"))


def test_a_bag_is_read_once_whatever_it_is_called(fleet: Path, tmp_path: Path) -> None:
    kept = Store(tmp_path / "facts")
    shutil.copytree(fleet / "blue", tmp_path / "more" / "blue")
    first = ingest([tmp_path / "more"], kept, Local())
    shutil.copytree(tmp_path / "more" / "blue", tmp_path / "more" / "copy")
    again = ingest([tmp_path / "more", fleet], Store(tmp_path / "facts"), Local())
    assert len(first.added) == 1 and len(again.added) == 2 and len(again.known) == 3
    assert len(kept.bags()) == 3


def test_broken_bags_are_named_and_passed_over(fleet: Path, tmp_path: Path) -> None:
    shutil.copytree(fleet, tmp_path / "fleet")
    (path,) = (tmp_path / "fleet" / "blue" / "monday-run").glob("*.mcap")
    content = bytearray(path.read_bytes())
    content[1000::97] = bytes(byte ^ 0xFF for byte in content[1000::97])
    path.write_bytes(bytes(content))
    (tmp_path / "fleet" / "stray.mcap").write_bytes(b"no bag at all")
    done = ingest([tmp_path / "fleet"], Store(tmp_path / "facts"), Local())
    assert len(done.added) == 2 and len(done.broken) == 2
    assert any("monday-run" in bag for bag in done.broken) and all(done.broken.values())


def test_an_incident_cut_from_a_drive_is_not_counted_again(tmp_path: Path) -> None:
    from made_run import recorded, serialized

    from physical_ai_telemetry.parameters import TelemetryParameters
    from physical_ai_telemetry.split import Split

    (tmp_path / "cut").mkdir()
    assert TelemetryParameters().site
    split = Split(tmp_path / "cut" / "cut_0.mcap", "zstd", {"incident": "gate", "rule": "obstacle"})
    for topic, data, stamp_s in events(2.0):
        split.write(recorded(topic), round(stamp_s * 1e9), serialized(topic, data))
    split.close()
    done = ingest([tmp_path], Store(tmp_path / "facts"), Local())
    assert not done.added and "incident" in next(iter(done.skipped.values()))


def test_a_kill_between_two_files_leaves_the_bag_out(fleet: Path, tmp_path: Path) -> None:
    kept = Store(tmp_path)
    bag = next(fleet.glob("blue/*"))
    facts = facts_of(bag, fingerprint(bag))
    without = Facts(facts.bag, {name: table for name, table in facts.tables.items() if name != "runs"})
    kept.add(without)
    assert kept.bags() == [] and not kept.has(facts.bag)
    kept.add(facts)
    assert kept.bags() == [facts.bag]


# --- engines ---


def with_dask() -> Dask:
    pytest.importorskip("distributed", reason="distributed is not installed: pip install 'physical_ai[fleet-dask]'")
    return Dask(workers=2)


def test_dask_with_two_workers_says_the_same(fleet: Path, store: Store, tmp_path: Path) -> None:
    """The ingestion as tasks of a cluster of two processes, then every question in two parts: not a digit differs."""
    cluster = with_dask()
    try:
        assert cluster.workers == 2
        kept = Store(tmp_path)
        done = ingest([fleet], kept, cluster)
        assert len(done.added) == 3
        for name in SCHEMAS:
            assert kept.read(kept.bags(), name).equals(store.read(store.bags(), name)), name
        here, there = asking.ask(store, Local()), asking.ask(kept, cluster)
        for name, table in here.items():
            assert table.equals(there[name]), name
    finally:
        cluster.close()


class _Backwards:
    """An engine that works in another order."""

    name, workers = "backwards", 3

    def map(self, task, items):  # type: ignore[no-untyped-def]
        results = {number: task(item) for number, item in reversed(list(enumerate(items)))}
        return iter([results[number] for number in range(len(items))])


def test_answers_do_not_depend_on_how_the_work_is_divided(store: Store) -> None:
    whole = asking.ask(store, Local())
    others: list[tuple[Engine, int]] = [(Local(), 2), (Local(), 3), (_Backwards(), 0)]
    for chosen, parts in others:
        for name, table in asking.ask(store, chosen, parts).items():
            assert table.equals(whole[name]), name


RUNS = st.lists(st.tuples(st.sampled_from(["r1", "r2"]), *[st.integers(0, 10**9)] * 4), min_size=1, max_size=6)


@settings(max_examples=4, deadline=None)
@given(RUNS, st.integers(1, 6))
def test_any_fleet_gives_one_answer_in_any_parts(
    tmp_path_factory: pytest.TempPathFactory, runs: list[tuple[str, int, int, int, int]], parts: int
) -> None:
    kept = Store(tmp_path_factory.mktemp("any"))
    for number, (robot, operating, distance, stops, recovery) in enumerate(runs):
        sums = dict.fromkeys(
            (n for n, t in zip(SCHEMAS["runs"].names, SCHEMAS["runs"].types, strict=True) if t == pa.int64()), number
        )
        row = {name: "x" for name in SCHEMAS["runs"].names} | sums
        row |= {
            "robot": robot,
            "operating_ms": operating,
            "distance_mm": distance,
            "stops": stops,
            "recovery_ms": recovery,
        }
        tables = {name: schema.empty_table() for name, schema in SCHEMAS.items()}
        tables["runs"] = pa.Table.from_pylist([row], schema=SCHEMAS["runs"])
        kept.add(Facts(f"{number:064d}", tables))
    one, many = asking.ask(kept, Local(), 1), asking.ask(kept, Local(), parts)
    assert all(table.equals(many[name]) for name, table in one.items())
    (whole,) = one["fleet"].to_pylist()
    hours = sum(run[1] for run in runs) / 3.6e6
    if hours:
        assert whole["stops_per_h"] == pytest.approx(sum(run[3] for run in runs) / hours)
    else:
        assert whole["stops_per_h"] is None


def test_the_percentiles_of_latency_are_those_of_the_counts(tmp_path: Path) -> None:
    kept = Store(tmp_path)
    for number, bins in enumerate([{10: 50, 20: 49}, {100: 1}]):
        tables = {name: schema.empty_table() for name, schema in SCHEMAS.items()}
        rows = [{"bag": "x", "robot": "r", "way": "cmd_vel", "bin_ms": b, "count": n} for b, n in bins.items()]
        tables["latency"] = pa.Table.from_pylist(rows, schema=SCHEMAS["latency"])
        kept.add(Facts(f"{number:064d}", tables))
    (row,) = asking.plain(asking.ask(kept, Local(), 2))["latency"]
    assert (row["p50_ms"], row["p99_ms"], row["max_ms"], row["commands"]) == (10, 20, 100, 100)


def test_an_engine_nobody_knows_and_an_empty_store_are_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no engine"), engine("spark", 1):
        pass
    with pytest.raises(InputError, match="no facts"):
        asking.ask(Store(tmp_path), Local())
    with pytest.raises(InputError, match="There is no"):
        ingest([tmp_path / "nowhere"], Store(tmp_path), Local())


# --- the page and the command ---


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.sources: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.sources += [value or "" for name, value in attrs if name in ("src", "href")]


def test_the_command_prints_json_and_writes_one_page_that_fetches_nothing(fleet: Path, tmp_path: Path) -> None:
    from physical_ai_cli.main import app

    shutil.copytree(fleet, tmp_path / "fleet")
    arguments = ["fleet", str(tmp_path / "fleet"), "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(app, [*arguments, "--json"])
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert len(told["bags"]["added"]) == 3 and told["answers"]["fleet"][0]["runs"] == 3
    text = (tmp_path / "out" / "fleet.html").read_text(encoding="utf-8")
    page = _Page()
    page.feed(text)
    assert page.tags.count("table") >= 8 and page.tags.count("img") >= 4
    assert all(source.startswith("data:image/png;base64,") for source in page.sources)
    assert "http" not in text.replace("http-equiv", "") and "ロボット別" in text and "Worst missions" in text
    (tmp_path / "fleet" / "stray.mcap").write_bytes(b"no bag at all")
    result = CliRunner().invoke(app, arguments)
    out, err = (text.replace("\n", "") for text in (result.stdout, result.stderr))  # wrapped where the terminal ends
    assert result.exit_code == 1 and re.search(r"3 *known", out) and "stray.mcap" in err
    assert "stray.mcap" in (tmp_path / "out" / "fleet.html").read_text(encoding="utf-8")


def test_words_of_a_bag_cannot_become_code_of_the_page(tmp_path: Path) -> None:
    from physical_ai_learning.fleet.report import write_report

    page = write_report({"incidents": [{"cause": "<script>alert(1)</script>", "rule": "x", "count": 1}]}, tmp_path)
    assert "<script>alert" not in page.read_text(encoding="utf-8")
    assert Ingested().broken == {}
