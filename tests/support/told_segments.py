"""All that a segment tells, of a warehouse that is filled as the export role fills it."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from tests.support.made_events import DAY_MS, MIDNIGHT_MS, events, made_event
from tests.support.manual_clock import ManualClock
from tracker.events import Event, Scalar
from tracker.export.sqlite import SqliteExporter
from tracker.packs.visits import DIMENSIONS
from tracker.reports.measures import measures_of, pages_of
from tracker.reports.picked import Asked, Filter
from tracker.reports.segment import Segment
from tracker.rollups import Step
from tracker.sinks.exporter import Arrived
from tracker.topics import TopicPartition

WHERE = TopicPartition("events", 0)
MEASURED = TopicPartition("metrics", 0)
FUNNELS = (("/", "/*", "Signup"), ("/*", "/*", "engagement", "/a"), ("Signup", "/"))


def told(home: Path, asked: Asked) -> dict[str, Any]:
    """All that a segment tells."""
    with closing(Segment(home / "warehouse.db", asked)) as segment:
        found: dict[str, Any] = {one: segment.breakdown(one, 50) for one in DIMENSIONS}
        found["overview"] = segment.overview()
        found["series"] = [segment.timeseries(step) for step in (Step.HOUR, Step.DAY)]
        found["visits"] = [segment.visits(step) for step in (Step.HOUR, Step.DAY)]
        found["reading"] = segment.reading(50)
        found["revenue"] = segment.revenue()
        found["properties"] = segment.properties("Signup", 50)
        found["funnels"] = [segment.funnel(steps) for steps in FUNNELS]
        values = segment.values("lcp")
        found["measures"] = (measures_of(values.metrics), pages_of(values.pages, 50))
        return found


@contextmanager
def exporter(home: Path, clock: ManualClock) -> Iterator[SqliteExporter]:
    sink = SqliteExporter(home / "warehouse.db", clock=clock)
    sink.open()
    sink.positions([WHERE, MEASURED])
    yield sink
    sink.close()


def store(sink: SqliteExporter, found: Sequence[Event], where: TopicPartition = WHERE) -> None:
    """One flush, that packs at most once."""
    first = sink.positions([where])[where]
    records = [Arrived(where, first + place, one) for place, one in enumerate(found)]
    sink.write(records, {where: first + len(found)})
    sink.flush()


filters = st.lists(
    st.builds(
        Filter,
        st.sampled_from(
            ["page", "source", "country", "event", "prop.plan", "entry_page", "exit_page"]
        ),
        st.lists(
            st.sampled_from(
                ["/", "/a", "Google", "DE", "Signup", "engagement", "", "pro", "e", "RO", "A", ","]
            ),
            min_size=1,
            max_size=3,
        ).map(tuple),
        st.booleans(),
        st.booleans(),
    ),
    max_size=2,
).map(tuple)


@st.composite
def busy(draw: st.DrawFn) -> list[Event]:
    """With properties, amounts and times in view."""
    found = draw(events(max_size=12))
    for event in found:
        if event.event_name == "Signup":
            plans: list[Scalar] = ["pro", "free", True, 2]
            event.props = {"plan": draw(st.sampled_from(plans))}
            event.revenue_amount = draw(st.sampled_from([None, "1.5", "-2", "abc"]))
            event.revenue_currency = draw(st.sampled_from(["EUR", "USD", None]))
        if event.event_name == "engagement":
            event.page_view_id = draw(st.sampled_from(["v", "w"]))
            event.engagement_ms = draw(st.integers(-1, 5_000))
            event.scroll_depth = draw(st.sampled_from([None, 10, 90]))
    return found


@st.composite
def measured(draw: st.DrawFn, max_size: int = 20) -> list[Event]:
    """Values of the visitors of `busy`, and of some who did nothing else."""
    found = []
    for number in range(draw(st.integers(0, max_size))):
        at_ms = MIDNIGHT_MS + draw(st.integers(0, 3 * DAY_MS - 1))
        found.append(
            made_event(
                event_id=f"measured-{number}",
                event_name="web-vitals",
                site_id=draw(st.sampled_from(["example.com"] * 3 + ["other.org"])),
                occurred_at=at_ms,
                visitor_id=f"{at_ms // DAY_MS}-{draw(st.integers(0, 4))}",
                pathname=draw(st.sampled_from(["/", "/a b", None])),
                is_bot=draw(st.integers(0, 9)) == 0,
                metric_name=draw(st.sampled_from(["lcp", "cls", "checkout ms"])),
                metric_value=draw(st.sampled_from([0.0, -3.0, 0.2, 2_500.0, 2_501.0, 1e300])),
            )
        )
    return found
