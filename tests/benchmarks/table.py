"""The shape of a benchmark's answer: a row is a figure and what it was measured against."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One line of docs/benchmarks.md."""

    name: str
    """What was measured, with its load: `produce, 16 KB batches, acks=all`."""
    value: float
    unit: str
    """Of `value`: `records/s`, `MB/s`, `ms`, `MB` ..."""
    ratio: float | None = None
    """`value` over the same figure of `against`, from the same run; None: nothing compares."""
    against: str = ""
    """The machine's own limit or the peer: `the same bytes through a bare socket into a file`."""


def markdown(title: str, conditions: str, rows: list[Row]) -> str:
    """A table of `rows` under a heading, aligned by the renderer and not by us."""
    lines = [
        f"## {title}",
        "",
        conditions,
        "",
        "| what | value | unit | ratio | against |",
        "|---|--:|---|--:|---|",
    ]
    for row in rows:
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        lines.append(
            f"| {row.name} | {_figure(row.value)} | {row.unit} | {ratio} | {row.against} |"
        )
    return "\n".join(lines) + "\n"


def _figure(value: float) -> str:
    """Three digits that mean something; more would only be the noise of a shared machine."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
