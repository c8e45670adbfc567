"""What a panel of Footfall's Grafana boards is: its title, its sentence, its unit, its queries.

The panels of each board stand in panels/; `build.py` makes boards of them. Counters stand only
inside rate(), and every query names a metric that some role declares: tests/grafana and
tests/house say so.
"""

from dataclasses import dataclass

CLUSTER = 'kafka_cluster=~"$cluster"'
GROUP = f'{CLUSTER},consumergroup=~"$group"'
TOPIC = f'{CLUSTER},topic=~"$topic"'


@dataclass(frozen=True)
class Query:
    expr: str
    legend: str = ""


@dataclass(frozen=True)
class Panel:
    """One panel: what it is called, what it says, in which unit, from which queries."""

    title: str
    description: str
    unit: str
    queries: tuple[Query, ...]
    kind: str = "graph"  # graph, stat or table
    width: int = 12
    height: int = 8


def stat(title: str, description: str, unit: str, expr: str) -> Panel:
    return Panel(title, description, unit, (Query(expr),), "stat", 3, 4)


def graph(title: str, description: str, unit: str, *queries: Query, width: int = 12) -> Panel:
    return Panel(title, description, unit, queries, "graph", width)
