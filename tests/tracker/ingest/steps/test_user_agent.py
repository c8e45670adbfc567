"""Browser, system and kind of device."""

import pytest

from tests.support.tracked import IPHONE, a_visit, enriched
from tracker.ingest.steps.user_agent import USER_AGENT_CHARS_MAX, UserAgents


def test_a_browser_is_named() -> None:
    event = enriched(a_visit(user_agent=IPHONE))

    assert (event.browser, event.os, event.os_version) == ("Mobile Safari", "iOS", "17.5")
    assert event.device_type == "mobile"
    assert not event.is_bot


@pytest.mark.parametrize(
    ("user_agent", "device"),
    [
        (IPHONE, "mobile"),
        ("Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) AppleWebKit/605.1.15", "tablet"),
        ("Mozilla/5.0 (Linux; Android 14; Pixel 8) Chrome/126.0 Mobile Safari/537.36", "mobile"),
        ("Mozilla/5.0 (Linux; Android 14; SM-X710) Chrome/126.0 Safari/537.36", "tablet"),
        ("Mozilla/5.0 (SMART-TV; Linux; Tizen 7.0) AppleWebKit/537.36", "tv"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "desktop"),
        ("something else", "other"),
    ],
)
def test_a_device_is_of_a_kind(user_agent: str, device: str) -> None:
    assert enriched(a_visit(user_agent=user_agent)).device_type == device


def test_an_agent_that_says_nothing_has_no_browser() -> None:
    event = enriched(a_visit(user_agent="-"))

    assert (event.browser, event.os, event.device_type) == (None, None, "other")


def test_only_the_beginning_of_a_long_agent_is_looked_at() -> None:
    """Else each of a million made-up ones would cost its length."""
    agents = UserAgents()
    event = enriched()

    agents.apply(event, a_visit(user_agent="x" * USER_AGENT_CHARS_MAX + "Firefox/140.0"))
    agents.apply(event, a_visit(user_agent="x" * USER_AGENT_CHARS_MAX + "another end"))

    assert event.browser is None
    assert len(agents.agent) == 1
