"""The lower floors of the broker are plain functions: no async, threads or clock of their own."""

import ast

import pytest

from tests.support.tools import ROOT
from tests.support.tree import python_files, shown

DOWNSTAIRS = ("protocol", "records", "storage", "metadata")
THREADS_AND_LOOPS = {"asyncio", "threading", "concurrent", "multiprocessing", "uvloop"}
CLOCKS_AND_DICE = {"time", "random", "secrets"}


@pytest.mark.parametrize("floor", DOWNSTAIRS)
def test_no_async_def_downstairs(floor: str) -> None:
    offenders = [
        f"{shown(path)}:{node.lineno}"
        for path in (ROOT / "broker" / floor).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncWith | ast.AsyncFor)
    ]

    assert offenders == []


@pytest.mark.parametrize("floor", DOWNSTAIRS)
def test_no_thread_loop_clock_or_dice_downstairs(floor: str) -> None:
    offenders = [
        f"{shown(path)}:{node.lineno} {name}"
        for path in (ROOT / "broker" / floor).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in _roots(node)
        if name in THREADS_AND_LOOPS | CLOCKS_AND_DICE
    ]

    assert offenders == []


def test_storage_opens_files_through_one_door() -> None:
    offenders = [
        f"{shown(path)}:{node.lineno}"
        for path in (ROOT / "broker" / "storage").rglob("*.py")
        if path.name not in ("files.py", "file_slice.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and _is_open(node)
    ]

    assert offenders == []


def test_threads_are_born_where_disks_are_used_and_where_the_loop_is_watched() -> None:
    offenders = [
        f"{shown(path)}:{node.lineno}"
        for path in python_files("broker")
        if path.name not in ("disk_worker.py", "standstill.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        and set(_roots(node)) & {"threading", "concurrent", "multiprocessing"}
    ]

    assert offenders == []


def _roots(node: ast.Import | ast.ImportFrom) -> list[str]:
    if isinstance(node, ast.ImportFrom):
        return [(node.module or "").split(".")[0]]
    return [alias.name.split(".")[0] for alias in node.names]


def _is_open(call: ast.Call) -> bool:
    if isinstance(call.func, ast.Name):
        return call.func.id == "open"
    return (
        isinstance(call.func, ast.Attribute)
        and call.func.attr == "open"
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id in ("os", "io")
    )
