"""Transactions: who has one open, who holds up readers, and ending one."""

from typing import Any

import pytest

from dashboard.actions.catalogue import BY_NAME
from dashboard.identity import Role
from dashboard.state import State
from tests.support.dashboard_actions import Asked
from tests.support.made_cluster import MadeCluster
from tests.support.made_dashboard import Client, busy_cluster
from tracker.kafka.transactions import Holder
from tracker.topics import TopicPartition

PLACE = TopicPartition("events", 0)
OTHER = TopicPartition("events", 1)

EVENTS_0 = {"topic": "events", "partition": 0}


@pytest.fixture
def cluster() -> MadeCluster:
    """shop-1 holds events-0; a producer that no coordinator knows holds events-1."""
    made = busy_cluster()
    made.partitions[PLACE].stable, made.partitions[OTHER].stable = 990, 900
    made.writers = [Holder(PLACE, 7, 0, 990, 5), Holder(OTHER, 66, 2, 900, 5)]
    return made


async def page(client: Client, address: str) -> str:
    answer = await client.get(address)
    text = await answer.text()
    assert answer.status == 200, text
    return text


async def told(client: Client, query: str = "") -> Any:
    answer = await client.get(f"/api/v1/transactions{query}")
    assert answer.status == 200, await answer.text()
    return await answer.json()


async def test_open_transactions_come_first_with_their_age_and_partitions(client: Client) -> None:
    shown, only = await page(client, "/transactions"), await page(client, "/transactions?only=open")
    listed = await told(client)

    assert [one["transactional_id"] for one in listed["transactions"]] == ["shop-1", "shop-2"]
    first = listed["transactions"][0]
    assert (first["open"], first["places"], first["timeout_ms"]) == (True, [EVENTS_0], 60_000)
    assert "shop-2" in shown and "events-0" in shown and "shop-2" not in only
    assert "<option>shop-1</option>" in shown and "<option>shop-2</option>" not in shown


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?q=SHOP-2", ["shop-2"]),
        ("?q=event", ["shop-1"]),
        ("?only=open", ["shop-1"]),
        ("?q=nobody", []),
        ("?sort=-id", ["shop-2", "shop-1"]),
    ],
)
async def test_transactions_are_filtered_and_sorted(
    client: Client, query: str, found: list[str]
) -> None:
    rows = (await told(client, query))["transactions"]

    assert [one["transactional_id"] for one in rows] == found


async def test_partitions_that_nobody_holds_any_more_are_counted_and_not_listed(
    client: Client, cluster: MadeCluster
) -> None:
    """Short transactions are open at a look, and over when their partitions are asked about."""
    cluster.writers = cluster.writers[:1]

    held = (await told(client))["held"]
    shown = await page(client, "/transactions")

    assert [one["holder"] is None for one in held] == [False, True]
    assert "1 more partition waited at the last look; its leader names nobody" in shown
    assert shown.count('<td class="wrap held">') == 1


async def test_who_holds_up_readers_is_named_and_what_no_coordinator_ends_is_hanging(
    client: Client,
) -> None:
    held = (await told(client))["held"]
    shown = await page(client, "/transactions")

    assert [(one["place"], one["offsets"], one["transactional_id"]) for one in held] == [
        ({"topic": "events", "partition": 1}, 101, ""),
        (EVENTS_0, 10, "shop-1"),
    ]
    assert [one["hangs"] for one in held] == [True, False]
    assert "HANGING" in shown and "66, epoch 2" in shown
    assert "--topic events --partition 1 --start-offset 900" in shown
    assert 'href="/transactions?q=events">10</a>' in await page(
        client, "/topics/events?tab=partitions"
    )


async def test_a_transaction_that_ended_between_two_questions_does_not_hang(
    client: Client, cluster: MadeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    listing = cluster.transactions

    def ended_meanwhile(timeout_s: float) -> Any:
        cluster.writers = []
        return listing(timeout_s)

    monkeypatch.setattr(cluster, "transactions", ended_meanwhile)

    held = (await told(client))["held"]

    assert [one["hangs"] for one in held] == [False]


async def test_without_transactions_the_page_says_so(
    client: Client, cluster: MadeCluster, state: State
) -> None:
    cluster.under_way, cluster.writers = [], []
    cluster.partitions[PLACE].stable = cluster.partitions[OTHER].stable = None
    await state.poller(None).look()

    assert "Nobody has written in a transaction." in await page(client, "/transactions")


async def test_a_cluster_that_does_not_tell_is_shown_as_such(
    client: Client, cluster: MadeCluster
) -> None:
    cluster.away = True

    shown = await page(client, "/transactions")

    assert "Transactions cannot be shown" in shown and "made to be away" in shown
    assert (await client.get("/api/v1/transactions")).status == 503


async def test_a_dry_run_names_what_would_be_aborted_and_aborts_nothing(
    client: Client, cluster: MadeCluster
) -> None:
    wish = {"transactional_id": "shop-1"}

    status, body = await Asked(client).act("end-transaction", wish)

    assert (status, body["changed"], cluster.changes) == (200, False, [])
    assert body["rows"] == [{"topic": "events", "partition": 0}]
    assert "its producer 7 fenced" in body["sentence"]


@pytest.mark.parametrize(
    ("name", "why"), [("shop-2", "it is in the state CompleteCommit"), ("none", "is not there")]
)
async def test_only_what_is_open_is_ended(
    client: Client, cluster: MadeCluster, name: str, why: str
) -> None:
    wish = {"transactional_id": name, "dry_run": False, "confirm": name}

    status, body = await Asked(client).act("end-transaction", wish)

    assert status == 409 and why in body["error"]
    assert cluster.changes == []


def test_an_administrator_is_needed() -> None:
    assert BY_NAME["end-transaction"].role is Role.ADMIN
