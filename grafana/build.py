"""Builds Footfall's Grafana boards into grafana/dashboards/footfall/*.json.

`python -m grafana.build` writes them; tests/grafana compares them with what is committed. Every
panel names its unit and says in a sentence what it shows; counters stand only inside rate().
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from grafana_foundation_sdk.builders import dashboard as d
from grafana_foundation_sdk.builders import prometheus as p
from grafana_foundation_sdk.builders import stat as s
from grafana_foundation_sdk.builders import table as t
from grafana_foundation_sdk.builders import timeseries as ts
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import (
    DashboardLinkType,
    DataSourceRef,
    VariableRefresh,
    VariableSort,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from grafana.panel import CLUSTER, Panel
from grafana.panels.broker import BROKER
from grafana.panels.consumers import CONSUMERS
from grafana.panels.overview import OVERVIEW
from grafana.panels.pipeline import PIPELINE
from grafana.panels.topics import TOPICS

OUT = Path(__file__).parent / "dashboards" / "footfall"
SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")

BOARDS = (
    ("1-overview", "Overview", "footfall-over", OVERVIEW, ()),
    ("2-consumers", "Consumers", "footfall-group", CONSUMERS, ("group",)),
    ("3-topics", "Topics", "footfall-topic", TOPICS, ("topic",)),
    ("4-broker", "Broker", "footfall-broker", BROKER, ()),
    ("5-pipeline", "Pipeline", "footfall-pipe", PIPELINE, ()),
)

VARIABLES = {
    "group": ("Group", f"label_values(kafka_consumergroup_members{{{CLUSTER}}}, consumergroup)"),
    "topic": ("Topic", f"label_values(kafka_topic_partitions{{{CLUSTER}}}, topic)"),
}


def variable(name: str, label: str, query: str) -> Any:
    return (
        d.QueryVariable(name)
        .label(label)
        .datasource(SOURCE)
        .query(query)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".+")
    )


def panel(described: Panel) -> Any:
    builders: dict[str, Any] = {"graph": ts.Panel, "stat": s.Panel, "table": t.Panel}
    built = (
        builders[described.kind]()
        .title(described.title)
        .description(described.description)
        .unit(described.unit)
        .datasource(SOURCE)
        .span(described.width)
        .height(described.height)
    )
    if described.kind == "graph":
        built = built.min(0)
    for letter, query in zip("ABCDEF", described.queries, strict=False):
        target = p.Dataquery().expr(query.expr).legend_format(query.legend).ref_id(letter)
        if described.kind == "table":
            target = target.instant().format(PromQueryFormat.TABLE)
        built = built.with_target(target)
    return built


def board(title: str, uid: str, panels: Sequence[Panel], variables: Sequence[str]) -> str:
    """The board as JSON, keys sorted, so that a diff shows only what changed."""
    built = (
        d.Dashboard(f"Footfall / {title}")
        .uid(uid)
        .tags(["footfall"])
        .refresh("10s")
        .time("now-1h", "now")
        .timezone("utc")
        .readonly()
        .link(
            d.DashboardLink("Footfall")
            .type(DashboardLinkType.DASHBOARDS)
            .tags(["footfall"])
            .include_vars(True)
            .keep_time(True)
        )
        .with_variable(d.DatasourceVariable("datasource").label("Data source").type("prometheus"))
        .with_variable(
            variable("cluster", "Cluster", "label_values(footfall_collector_up, kafka_cluster)")
        )
    )
    for name in variables:
        built = built.with_variable(variable(name, *VARIABLES[name]))
    for described in panels:
        built = built.with_panel(panel(described))
    document = json.loads(JSONEncoder(sort_keys=True).encode(built.build()))
    return json.dumps(document, indent=2, sort_keys=True) + "\n"


def boards() -> dict[str, str]:
    """File name and content of each board."""
    return {
        f"{name}.json": board(title, uid, panels, variables)
        for name, title, uid, panels, variables in BOARDS
    }


def main() -> int:
    """Write all boards."""
    OUT.mkdir(parents=True, exist_ok=True)
    for name, text in boards().items():
        (OUT / name).write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
