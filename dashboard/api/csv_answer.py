"""Rows as a CSV file to download; what a spreadsheet would calculate is put in quotes for it."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Final

from aiohttp import web

FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")

Cell = str | int | float | None


def safe(value: Cell) -> Cell:
    """Text that begins like a formula, with a quote before it; numbers as they are."""
    return "'" + value if isinstance(value, str) and value.startswith(FORMULA) else value


def lines(rows: Iterable[Sequence[Cell]]) -> str:
    """CSV (RFC 4180) of safe cells; None is empty."""
    text = io.StringIO()
    csv.writer(text).writerows([safe(cell) for cell in row] for row in rows)
    return text.getvalue()


def attachment(name: str) -> dict[str, str]:
    """Header that makes a browser store the answer; odd letters of the name become `_`."""
    plain = "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in name)
    stem, _, ending = plain.rpartition("_")
    return {"Content-Disposition": f'attachment; filename="footfall-{stem[:100]}.{ending}"'}


def csv_answer(rows: Iterable[Sequence[Cell]], name: str) -> web.Response:
    """All of `rows`, the first of which are titles; `name` is such as `topics.csv`."""
    return web.Response(
        text=lines(rows), content_type="text/csv", charset="utf-8", headers=attachment(name)
    )
