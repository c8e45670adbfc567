"""The bounds of an engine, and what stays of an alert from one look to the next."""

from collections.abc import Iterator

from dashboard.alerts.engine import ACTIVE_MAX, Engine
from dashboard.alerts.facts import Facts
from dashboard.alerts.rule import Finding, Rule

MINUTE_MS = 60_000
NOW_MS = 1_700_000_000_000


def of_roles(count: int, for_s: int = 0) -> Rule:
    """A rule that finds so many roles down."""

    def find(_: Facts) -> Iterator[Finding]:
        for number in range(count):
            yield Finding({"role": str(number)}, 1.0, "down")

    return Rule("RoleDown", "critical", for_s, "a role is down", find)


def test_more_alerts_than_a_cluster_can_have_are_not_kept() -> None:
    engine = Engine([of_roles(ACTIVE_MAX - 1), of_roles(ACTIVE_MAX + 5)])

    news = engine.evaluate(Facts(NOW_MS))

    assert len(engine.active) == ACTIVE_MAX
    assert len(news) >= ACTIVE_MAX


def test_an_alert_keeps_its_beginning_and_fires_once_its_time_is_full() -> None:
    engine = Engine([of_roles(1, for_s=60)])

    told = [engine.evaluate(Facts(NOW_MS + after_ms)) for after_ms in (0, 59_999, 60_000, 75_000)]

    assert [len(news) for news in told] == [0, 0, 1, 0]
    (alert,) = engine.firing()
    assert (alert.since_ms, alert.fired_at_ms) == (NOW_MS, NOW_MS + MINUTE_MS)
    assert len(alert.fingerprint) == 16  # Alertmanager's are as long
