"""docs/monitoring.md tells what becomes of lag in odd cases, and names the tests of each."""

import re

from tests.support.tools import ROOT

CASES = ROOT / "tests" / "dashboard" / "cluster" / "test_lag_cases.py"
WITH_A_BROKER = CASES.with_name("test_auto_create.py")


def rows() -> list[list[str]]:
    """The table's rows: a case, what is said, the tests."""
    text = (ROOT / "docs" / "monitoring.md").read_text()
    section = text.partition("### Lag in odd cases")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")][1:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def names_in(*paths: object) -> set[str]:
    return {
        name
        for path in paths
        for name in re.findall(r"^(?:async )?def test_(\w+)\(", str(path), re.MULTILINE)
    }


def test_every_case_says_something_and_names_tests_that_are_there() -> None:
    there = names_in(CASES.read_text(), WITH_A_BROKER.read_text())

    table = rows()

    assert len(table) >= 15  # as many as the plan of monitoring has
    for case, said, tests in table:
        assert case and said
        named = re.findall(r"`(\w+)`", tests)
        assert named, case
        assert set(named) <= there, case


def test_every_test_of_a_case_stands_in_the_table() -> None:
    named = {name for *_, tests in rows() for name in re.findall(r"`(\w+)`", tests)}

    assert names_in(CASES.read_text()) <= named
