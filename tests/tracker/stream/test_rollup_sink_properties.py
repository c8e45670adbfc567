"""However events are cut into transactions, and whichever fails, the tables are the same."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import example, given
from hypothesis import strategies as st

from tests.support.made_events import DAY_MS, MIDNIGHT_MS, made_event
from tests.support.sinks import KINDS, rollup_tables
from tracker.events import Event
from tracker.sinks.exporter import Arrived, SinkUnavailable
from tracker.topics import TopicPartition

WHERE = TopicPartition("events", 0)

crowded = st.lists(
    st.builds(
        lambda day, hour, visitor, page, name: (day, hour, visitor, page, name),
        st.integers(0, 1),
        st.sampled_from([0, 1, 23]),
        st.sampled_from("ab"),
        st.sampled_from(["/", "/p"]),
        st.sampled_from(["pageview", "pageview", "Signup"]),
    ),
    max_size=24,
).map(
    lambda rows: [
        made_event(
            number + 1,
            occurred_at=MIDNIGHT_MS + day * DAY_MS + hour * 3_600_000 + number * 60_000,
            visitor_id=f"{day}{visitor}",
            pathname=page,
            event_name=name,
        )
        for number, (day, hour, visitor, page, name) in enumerate(rows)
    ]
)
"""Few visitors who come again in the same hours: what a batch finds stored matters most here."""


def counted(
    path: Path, found: Sequence[Event], cuts: Sequence[int], failing: Sequence[bool]
) -> dict[str, list[tuple[object, ...]]]:
    """The tables after one transaction a cut; before some of them one that is rolled back."""
    sink = KINDS["rollups"].make(path)
    sink.open()
    sink.positions([WHERE])
    records = [Arrived(WHERE, offset, event) for offset, event in enumerate(found)]
    bounds = [0, *sorted(cuts), len(records)]
    for turn, (begin, end) in enumerate(pairwise(bounds)):
        sink.write(records[begin:end], {})
        if turn < len(failing) and failing[turn]:
            with closing(sqlite3.connect(path, isolation_level=None)) as db:
                db.execute(
                    "CREATE TRIGGER full BEFORE INSERT ON _offsets"
                    " BEGIN SELECT raise(ABORT, 'no'); END"
                )
            try:
                sink.flush()
            except (SinkUnavailable, sqlite3.IntegrityError):
                pass
            with closing(sqlite3.connect(path, isolation_level=None)) as db:
                db.execute("DROP TRIGGER full")
        sink.flush()
    sink.close()
    return rollup_tables(path)


THRICE = [
    made_event(number, occurred_at=MIDNIGHT_MS + hour * 3_600_000 + number)
    for number, hour in ((1, 0), (2, 1), (3, 1))
]
"""The second hour is new in the second transaction, and no longer in the third."""


@example(THRICE, [1, 2], [])
@example(THRICE, [1, 2], [True, True, True])
@given(crowded, st.lists(st.integers(0, 24), max_size=8), st.lists(st.booleans(), max_size=9))
def test_cuts_and_failed_transactions_change_no_table(
    found: list[Event], cuts: list[int], failing: list[bool]
) -> None:
    with TemporaryDirectory() as directory:
        home = Path(directory)

        in_one = counted(home / "one.db", found, [], [])
        in_many = counted(home / "many.db", found, [min(cut, len(found)) for cut in cuts], failing)

    assert in_many == in_one
