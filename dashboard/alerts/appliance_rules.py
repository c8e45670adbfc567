"""Rules about our own roles, disk, beacons, exports and promises."""

from collections.abc import Callable, Iterator
from typing import Final

from dashboard.alerts.facts import (
    DIRECTORY,
    PROVIDER,
    Facts,
    disk_series,
    rejected_series,
    sign_in_series,
)
from dashboard.alerts.rule import Finding, Rule
from dashboard.alerts.window import increase, rate, slope
from dashboard.text import count, duration, percent, plural
from tracker.reports.crowds import Crowd

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 60 * MINUTE_MS
DAY_S: Final = 86_400.0
DISK_FULL: Final = 0.1
DISK_WATCHED: Final = 0.3
REJECTED_SHARE: Final = 0.05
BEACONS_ENOUGH: Final = 0.1  # a second
EXPORT_LATE_S: Final = 900.0
BURN: Final = 14.4 * 0.01  # of a promise of 99 %
QUIET_SHARE: Final = 0.1
SPIKE_TIMES: Final = 3
DROP_SHARE: Final = 0.2


def _roles(facts: Facts) -> Iterator[Finding]:
    for role in facts.roles_down:
        yield Finding({"role": role}, 0.0, f"The {role} role does not answer")


def _disk_fills(facts: Facts) -> Iterator[Finding]:
    for disk in facts.disks:
        fall = slope(facts.window.points(disk_series(disk), facts.now_ms, HOUR_MS))
        full_soon = fall is not None and disk.free_bytes + fall * 4 * 3600 < 0
        if full_soon and disk.free_share < DISK_WATCHED:
            said = f"{disk.path} is full within 4 h at this pace"
            yield Finding({"path": disk.path}, disk.free_bytes, said)


def _disk_full(facts: Facts) -> Iterator[Finding]:
    for disk in facts.disks:
        if disk.free_share < DISK_FULL:
            said = f"{disk.path} has {percent(disk.free_share)} free"
            yield Finding({"path": disk.path}, disk.free_share, said)


def _disk_hangs(facts: Facts) -> Iterator[Finding]:
    for path, waits_s in facts.disk_waits_s:
        yield Finding({"path": path}, waits_s, f"The disk of {path} does not answer")


def _rejected(facts: Facts) -> Iterator[Finding]:
    rates = {
        outcome: rate(facts.window.points(f"beacons\0{outcome}", facts.now_ms, 10 * MINUTE_MS))
        for outcome in facts.beacons
    }
    total = sum(value for value in rates.values() if value is not None)
    rejected = rates.get("rejected") or 0.0
    if total > BEACONS_ENOUGH and rejected / total > REJECTED_SHARE:
        share, said = rejected / total, ""
        if why := _main_reason(facts):
            said = f", most of them as {why.replace('_', ' ')}"
        yield Finding({}, share, f"{percent(share)} of beacons are rejected{said}")


def _main_reason(facts: Facts) -> str:
    """Why most of those that were rejected lately were; empty where it is not told."""
    points, now_ms = facts.window.points, facts.now_ms
    grown = {
        reason: increase(points(rejected_series(reason), now_ms, 10 * MINUTE_MS))
        for reason in facts.rejected
    }
    reason = max(grown, key=grown.__getitem__, default="")
    return reason if grown.get(reason) else ""


def _no_beacons(facts: Facts) -> Iterator[Finding]:
    before = facts.events_week_ago
    if not before:
        return
    points = facts.window.points("beacons\0accepted", facts.now_ms, 15 * MINUTE_MS)
    now = rate(points) or 0.0
    if now < QUIET_SHARE * before:
        yield Finding({}, now, "Ingest is below 10 % of the same time last week")


def _spike(facts: Facts) -> Iterator[Finding]:
    for one in _told(facts):
        now, before = one.last_hour, one.week_before or 0
        if now >= facts.crowd_from and now > SPIKE_TIMES * before:
            yield _crowd(one)


def _drop(facts: Facts) -> Iterator[Finding]:
    for one in _told(facts):
        now, before = one.last_hour, one.week_before or 0
        if before >= facts.crowd_from and now < DROP_SHARE * before:
            yield _crowd(one)


def _crowd(one: Crowd) -> Finding:
    said = f"{one.site} had {plural(one.last_hour, 'visitor')} in the last hour"
    return Finding(
        {"site": one.site},
        one.last_hour,
        f"{said}, {count(one.week_before or 0)} in it a week before",
    )


def _told(facts: Facts) -> Iterator[Crowd]:
    """Sites that were there a week before."""
    return (one for one in facts.crowds if facts.crowd_from and one.week_before is not None)


def _exports(facts: Facts) -> Iterator[Finding]:
    for sink, age_s in facts.exports_late_s:
        if age_s > EXPORT_LATE_S:
            said = f"Export to {sink} has not succeeded for {duration(age_s)}"
            yield Finding({"sink": sink}, age_s, said)


def _burn(facts: Facts) -> Iterator[Finding]:
    late = []
    for range_ms in (HOUR_MS, 5 * MINUTE_MS):
        points = facts.window.points
        all_of = increase(points("in all", facts.now_ms, range_ms))
        in_time = increase(points("in time", facts.now_ms, range_ms))
        if not all_of:
            return
        late.append(1 - in_time / all_of)
    if min(late) > BURN:
        yield Finding({}, min(late), "Event latency SLO (99 % within 5 s) burns 14x too fast")


