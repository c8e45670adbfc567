"""Parameters of the JSON API: what cannot be is refused, and the document says what can."""

import pytest
from aiohttp import web

from dashboard.api.parameters import refuse_misfits
from tests.support.made_dashboard import Client

MESSAGES = "/api/v1/topics/{name}/messages"


@pytest.mark.parametrize(
    ("path", "query", "said"),
    [
        ("/api/v1/topics", {"limit": "-1"}, "limit must be a whole number from 0 on, not '-1'"),
        (MESSAGES, {"rows": "201"}, "rows must be a whole number from 1 to 200, not '201'"),
        (MESSAGES, {"rows": "0"}, "rows must be a whole number from 1 to 200, not '0'"),
        (MESSAGES, {"partition": "x"}, "partition must be a whole number from 0 on, not 'x'"),
        (MESSAGES, {"offset": "٣"}, "offset must be a whole number from 0 on, not '٣'"),
        (MESSAGES, {"since": "yesterday"}, "since must be a time such as 2026-11-22T14:02"),
        ("/api/v1/topics.csv", {"internal": "yes"}, "internal must be one of 1, not 'yes'"),
        ("/api/v1/history", {"range": "9y"}, "range must be one of 5m, 1h, 6h, 24h, 7d"),
        ("/api/v1/alerts", {"page": "9" * 5_000}, "page must be a whole number from 1 on"),
    ],
)
def test_a_value_that_cannot_be_is_refused_with_its_bounds(
    path: str, query: dict[str, str], said: str
) -> None:
    with pytest.raises(web.HTTPBadRequest) as refused:
        refuse_misfits(path, query)

    assert (refused.value.text or "").startswith(said)
    assert len(refused.value.text or "") < 200


@pytest.mark.parametrize(
    "query",
    [
        {"rows": "", "partition": "", "since": ""},
        {"rows": "200", "partition": "0", "offset": "9223372036854775807"},
        {"since": "2026-11-22T14:02"},
        {"since": "2026-11-22T14:02:03+02:00"},
        {"since": "1790000000000"},
        {"unknown": "x"},
    ],
)
async def test_what_can_be_is_let_through(client: Client, query: dict[str, str]) -> None:
    refuse_misfits(MESSAGES, query)
    answer = await client.get("/api/v1/topics/events/messages", params=query)

    assert answer.status == 200, await answer.text()


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/api/v1/topics?limit=-1", 400, "limit must be"),
        ("/api/v1/topics/events/messages?since=yesterday", 400, "since must be"),
        ("/api/v1/topics/events/messages?partition=99", 404, "there is no partition 99"),
        ("/api/v1/topics/events/messages.csv?partition=99", 404, "there is no partition 99"),
        ("/api/v1/topics/events/tail?partition=99", 404, "there is no partition 99"),
    ],
)
async def test_the_api_answers_with_the_reason(
    client: Client, path: str, status: int, said: str
) -> None:
    answer = await client.get(path)

    assert answer.status == status
    assert said in (await answer.json())["error"]
