"""Files, functions and parameter lists stay as small as the plan of the house says (section 6)."""

import ast
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.support.tree import PACKAGES, python_files, shown

FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 70
PARAMETERS_MAX = 5


@dataclass(frozen=True, slots=True)
class Function:
    name: str
    lines: int
    parameters: int
    """How many can be given by position, without self and cls."""


@cache
def functions(path: Path) -> tuple[Function, ...]:
    """Kept for the next test: to read all files anew is most of what these tests do."""
    return tuple(
        Function(node.name, (node.end_lineno or 0) - node.lineno + 1, len(parameters(node)))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )


def parameters(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    named = [argument.arg for argument in (*node.args.posonlyargs, *node.args.args)]
    return [name for name in named if name not in ("self", "cls")]


def test_no_file_is_longer_than_its_reader_is_patient() -> None:
    """Message declarations are exempt: they are as long as Kafka made them."""
    long = {
        shown(path): lines
        for path in python_files()
        if "protocol/messages" not in shown(path)
        and (lines := path.read_text().count("\n")) > FILE_LINES_MAX
    }

    assert long == {}


def test_no_function_is_longer_than_a_screen() -> None:
    long = {
        f"{shown(path)}:{function.name}": function.lines
        for path in python_files()
        for function in functions(path)
        if function.lines > FUNCTION_LINES_MAX
    }

    assert long == {}


def test_no_function_takes_more_than_five_positional_parameters() -> None:
    """Beyond, they are named at the call (keyword-only) or become a dataclass."""
    wide = {
        f"{shown(path)}:{function.name}": function.parameters
        for path in python_files(*PACKAGES)
        for function in functions(path)
        if function.parameters > PARAMETERS_MAX
    }

    assert wide == {}
