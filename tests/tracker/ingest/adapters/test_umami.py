"""Umami's tracker is understood."""

import json
from typing import Any

import pytest

from tracker.events import WEB_VITALS
from tracker.ingest.adapters.umami import parse
from tracker.ingest.hit import Hit
from tracker.ingest.outcome import Refused


def sent(kind: str = "event", **payload: Any) -> bytes:
    known = {"website": "site", "hostname": "example.com", "url": "/a?b=c", "referrer": ""}
    return json.dumps({"type": kind, "payload": {**known, **payload}}).encode()


def hit(body: bytes) -> Hit:
    return parse(body).hits[0]


def test_a_page_view_has_no_name() -> None:
    seen = hit(sent(title="T", screen="1x2", timestamp=1_700_000_000))

    assert (seen.name, seen.url) == ("pageview", "https://example.com/a?b=c")
    assert seen.timestamp_ms == 1_700_000_000_000


def test_a_custom_event_has_a_name_and_data() -> None:
    seen = hit(sent(name="signup", data={"plan": "pro"}, tag="b"))

    assert (seen.name, seen.props) == ("signup", {"plan": "pro", "tag": "b"})


def test_performance_is_web_vitals() -> None:
    seen = hit(sent("performance", lcp=1200.5, cls=0.1))

    assert (seen.name, seen.metrics) == (WEB_VITALS, {"lcp": 1200.5, "cls": 0.1})


def test_identify_is_understood_and_not_kept() -> None:
    assert parse(sent("identify")).hits == []


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", sent("other"), b'{"type":"event"}'])
def test_the_rest_is_refused(body: bytes) -> None:
    with pytest.raises(Refused):
        parse(body)
