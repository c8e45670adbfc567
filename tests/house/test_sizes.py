"""Files, functions and parameter lists stay as small as the plan of the house says (section 6)."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.support.tree import PACKAGES, python_files, shown

FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 70
PARAMETERS_MAX = 5

Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(path: Path) -> Iterator[Function]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, Function):
            yield node


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
        f"{shown(path)}:{function.name}": lines
        for path in python_files()
        for function in functions(path)
        if (lines := (function.end_lineno or 0) - function.lineno + 1) > FUNCTION_LINES_MAX
    }

    assert long == {}


def test_no_function_takes_more_than_five_positional_parameters() -> None:
    """Beyond, they are named at the call (keyword-only) or become a dataclass."""
    wide = {
        f"{shown(path)}:{function.name}": len(names)
        for path in python_files(*PACKAGES)
        for function in functions(path)
        if len(names := parameters(function)) > PARAMETERS_MAX
    }

    assert wide == {}


def parameters(function: Function) -> list[str]:
    """Names of what can be given by position, without self and cls."""
    named = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]
    return [name for name in named if name not in ("self", "cls")]
