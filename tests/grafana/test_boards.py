"""The boards as files: built from code, linted, and drawing only what is declared.

The rules are Grafana's dashboard-linter's in our own words; job and instance variables are replaced
by kafka_cluster, which every series of a cluster carries.
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from grafana import build
from tests.support.tools import ROOT

FILES = sorted(build.OUT.glob("*.json"))
Board = dict[str, Any]
GAUGES = {"kafka_server_socket_server_metrics_connection_count"}  # JMX names it so


def queries(board: Board) -> list[tuple[str, str]]:
    """Panel title and expression of every query."""
    return [
        (panel["title"], target["expr"]) for panel in board["panels"] for target in panel["targets"]
    ]


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def board(request: pytest.FixtureRequest) -> Board:
    found: Board = json.loads(request.param.read_text())
    return found


def test_committed_boards_are_what_the_code_builds() -> None:
    assert {path.name: path.read_text() for path in FILES} == build.boards()


def test_boards_have_their_own_uid_and_no_id() -> None:
    boards = [json.loads(path.read_text()) for path in FILES]

    assert len({found["uid"] for found in boards}) == len(boards) == 5
    assert all(found.get("id") is None and len(found["uid"]) <= 40 for found in boards)


def test_a_board_is_read_only_and_in_utc(board: Board) -> None:
    assert board["editable"] is False
    assert board["timezone"] == "utc"


def test_there_is_one_data_source_variable_and_every_panel_uses_it(board: Board) -> None:
    sources = [v for v in board["templating"]["list"] if v["type"] == "datasource"]

    assert [(v["name"], v["label"], v["query"]) for v in sources] == [
        ("datasource", "Data source", "prometheus")
    ]
    for panel in board["panels"]:
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


def test_query_variables_are_multi_refreshed_and_match_all(board: Board) -> None:
    asked = [v for v in board["templating"]["list"] if v["type"] == "query"]

    assert "cluster" in {v["name"] for v in asked}
    for variable in asked:
        assert variable["multi"] and variable["includeAll"] and variable["allValue"] == ".+"
        assert variable["refresh"] == 2
        assert variable["datasource"]["uid"] == "${datasource}"


def test_every_panel_has_title_description_unit_and_queries(board: Board) -> None:
    for panel in board["panels"]:
        assert panel["title"] and panel["description"].endswith(".")
        assert panel["fieldConfig"]["defaults"]["unit"]
        letters = [target["refId"] for target in panel["targets"]]
        assert letters and len(set(letters)) == len(letters)


def test_counters_stand_inside_rate_over_the_rate_interval(board: Board) -> None:
    for title, expr in queries(board):
        for found in re.finditer(r"\b\w+_(?:total|bucket|count)\b", expr):
            if found.group() in GAUGES:
                continue
            before = expr[: found.start()]
            assert re.search(r"(rate|increase)\($", before), f"{title}: {expr}"
        assert all(span == "$__rate_interval" for span in re.findall(r"\[(.*?)\]", expr)), title


def test_every_series_of_a_cluster_is_chosen_by_the_cluster_variable(board: Board) -> None:
    clustered = re.compile(
        r"\b((?:kafka|footfall_(?:kafka|consumergroup|sharegroup|collector))_\w+)(\{[^}]*\})?"
    )
    for title, expr in queries(board):
        for name, selector in clustered.findall(expr):
            if name in ("kafka_cluster",):
                continue
            assert 'kafka_cluster=~"$cluster"' in selector, f"{title}: {name}"


def test_panels_do_not_overlap(board: Board) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells


def test_provisioning_names_the_boards_folder_and_a_distinct_data_source() -> None:
    folder = ROOT / "grafana" / "provisioning"
    (source,) = yaml.safe_load((folder / "datasources" / "footfall.yml").read_text())["datasources"]
    (provider,) = yaml.safe_load((folder / "dashboards" / "footfall.yml").read_text())["providers"]
    scrape = yaml.safe_load((ROOT / "prometheus" / "prometheus.yml").read_text())

    assert source["uid"] == "footfall-prometheus"
    assert source["jsonData"]["timeInterval"] == scrape["global"]["scrape_interval"]
    assert provider["options"]["path"].endswith("/dashboards/footfall")
    assert provider["folderUid"] and "foldersFromFilesStructure" not in provider["options"]


def test_compose_mounts_what_is_there() -> None:
    path = ROOT / "grafana" / "compose.yml"
    services = yaml.safe_load(path.read_text())["services"]

    mounts = [volume for service in services.values() for volume in service["volumes"]]
    local = [Path(volume.split(":")[0]) for volume in mounts if volume.startswith(".")]
    assert len(local) == 3
    assert all((path.parent / found).exists() for found in local)
