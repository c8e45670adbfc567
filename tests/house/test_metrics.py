"""Every metric that a Grafana board or an alert rule asks for is one that some role declares."""

import json
import re
from collections.abc import Iterator
from typing import Any

from tests.support.tools import ROOT
from tests.support.tree import PACKAGES, python_files

DECLARED_AS = re.compile(r'"((?:footfall|kafka|process|python)_[a-z0-9_]+)"')
ASKED_FOR = re.compile(r"\b((?:footfall|kafka)_[a-z0-9_]+)\b")
PARTS_OF_A_FAMILY = ("_total", "_bucket", "_sum", "_count", "_created", "_info")


def declared() -> set[str]:
    """Every string of our code that looks like a metric's name."""
    return {
        name for path in python_files(*PACKAGES) for name in DECLARED_AS.findall(path.read_text())
    }


def expressions(node: Any) -> Iterator[str]:
    """Queries of a board, wherever they stand in it."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key in ("expr", "query", "definition") and isinstance(value, str):
                yield value
            else:
                yield from expressions(value)
    elif isinstance(node, list):
        for item in node:
            yield from expressions(item)


def without_part(name: str) -> set[str]:
    """The family a sample may belong to."""
    return {name} | {name.removesuffix(part) for part in PARTS_OF_A_FAMILY if name.endswith(part)}


def test_every_metric_that_a_board_asks_for_is_declared() -> None:
    known = declared()
    boards = sorted((ROOT / "grafana" / "dashboards").rglob("*.json"))

    unknown = {
        f"{board.name}: {name}"
        for board in boards
        for query in expressions(json.loads(board.read_text()))
        for name in ASKED_FOR.findall(query)
        if not without_part(name) & known
    }

    assert boards
    assert unknown == set()


def test_every_metric_that_an_alert_asks_for_is_declared() -> None:
    known = declared()
    rules = sorted((ROOT / "prometheus").rglob("*.yml"))

    unknown = {
        f"{path.name}: {name}"
        for path in rules
        for line in path.read_text().splitlines()
        if "expr:" in line
        for name in ASKED_FOR.findall(line)
        if not without_part(name) & known
    }

    assert unknown == set()
