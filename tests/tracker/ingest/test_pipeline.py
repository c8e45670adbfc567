"""From a hit to an event: what each step puts into it, and how it may end."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.tracked import NOW_MS, a_hit, a_visit, enriched, outcome, pipeline
from tracker.events import encode
from tracker.ingest.outcome import Dropped, Reason, Refused
from tracker.ingest.pipeline import DAY_MS, FUTURE_MS_MAX

GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15"
    " (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1"
)


def test_an_address_is_taken_apart() -> None:
    event = enriched(url="https://User@Example.COM:8443/a/b?x=1&y=2#part")

    assert (event.hostname, event.pathname, event.query) == ("example.com", "/a/b", "x=1&y=2")


def test_hash_routing_makes_the_fragment_a_part_of_the_path() -> None:
    event = enriched(url="https://example.com/app#/cart?step=2", hash_routing=True)

    assert (event.pathname, event.query) == ("/app#/cart", "step=2")


@pytest.mark.parametrize("url", ["/path", "example.com", "https://", "https:///x", "://x", ":"])
def test_an_address_without_a_host_is_refused(url: str) -> None:
    with pytest.raises(Refused) as refusal:
        enriched(url=url)

    assert (refusal.value.reason, refusal.value.step) == (Reason.SCHEMA_VIOLATION, "location")


@given(st.text(max_size=80))
def test_no_address_does_anything_but_enrich_or_refuse(url: str) -> None:
    try:
        event = enriched(url=url)
    except Refused:
        return

    assert event.hostname


def test_a_browser_is_named() -> None:
    event = enriched(a_visit(user_agent=IPHONE))

    assert (event.browser, event.os, event.os_version) == ("Mobile Safari", "iOS", "17.5")
    assert event.device_type == "mobile"
    assert not event.is_bot


@pytest.mark.parametrize("user_agent", [GOOGLEBOT, "curl/8.5.0", "python-requests/2.32", " "])
def test_a_bot_is_flagged_and_kept(user_agent: str) -> None:
    event = enriched(a_visit(user_agent=user_agent))

    assert event.is_bot
    assert event.bot_reason


def test_a_server_with_a_token_need_not_tell_a_user_agent() -> None:
    assert not enriched(a_visit(user_agent="", server_side=True)).is_bot


@pytest.mark.parametrize(
    ("address", "country"),
    [("8.8.8.8", "US"), ("2001:4860:4860::8888", "US"), ("10.0.0.1", None), ("nonsense", None)],
)
def test_an_address_has_a_country(address: str, country: str | None) -> None:
    assert enriched(a_visit(client_ip=address)).country == country


@pytest.mark.parametrize(("told", "country"), [("it", "IT"), ("XX", "US"), ("T1", "US")])
def test_a_proxy_that_knows_the_country_goes_first(told: str, country: str) -> None:
    assert enriched(a_visit(client_ip="8.8.8.8", country=told)).country == country


def test_a_visitor_is_the_same_all_day_and_another_tomorrow() -> None:
    now = enriched().visitor_id
    later = enriched(a_visit(received_at_ms=NOW_MS + 3_600_000)).visitor_id
    tomorrow = enriched(a_visit(received_at_ms=NOW_MS + DAY_MS)).visitor_id

    assert now == later
    assert now != tomorrow
    assert len(now) == 16


@pytest.mark.parametrize(
    "change",
    [{"client_ip": "198.51.100.8"}, {"user_agent": IPHONE}],
    ids=lambda change: next(iter(change)),
)
def test_another_address_or_browser_is_another_visitor(change: dict[str, Any]) -> None:
    assert enriched(a_visit(**change)).visitor_id != enriched().visitor_id


def test_the_same_person_on_another_site_is_another_visitor() -> None:
    other = enriched(site="strict.example", url="https://strict.example/")

    assert other.visitor_id != enriched().visitor_id


def test_an_ipv6_visitor_is_its_network() -> None:
    one = enriched(a_visit(client_ip="2001:db8:1:2::1")).visitor_id
    same = enriched(a_visit(client_ip="2001:db8:1:2:ffff::9")).visitor_id
    other = enriched(a_visit(client_ip="2001:db8:1:3::1")).visitor_id

    assert one == same
    assert one != other


def test_subdomains_of_a_site_share_their_visitors() -> None:
    shop = enriched(url="https://shop.example.com/")

    assert shop.visitor_id == enriched(url="https://www.example.com/").visitor_id


def test_neither_address_nor_user_agent_is_in_the_record() -> None:
    visit = a_visit(client_ip="203.0.113.77", user_agent=IPHONE + " Marker/9.9")

    record = encode(enriched(visit))

    assert b"203.0.113.77" not in record
    assert b"Marker" not in record


@pytest.mark.parametrize(
    ("offset_ms", "believed"),
    [
        (0, True),
        (-DAY_MS, True),
        (-DAY_MS - 1, False),
        (FUTURE_MS_MAX, True),
        (FUTURE_MS_MAX + 1, False),
    ],
)
def test_a_time_is_believed_within_bounds(offset_ms: int, believed: bool) -> None:
    event = enriched(timestamp_ms=NOW_MS + offset_ms)

    assert event.occurred_at == (NOW_MS + offset_ms if believed else NOW_MS)
    assert event.ts_adjusted is not believed


def test_a_server_may_tell_of_last_month() -> None:
    event = enriched(a_visit(server_side=True), timestamp_ms=NOW_MS - 30 * DAY_MS)

    assert not event.ts_adjusted


def test_a_blocked_address_is_not_counted() -> None:
    assert outcome(a_visit(client_ip="192.0.2.200")) == Dropped(Reason.BLOCKED_ADDRESS)


def test_global_privacy_control_is_honoured_when_it_is_set_so() -> None:
    visit = a_visit(gpc=True)

    assert pipeline(honour_gpc=True).run(a_hit(), visit) == Dropped(Reason.GPC)
    assert not isinstance(pipeline().run(a_hit(), visit), Dropped)


def test_a_site_that_nobody_registered_is_refused() -> None:
    with pytest.raises(Refused) as refusal:
        enriched(site="typo.example")

    assert refusal.value.reason is Reason.UNKNOWN_SITE


@pytest.mark.parametrize(
    ("origin", "foreign"),
    [("https://strict.example", False), ("https://thief.example", True), ("", False)],
)
def test_a_page_of_an_unlisted_host_is_flagged(origin: str, foreign: bool) -> None:
    event = enriched(a_visit(origin=origin), site="strict.example", url="https://strict.example/")

    assert event.is_foreign_origin is foreign


def test_an_event_without_an_id_gets_one() -> None:
    assert enriched().event_id != enriched().event_id
    assert enriched(event_id="abc").event_id == "abc"


def test_the_browsers_first_language_is_taken() -> None:
    assert enriched(a_visit(accept_language="de-CH,de;q=0.9")).language == "de-CH"