def _probe(facts: Facts) -> Iterator[Finding]:
    lost = increase(facts.window.points("probes lost", facts.now_ms, 5 * MINUTE_MS))
    if lost > 0:
        said = f"{count(lost)} acknowledged probe records did not come back"
        yield Finding(facts.own_cluster, lost, said)


def _certificates(left_s: float) -> Callable[[Facts], Iterator[Finding]]:
    def ends(facts: Facts) -> Iterator[Finding]:
        for listener, end_s in facts.certificates_end_s.items():
            left = end_s - facts.now_ms / 1000
            if left < left_s:
                when = f"ends in {duration(left)}" if left > 0 else "has ended"
                said = f"The certificate of listener {listener} {when}"
                yield Finding(facts.own_cluster | {"listener": listener}, left, said)

    return ends


def _token_keys(facts: Facts) -> Iterator[Finding]:
    for listener, failures in facts.token_key_failures.items():
        if failures > 0:
            times = f"{count(failures)} {'times' if failures > 1 else 'time'}"
            said = f"Keys of tokens for listener {listener} were asked for {times} in vain"
            yield Finding(facts.own_cluster | {"listener": listener}, failures, said)


def _damaged(facts: Facts) -> Iterator[Finding]:
    for sink in facts.sinks_damaged:
        said = f"The file of sink {sink} is damaged: nothing is stored in it"
        yield Finding({"sink": sink}, 1.0, said)


def _away(asked: str, told: str) -> Callable[[Facts], Iterator[Finding]]:
    """Sign-ins found it away, and none after them was answered."""

    def away(facts: Facts) -> Iterator[Finding]:
        points = facts.window.points
        lost = increase(points(sign_in_series(asked, away=True), facts.now_ms, 10 * MINUTE_MS))
        answered = points(sign_in_series(asked, away=False), facts.now_ms, 5 * MINUTE_MS)
        if lost > 0 and not increase(answered) > 0:
            said = f"{told} did not answer {plural(round(lost), 'sign-in')} in ten minutes"
            yield Finding({}, lost, said)

    return away


RULES: Final = (
    Rule(
        "CertificateEndsSoon",
        "warning",
        600,
        "a listener's certificate ends within 14 days; quiet while CertificateEnds fires",
        _certificates(14 * DAY_S),
        under="CertificateEnds",
    ),
    Rule(
        "CertificateEnds",
        "critical",
        60,
        "a listener's certificate ends within a day",
        _certificates(DAY_S),
    ),
    Rule(
        "TokenKeysStale",
        "warning",
        300,
        "keys of tokens could not be fetched again, by a listener with OAUTHBEARER",
        _token_keys,
    ),
    Rule(
        "DirectoryAway",
        "warning",
        60,
        "the directory did not answer sign-ins, and has answered none since",
        _away(DIRECTORY, "The directory"),
    ),
    Rule(
        "ProviderAway",
        "warning",
        60,
        "the sign-in service did not answer sign-ins, and has answered none since",
        _away(PROVIDER, "The sign-in service"),
    ),
    Rule("RoleDown", "critical", 120, "a role does not answer its metrics", _roles),
    Rule(
        "DiskFillsSoon",
        "warning",
        600,
        "under 30 % is free, and at the pace of the last hour nothing within 4 h",
        _disk_fills,
    ),
    Rule("DiskAlmostFull", "critical", 120, "under 10 % of the disk is free", _disk_full),
    Rule(
        "DiskHangs",
        "critical",
        0,
        "a write or sync of the broker has taken over 5 s and goes on",
        _disk_hangs,
    ),
    Rule(
        "BeaconRejectRatio",
        "warning",
        600,
        "over 5 % of beacons rejected in 10 minutes, of more than 0.1 a second",
        _rejected,
    ),
    Rule(
        "NoBeacons",
        "warning",
        900,
        "under a tenth of the events of the same quarter of an hour last week",
        _no_beacons,
    ),
    Rule(
        "VisitorsSpike",
        "warning",
        300,
        "a site has over three times the visitors of the same hour a week before, and at least"
        " visitors_alert_from",
        _spike,
    ),
    Rule(
        "VisitorsDrop",
        "warning",
        900,
        "a site has under a fifth of the visitors of the same hour a week before, which had at"
        " least visitors_alert_from",
        _drop,
    ),
    Rule(
        "ExportStale",
        "warning",
        120,
        "events wait, and nothing was written for 15 minutes",
        _exports,
    ),
    Rule(
        "SinkDamaged",
        "critical",
        60,
        "the file of a sink is damaged, nothing is stored in it",
        _damaged,
    ),
    Rule(
        "E2ELatencyBudgetBurn",
        "critical",
        0,
        "over 14.4 % of events later than 5 s, in the last hour and in the last 5 minutes",
        _burn,
    ),
    Rule(
        "ProbeLost",
        "critical",
        120,
        "an acknowledged probe record was not read again in the last 5 minutes",
        _probe,
    ),
)
