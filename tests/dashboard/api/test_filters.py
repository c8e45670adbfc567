"""The expression filter: the same for pages, programs, files and those who follow."""

import csv
import io
import json
from dataclasses import replace
from html import unescape
from urllib.parse import quote

import pytest

from dashboard.config import MaskConfig
from dashboard.filters.expressions import Expressions, TooCostly
from dashboard.masking.rules import Masks
from tests.support.made_cluster import MadeCluster, MadePartition
from tests.support.made_dashboard import Client
from tracker.topics import TopicPartition

pytestmark = pytest.mark.may_block

PLACE = TopicPartition("users", 0)
LARGE = "record.value.n >= 98"
TOPIC = "/api/v1/topics/users"


@pytest.fixture
def cluster() -> MadeCluster:
    """Topic `users` of 100 records; every tenth is no JSON."""
    made = MadeCluster()
    made.add_topic("users", MadePartition(end=100))
    for offset in range(100):
        value = b"plain" if offset % 10 == 0 else b'{"n": %d, "mail": "ann@x.org"}' % offset
        made.values[PLACE, offset] = replace(made._some(PLACE, offset), value=value)
    return made


async def test_programs_find_what_fits_and_hear_what_could_not_be_tested(client: Client) -> None:
    found = await (await client.get(f"{TOPIC}/messages", params={"filter": LARGE})).json()

    assert [row["offset"] for row in found["rows"]] == [99, 98]
    assert found["scanned"] == 100
    assert found["untested"].startswith("10 records could not be tested: ")


async def test_the_page_says_it_too_and_keeps_the_expression(client: Client) -> None:
    address = f"/topics/users?tab=messages&filter={quote(LARGE)}"
    page = unescape(await (await client.get(address)).text())

    assert "2 records shown, 100 looked at" in page
    assert "10 records could not be tested" in page
    assert f'value="{LARGE}"' in page


async def test_files_have_the_same_records_and_say_the_same_at_their_end(client: Client) -> None:
    table = await (await client.get(f"{TOPIC}/messages.csv", params={"filter": LARGE})).text()
    whole = await (await client.get(f"{TOPIC}/messages.json", params={"filter": LARGE})).json()
    *rows, last = csv.DictReader(io.StringIO(table))

    assert [row["offset"] for row in rows] == ["98", "99"]
    assert "10 records could not be tested" in last["note"]
    assert [row["offset"] for row in whole["rows"]] == [98, 99]
    assert whole["untested"] in last["note"]


async def test_it_goes_with_the_other_filters(client: Client) -> None:
    query = {"filter": LARGE, "q": "99", "partition": "0"}

    found = await (await client.get(f"{TOPIC}/messages", params=query)).json()

    assert [row["offset"] for row in found["rows"]] == [99]
    assert found["untested"] == ""  # those are not looked at that other filters leave out


async def test_who_follows_gets_what_fits(client: Client, cluster: MadeCluster) -> None:
    async with client.get(f"{TOPIC}/tail", params={"filter": "record.value.n > 200"}) as stream:
        await stream.content.readuntil(b"nothing new")
        for offset, value in ((100, b'{"n": 150}'), (101, b'{"n": 250}'), (102, b"plain")):
            cluster.values[PLACE, offset] = replace(cluster._some(PLACE, offset), value=value)
        cluster.partitions[PLACE].end = 103

        await stream.content.readuntil(b"data: ")
        told = json.loads(await stream.content.readline())

    assert [row["offset"] for row in told["rows"]] == [101]
    assert (told["looked"], told["untested"]) == (3, 1)


@pytest.mark.parametrize("form", ["messages", "messages.csv", "messages.json", "tail"])
async def test_what_is_no_expression_is_a_400_that_names_the_place(
    client: Client, cluster: MadeCluster, form: str
) -> None:
    answer = await client.get(f"{TOPIC}/{form}", params={"filter": "record.value.n >= "})

    assert answer.status == 400
    assert "column 18" in (await answer.json())["error"]
    assert "read" not in cluster.asked


async def test_the_page_says_what_is_wrong_with_it_and_lets_people_mend_it(client: Client) -> None:
    hostile = """record.nope == '"><img src=x onerror=alert(1)>'"""
    answer = await client.get("/topics/users", params={"tab": "messages", "filter": hostile})
    page = await answer.text()

    assert "undeclared reference" in page and "column 7" in page
    assert hostile in unescape(page) and "<img" not in page
    assert 'name="filter"' in page and 'aria-invalid="true"' in page


async def test_one_that_costs_too_much_ends_the_search_with_that_reason(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def test(*_: object) -> None:
        raise TooCostly("the expression took more than 1 s for 90 records")

    monkeypatch.setattr(Expressions, "test", test)
    found = await (await client.get(f"{TOPIC}/messages", params={"filter": LARGE})).json()

    assert found["rows"] == []
    assert found["stopped"] == "the expression took more than 1 s for 90 records"


@pytest.mark.parametrize(
    "settings",
    [{"masks": Masks({"mail": MaskConfig(topics="users", fields=("mail",))}, b"secret")}],
)
async def test_it_sees_no_more_than_masks_leave(client: Client) -> None:
    query = {"filter": "record.valueAsText.contains('ann') || record.value.mail.contains('ann')"}

    found = await (await client.get(f"{TOPIC}/messages", params=query)).json()

    assert found["rows"] == []


@pytest.mark.parametrize("settings", [{"messages": False}])
async def test_without_messages_nothing_is_tested(client: Client) -> None:
    answer = await client.get(f"{TOPIC}/messages", params={"filter": LARGE})

    assert answer.status == 403
