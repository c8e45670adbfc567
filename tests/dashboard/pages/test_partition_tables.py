"""The tables of partitions, of a group and of a topic: in an order, in pages, found by words."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dashboard.pages.page import PAGE_ROWS
from dashboard.render import Renderer
from dashboard.site_map import resolve
from tests.support.made_cluster import MadeCluster, MadePartition
from tests.support.made_dashboard import made_state
from tracker.kafka.answers import GroupMember
from tracker.topics import TopicPartition

pytestmark = pytest.mark.may_block

WIDE = 250


def wide_cluster() -> MadeCluster:
    """A topic of many partitions; two members of one client id read it, further behind each."""
    made = MadeCluster()
    made.add_topic("wide", *(MadePartition(end=1_000 + index) for index in range(WIDE)))
    places = [TopicPartition("wide", index) for index in range(WIDE)]
    made.add_group("readers", {at: 1_000 - at.partition for at in places}, places)
    halves = (("one-abcdef", places[:100]), ("two-uvwxyz", places[100:]))
    members = [GroupMember(key, "client", "/127.0.0.1", "", tuple(own)) for key, own in halves]
    made.groups["readers"] = replace(made.groups["readers"], members=tuple(members))
    return made


async def shown(tmp_path: Path, path: str, **query: str) -> tuple[dict[str, Any], str]:
    """The values of a page, and its live part."""
    state = made_state(tmp_path, wide_cluster())
    await state.poller(None).look()
    page, visit = resolve(state, path, query)
    found = await page.values(visit)
    return found, Renderer().live(page, visit, found)


@pytest.mark.parametrize("path", ["/groups/readers", "/topics/wide"])
async def test_of_many_partitions_one_page_is_told(tmp_path: Path, path: str) -> None:
    first, html = await shown(tmp_path, path, tab="partitions")
    last, _ = await shown(tmp_path, path, tab="partitions", page="3")

    assert len(first["table"].rows) == PAGE_ROWS
    assert len(last["table"].rows) == WIDE - 2 * PAGE_ROWS
    assert "page 1 of 3" in html


async def test_partitions_of_a_group_are_ordered_by_what_waits(tmp_path: Path) -> None:
    found, html = await shown(tmp_path, "/groups/readers", sort="-lag")

    lags = [part.lag for part in found["table"].rows]
    assert lags == sorted(lags, reverse=True) and lags[0] == 2 * (WIDE - 1)
    assert 'aria-sort="descending"' in html


async def test_partitions_of_a_topic_are_ordered_by_their_records(tmp_path: Path) -> None:
    found, _ = await shown(tmp_path, "/topics/wide", tab="partitions", sort="-records")

    assert [part.index for part in found["table"].rows[:2]] == [WIDE - 1, WIDE - 2]


async def test_partitions_are_found_by_their_place_and_by_who_reads_them(tmp_path: Path) -> None:
    place, _ = await shown(tmp_path, "/groups/readers", q="wide-77")
    member, _ = await shown(tmp_path, "/groups/readers", q="…uvwxyz")
    nothing, told = await shown(tmp_path, "/groups/readers", q="zzz")

    assert [part.partition for part in place["table"].rows] == [77]
    assert member["table"].total == WIDE - 100
    assert nothing["table"].rows == [] and "No partition matches" in told


async def test_members_of_one_client_id_are_told_apart(tmp_path: Path) -> None:
    found, html = await shown(tmp_path, "/groups/readers")

    assert [name for name, _ in found["strips"]] == ["client …abcdef", "client …uvwxyz"]
    assert "client …abcdef" in html
