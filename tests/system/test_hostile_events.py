"""Topics `events` and `metrics` are open to any Kafka client: every role goes on all the same.

What sinks make of each kind of event is in tests/tracker/sinks/test_hostile_events.py. Here the
processes are real, and pages are asked for as well.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer

from tests.support.appliance import Appliance, eventually, fetch
from tests.support.made_events import YEAR_10000_MS, made_event
from tracker.events import encode

pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]

SECONDS = 90.0
SITE = "example.com"
GOOD: dict[str, Any] = json.loads(encode(made_event(1)))
DEEP = b"[" * 100_000 + b"]" * 100_000
FIELDS: tuple[dict[str, Any], ...] = (
    *({"revenue_amount": one, "revenue_currency": "EUR"} for one in ("abc", "NaN", "1e999999", "")),
    *({"revenue_amount": "1", "revenue_currency": one} for one in ("€€€", "", "x" * 9_999)),
    {"occurred_at": -1},
    {"occurred_at": YEAR_10000_MS - 1},
    {"received_at": YEAR_10000_MS},
    {"engagement_ms": 2**63 - 1, "event_name": "engagement"},
    {"scroll_depth": -(2**62), "engagement_ms": -1},
    {"props": {"": "", "\x00": 1e308, "a": 2**63}},
    {"props": {"deep": [[1]]}},
    {"visitor_id": "", "event_name": "", "pathname": ""},
    {"pathname": "/\u202e\x00" + "x" * 50_000},
    {"metric_name": "lcp", "metric_value": 1e308},
)
BYTES = (
    b"",
    b"\xff",
    b"null",
    DEEP,
    b'{"a": ' + DEEP + b"}",
    b'{"event_id": "\\ud800"}',
    b'{"a": NaN}',
)


def told(appliance: Appliance, page: str) -> str:
    status, text = fetch(f"http://127.0.0.1:{appliance.ports['dashboard']}{page}")
    assert status == 200, text
    return text


def test_roles_and_pages_go_on(tmp_path: Path) -> None:
    appliance = Appliance(tmp_path)
    try:
        appliance.start()
        producer = Producer({"bootstrap.servers": appliance.bootstrap})
        hostile: list[str | bytes] = [
            *(json.dumps({**GOOD, "event_id": f"h{at}", **one}) for at, one in enumerate(FIELDS)),
            *BYTES,
        ]
        for topic in ("events", "metrics"):
            for value in hostile:
                producer.produce(topic, value)
            last = {**GOOD, "event_id": f"last of {topic}", "metric_name": "x", "metric_value": 1}
            producer.produce(topic, json.dumps(last))
        assert producer.flush(30) == 0

        eventually(
            lambda: (
                appliance.warehouse(
                    "SELECT (SELECT count(*) FROM events WHERE event_id LIKE 'last%')"
                    " + (SELECT count(*) FROM metrics WHERE event_id LIKE 'last%')"
                )
                == [(2,)]
            ),
            SECONDS,
            appliance.told.text,
        )
        for query in ("", "&period=all", "&period=all&is.page=/", "&period=all&pages=reading"):
            assert SITE in told(appliance, f"/activity?site={SITE}{query}")
        assert "footfall_export_amounts_dropped_total" in told(appliance, "/metrics")
        assert appliance.stop() == 0
    finally:
        appliance.close()
    assert not [line for line in appliance.told.lines if "Traceback" in line or "again in" in line]
