"""What is not a person is flagged, and kept."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.tracked import a_visit, enriched
from tracker.ingest.steps.bots import NO_USER_AGENT, REASON_CHARS_MAX, Bots

GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
BOTS = Bots()


@pytest.mark.parametrize("user_agent", [GOOGLEBOT, "curl/8.5.0", "python-requests/2.32", " "])
def test_a_bot_is_flagged_and_kept(user_agent: str) -> None:
    event = enriched(a_visit(user_agent=user_agent))

    assert event.is_bot
    assert event.bot_reason


def test_a_server_with_a_token_need_not_tell_a_user_agent() -> None:
    assert not enriched(a_visit(user_agent="", server_side=True)).is_bot


def test_the_reason_is_the_word_that_gave_it_away() -> None:
    event = enriched(a_visit(user_agent=GOOGLEBOT))

    assert event.bot_reason == "user_agent:Googlebot/"


def test_a_browser_is_no_bot() -> None:
    event = enriched()

    assert (event.is_bot, event.bot_reason) == (False, None)


def test_nothing_at_all_is_a_reason_of_its_own() -> None:
    assert enriched(a_visit(user_agent="")).bot_reason == NO_USER_AGENT


@given(st.text(max_size=5_000))
@settings(max_examples=50)
def test_a_reason_is_bounded_and_never_the_whole_agent(user_agent: str) -> None:
    reason = BOTS.reason(user_agent)

    assert reason is None or len(reason) <= len("user_agent:") + REASON_CHARS_MAX
