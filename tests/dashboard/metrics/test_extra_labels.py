"""Labels of the user's own: which may be, and that they stand on every series once."""

from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from dashboard.metrics.extra_labels import LABELS_MAX, TAKEN, VALUE_MAX, extra_labels, labelled
from dashboard.state import State
from dashboard.web import metrics_text
from tests.support.tools import ROOT

PAGE = (
    "# HELP up Whether it is { up } or not.\n# TYPE up gauge\nup 1\n"
    '# TYPE lag gauge\nlag{topic="a{b} c",partition="0"} 1.5e3\nlag{topic="d"} NaN\n'
)


def test_every_series_gets_them_whatever_it_has() -> None:
    told = labelled(PAGE, extra_labels(["place=berlin", 'note=say "hi", {now} C:\\1']))

    samples = [one for family in text_string_to_metric_families(told) for one in family.samples]
    assert [one.labels for one in samples] == [
        {"place": "berlin", "note": 'say "hi", {now} C:\\1', **own}
        for own in ({}, {"topic": "a{b} c", "partition": "0"}, {"topic": "d"})
    ]
    assert [one.value for one in samples[:2]] == [1.0, 1500.0]
    assert "# HELP up Whether it is { up } or not." in told


def test_a_series_that_has_such_a_label_keeps_its_own() -> None:
    """Clients push metrics with labels of their choice: two of one name cost the whole scrape."""
    page = 'pushed{zone="a"} 1\npushed{client="c",zone="b"} 2\npushed{client="zone=\\"x"} 3\n'

    told = labelled(page, {"zone": "mine"})

    samples = [one for family in text_string_to_metric_families(told) for one in family.samples]
    assert [one.labels["zone"] for one in samples] == ["a", "b", "mine"]


def test_without_any_the_page_is_as_it_was() -> None:
    assert labelled(PAGE, {}) is PAGE


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        (["place"], "is not NAME=VALUE"),
        (["place="], "is not NAME=VALUE"),
        (["my-site=x"], "is not NAME=VALUE"),
        (["9=x"], "is not NAME=VALUE"),
        (["__site=x"], "have of themselves"),
        (["kafka_cluster=x"], "have of themselves"),
        (["le=x"], "have of themselves"),
        (["instance=x"], "have of themselves"),
        (["a=1", "a=2"], "is there twice"),
        ([f"a={'x' * (VALUE_MAX + 1)}"], "201 letters, more than 200"),
        ([f"a{number}=x" for number in range(LABELS_MAX + 1)], "11 labels, more than 10"),
    ],
)
def test_what_cannot_be_one_is_refused(settings: list[str], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        extra_labels(settings)


def test_no_label_of_the_scrape_can_be_taken() -> None:
    contract = (ROOT / "tests" / "grafana" / "scrape_contract.txt").read_text()
    lines = [line.partition(" : ")[0] for line in contract.splitlines()]
    named = {label for line in lines if line[:1] not in ("", "#") for label in line.split()[2:]}

    assert named
    assert named <= TAKEN


async def test_the_scrape_has_them(state: State) -> None:
    config = replace(state.config, metrics_extra_labels=("place=berlin",))

    told = metrics_text(replace(state, config=config))

    series = [line for line in told.splitlines() if not line.startswith("#")]
    assert series
    assert all('{place="berlin"' in line for line in series)
