"""Pipeline (/pipeline): beacons by reason, how old events are at each stage, export freshness."""

from dataclasses import dataclass

from dashboard.cluster.health import SinkWait
from dashboard.metrics.beacons import WORDS
from dashboard.metrics.roles import Sample, quantile
from dashboard.pages.page import Page, Values, Visit

STAGES = (("log", "in the log"), ("consumer", "counted"), ("export", "in the warehouse"))


@dataclass(frozen=True, slots=True)
class Stage:
    """Age of events when they reach a stage, since its role started."""

    name: str
    events: float
    p50_s: float | None
    p99_s: float | None


@dataclass(frozen=True, slots=True)
class Sink:
    """One warehouse."""

    name: str
    age_s: float | None
    lag_s: float | None
    rows: float
    failures: float
    wait: SinkWait | None = None  # None: it takes what it is given


async def values(visit: Visit) -> Values:
    """Everything from the roles' own metrics; empty where a role is down."""
    roles = visit.state.roles
    beacons = roles.samples("footfall_beacons_total")
    reasons = sorted(
        ((_label(s, "outcome"), _label(s, "reason"), s.value) for s in beacons if s.value),
        key=lambda row: -row[2],
    )
    accepted = sum(value for outcome, _, value in reasons if outcome == "accepted")
    latency = roles.samples("footfall_event_e2e_latency_seconds")
    return {
        "roles": [(role, roles.page(role) is not None) for role in roles.roles],
        "reasons": reasons,
        "words": WORDS,
        "accepted": accepted,
        "total": sum(value for _, _, value in reasons),
        "stages": [_stage(latency, stage, name) for stage, name in STAGES],
        "sinks": _sinks(visit),
        "probe": visit.state.probe,
    }


def _label(sample: Sample, name: str) -> str:
    return sample.labels.get(name, "")


def _stage(samples: list[Sample], stage: str, name: str) -> Stage:
    mine = [sample for sample in samples if _label(sample, "stage") == stage]
    events = sum(sample.value for sample in mine if sample.name.endswith("_count"))
    return Stage(name, events, quantile(mine, 0.5), quantile(mine, 0.99))


def _sinks(visit: Visit) -> list[Sink]:
    roles = visit.state.roles
    now_s = visit.state.clock.now_ms() / 1000
    last = roles.samples("footfall_export_last_success_timestamp_seconds")
    ages = {_label(s, "sink"): max(0.0, now_s - s.value) for s in last if s.value > 0}
    lags = {_label(s, "sink"): s.value for s in roles.samples("footfall_export_lag_seconds")}
    rows = _sums(roles.samples("footfall_export_rows_total"))
    failures = _sums(roles.samples("footfall_export_failures_total"))
    waits = {wait.sink: wait for wait in visit.state.sink_waits()}
    return [
        Sink(
            name,
            ages.get(name),
            lags.get(name),
            rows.get(name, 0),
            failures.get(name, 0),
            waits.get(name),
        )
        for name in sorted({*ages, *lags, *rows, *waits})
    ]


def _sums(samples: list[Sample]) -> dict[str, float]:
    sums: dict[str, float] = {}
    for sample in samples:
        sums[_label(sample, "sink")] = sums.get(_label(sample, "sink"), 0.0) + sample.value
    return sums


PAGE = Page("Pipeline", "/pipeline", "pipeline.html", values, nav="pipeline")
