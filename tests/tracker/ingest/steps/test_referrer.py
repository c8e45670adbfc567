"""Where a visitor came from: source, medium and channel."""

import pytest

from tests.support.tracked import enriched


@pytest.mark.parametrize(
    ("referrer", "source", "channel"),
    [
        (None, "Direct", "Direct"),
        ("https://www.google.com/", "Google", "Organic Search"),
        ("https://www.google.co.uk/search?q=x", "Google", "Organic Search"),
        ("https://google.evil.example/", "google.evil.example", "Referral"),
        ("https://mail.google.com/", "Gmail", "Email"),
        ("https://gemini.google.com/app", "Gemini", "AI Assistants"),
        ("https://search.yahoo.co.jp/", "Yahoo", "Organic Search"),
        ("https://t.co/abc", "X", "Organic Social"),
        ("https://out.reddit.com/", "Reddit", "Organic Social"),
        ("https://news.ycombinator.com/item?id=1", "Hacker News", "Organic Social"),
        ("https://www.youtube.com/watch", "YouTube", "Organic Video"),
        ("https://chatgpt.com/", "ChatGPT", "AI Assistants"),
        ("android-app://com.google.android.gm/", "Gmail", "Email"),
        ("https://blog.friend.example:8443/post", "blog.friend.example", "Referral"),
        ("not an address", "Direct", "Direct"),
    ],
)
def test_a_referrer_has_a_source_and_a_channel(
    referrer: str | None, source: str, channel: str
) -> None:
    event = enriched(referrer=referrer)

    assert (event.source, event.channel) == (source, channel)


@pytest.mark.parametrize(
    ("query", "source", "medium", "channel"),
    [
        ("utm_source=newsletter&utm_medium=email", "Mailchimp", "email", "Email"),
        ("utm_source=google&utm_medium=cpc", "Google", "cpc", "Paid Search"),
        ("utm_source=fb&utm_medium=paid_social", "Facebook", "paid_social", "Paid Social"),
        ("utm_source=partner&utm_medium=affiliate", "partner", "affiliate", "Affiliates"),
        ("utm_source=x&utm_medium=banner", "X", "banner", "Display"),
        ("ref=producthunt.com", "Product Hunt", None, "Organic Social"),
        ("gclid=Cj0", "Google", "cpc", "Paid Search"),
        ("fbclid=Iw", "Facebook", "social", "Organic Social"),
        ("utm_source=Ann%20%26%20Bob", "Ann & Bob", None, "Referral"),
    ],
)
def test_a_campaign_goes_before_the_referrer(
    query: str, source: str, medium: str | None, channel: str
) -> None:
    event = enriched(url=f"https://example.com/?{query}", referrer=None)

    assert (event.source, event.medium, event.channel) == (source, medium, channel)


def test_walking_from_page_to_page_is_not_an_arrival() -> None:
    event = enriched(url="https://www.example.com/b", referrer="https://example.com/a")

    assert (event.source, event.medium, event.channel) == (None, "internal", None)


def test_what_people_searched_for_elsewhere_is_not_kept() -> None:
    event = enriched(referrer="https://www.google.com/search?q=my+illness#x")

    assert event.referrer == "https://www.google.com/search"
    assert event.referrer_host == "www.google.com"


def test_the_value_of_a_click_id_is_only_in_the_query() -> None:
    event = enriched(url="https://example.com/?gclid=secret")

    assert event.click_id_type == "gclid"
    assert event.utm_source is None
