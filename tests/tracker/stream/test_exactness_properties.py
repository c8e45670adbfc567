"""Whatever happens between the log and the sink, the tables end as after one clean pass.

Both sinks run through the real worker over a topic in memory. The steps that Hypothesis picks are
what production brings: portions of any size, a process that dies before its transaction, or
between the transaction and the commit to Kafka, a commit that Kafka refuses, partitions that move
between two instances, an old instance that wakes up with records another one has handled.
"""

from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.made_events import events
from tests.support.sinks import KINDS, Instance, finish, topic_of
from tracker.events import Event
from tracker.sinks.worker import Pace


class Died(Exception):
    """The process ended here."""


def killed(instance: Instance, before: str, pace: Pace) -> None:
    """One turn that ends by kill -9 before the sink's transaction, or the commit to Kafka."""

    def die(*_: object) -> None:
        raise Died

    setattr(instance.sink if before == "flush" else instance.consumer, before, die)
    with suppress(Died):
        instance.worker.step(pace)
    instance.sink.close()


steps = st.lists(
    st.tuples(
        st.sampled_from(
            ["turn", "turn", "turn", "die before flush", "die before commit", "commits fail",
             "commits work", "rebalance", "other turns"]
        ),
        st.integers(1, 7),
    ),
    max_size=12,
)  # fmt: skip


@pytest.mark.parametrize("name", KINDS)
@given(found=events(25), repeats=st.lists(st.integers(0, 24), max_size=6), plan=steps)
def test_crashes_and_rebalances_leave_the_tables_of_one_clean_pass(
    name: str, found: list[Event], repeats: list[int], plan: list[tuple[str, int]]
) -> None:
    kind = KINDS[name]
    sent = found + [found[index] for index in repeats if index < len(found)]
    with TemporaryDirectory() as directory:
        clean, stormy = Path(directory) / "clean.db", Path(directory) / "stormy.db"
        finish(kind, clean, topic_of(sent))
        topic = topic_of(sent)
        instances = [Instance.started(kind, stormy, topic) for _ in range(2)]
        instances[1].consumer.rebalance([])

        for step, size in plan:
            if step == "turn":
                instances[0].worker.step(Pace(size, 1))
            elif step == "other turns":
                instances[1].worker.step(Pace(size, 1))
            elif step.startswith("die"):
                killed(instances[0], step.removeprefix("die before "), Pace(size, 1))
                instances[0] = Instance.started(kind, stormy, topic)
            elif step == "rebalance":
                shared = topic.partitions[: size % 3]
                instances[0].consumer.rebalance(shared)
                instances[1].consumer.rebalance(
                    [one for one in topic.partitions if one not in shared or size > 5]
                )
            else:
                topic.commits_fail = step == "commits fail"
        for instance in instances:
            instance.sink.close()
        topic.commits_fail = False
        finish(kind, stormy, topic)

        assert kind.tables(stormy) == kind.tables(clean)


@pytest.mark.parametrize("name", KINDS)
@given(data=st.data(), found=events(25))
def test_the_order_of_events_changes_no_table(
    name: str, data: st.DataObject, found: list[Event]
) -> None:
    if name == "sqlite":  # its rows tell where in the log they stood
        found = found[:1]
    kind = KINDS[name]
    shuffled = data.draw(st.permutations(found))
    with TemporaryDirectory() as directory:
        first, second = Path(directory) / "first.db", Path(directory) / "second.db"

        finish(kind, first, topic_of(found))
        finish(kind, second, topic_of(shuffled))

        assert kind.tables(first) == kind.tables(second)
