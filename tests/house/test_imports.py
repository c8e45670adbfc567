"""Who may import whom: the contracts in pyproject.toml, and what they cannot say."""

import ast
import subprocess
import sys
from pathlib import Path

from tests.support.tools import ROOT
from tests.support.tree import PACKAGES, python_files, shown

HANDLERS = ROOT / "broker" / "handlers"
METRICS_HOMES = {"metrics.py", "metrics_http.py", "app.py", "exposition.py", "families.py"}


def imported(path: Path) -> list[tuple[int, str]]:
    """Line and dotted name of every import; `from a import b` gives a.b."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found += [(node.lineno, f"{node.module}.{alias.name}") for alias in node.names]
    return found


def test_the_import_contracts_hold() -> None:
    linter = Path(sys.executable).parent / "lint-imports"

    result = subprocess.run(
        [linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert result.returncode == 0, result.stdout


def test_handlers_do_not_know_each_other() -> None:
    names = {path.stem for path in HANDLERS.glob("*.py")} - {"__init__", "handler"}

    offenders = [
        f"{shown(path)}:{line} imports {name}"
        for path in HANDLERS.glob("*.py")
        if path.stem in names
        for line, name in imported(path)
        if name.startswith("broker.handlers.") and name.split(".")[2] in names
    ]

    assert offenders == []


def test_package_files_are_empty_but_for_the_handler_table() -> None:
    offenders = [
        shown(path)
        for path in python_files(*PACKAGES)
        if path.name == "__init__.py" and path.parent != HANDLERS and path.read_text().strip()
    ]

    assert offenders == []


def test_what_has_no_name_has_no_home() -> None:
    nameless = {"utils.py", "util.py", "common.py", "helpers.py", "misc.py"}

    assert [shown(path) for path in python_files() if path.name in nameless] == []


def test_a_broker_starts_without_what_few_brokers_need() -> None:
    """Key stores, signatures, HTTP clients, expressions: a fifth of its start, and 25 MB."""
    unwanted = {"aiohttp", "cryptography", "re2"}
    program = f"import broker.app, broker.__main__, sys; print({unwanted} & sys.modules.keys())"

    result = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert result.stdout == "set()\n"
