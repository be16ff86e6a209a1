"""The table of the graph is whole: every arrow has ends that exist, every node its parameters and module."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from physical_ai_cli.documents import interfaces, parameter_class, write_documents
from physical_ai_core import graph
from physical_ai_core.parameters import describe


def test_topics_are_said_and_heard_by_nodes_that_exist() -> None:
    for topic in graph.TOPICS:
        assert set(topic.says) | set(topic.hears) <= set(graph.NODE), topic.name


def test_only_the_gate_moves_the_robot() -> None:
    assert graph.TOPIC["cmd_vel"].says == graph.TOPIC["tool"].says == ("safety_gate",)


@pytest.mark.parametrize("node", graph.NODES, ids=lambda n: n.name)
def test_a_node_has_a_module_and_described_parameters(node: graph.Node) -> None:
    assert find_spec(graph.module_of(node)) is not None
    assert describe(parameter_class(node))


def test_the_interface_page_names_every_topic() -> None:
    page = interfaces()
    assert all(f"`{topic.name}`" in page for topic in graph.TOPICS)


def test_the_generated_pages_are_those_of_the_tables(tmp_path: Path) -> None:
    """Mend with: ./run docs"""
    for page in write_documents(tmp_path):
        kept = Path(__file__).resolve().parents[2] / "docs" / page.name
        assert kept.read_text(encoding="utf-8") == page.read_text(encoding="utf-8"), f"{kept} is out of date"
