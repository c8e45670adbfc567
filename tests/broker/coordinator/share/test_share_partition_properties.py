"""Whatever members do: a record is never in two hands, and comes again until it is done with."""

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from broker.coordinator.share.acquiring import Giving, Portion, Readable
from broker.coordinator.share.in_flight import DONE, State
from broker.coordinator.share.records import ShareKey, ShareUpdate, decode_record, encode_record
from broker.coordinator.share.share_partition import (
    Acknowledge,
    Changes,
    Limits,
    SharePartition,
)
from broker.errors import KafkaError

KEY = ShareKey("g", bytes(16), 0)
LIMITS = Limits(delivery_count_max=3, in_flight_max=8, lock_ms=100)
MEMBERS = st.sampled_from(["a", "b", "c"])


class Sharing(RuleBasedStateMachine):
    """A log that grows, members that read it, and a broker that dies now and then."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.log_end = 0
        self.batches: list[Readable] = []
        self.one = SharePartition(start=0, end=0)
        self.recorded: list[tuple[bytes, bytes]] = []
        self.holds: dict[int, tuple[str, float]] = {}
        """offset -> who holds it until when, as the members see it"""
        self.deliveries: dict[int, int] = {}
        self.done: set[int] = set()
        self.record(self.one.snapshot(0))

    def record(self, value: object) -> None:
        key, encoded = encode_record(KEY, value)  # type: ignore[arg-type]
        self.recorded.append((key, encoded))
        decoded = decode_record(key, encoded)
        assert decoded is not None and decoded[2] == value
        self.one.apply(value, live=True)  # type: ignore[arg-type]
        self.one.landed(self.one.written)

    def change(self, changes: Changes) -> None:
        start = self.one.start_after(changes)
        for change in changes:
            for offset in range(change.first_offset, change.last_offset + 1):
                self.holds.pop(offset, None)
                if change.delivery_state in DONE:
                    self.done.add(offset)
        if changes or start != self.one.start:
            self.record(self.one.update(changes, start))

    @rule(count=st.integers(1, 6))
    def produce(self, count: int) -> None:
        self.batches.append(Readable(self.log_end, self.log_end + count - 1))
        self.log_end += count

    @rule(member=MEMBERS, records_max=st.integers(1, 5), strict=st.booleans())
    def fetch(self, member: str, records_max: int, strict: bool) -> None:
        offset = self.one.next_offset()
        batches = [batch for batch in self.batches if batch.last_offset >= offset]
        if not batches:
            return
        portion = Portion(records_max, batch_size=3, strict=strict)
        for run in Giving(self.one, member, portion, self.now, LIMITS).give(batches, offset):
            for given_offset in range(run.first_offset, run.last_offset + 1):
                assert given_offset not in self.holds, "a record in two hands"
                assert given_offset not in self.done, "a record that was done with"
                self.holds[given_offset] = (member, self.now + LIMITS.lock_ms)
                self.deliveries[given_offset] = self.deliveries.get(given_offset, 0) + 1
                assert run.delivery_count <= LIMITS.delivery_count_max

    @precondition(lambda self: self.holds)
    @rule(data=st.data(), kind=st.sampled_from([1, 2, 3, 4]))
    def answer(self, data: st.DataObject, kind: int) -> None:
        offset = data.draw(st.sampled_from(sorted(self.holds)))
        member, _ = self.holds[offset]
        if kind == Acknowledge.RENEW:
            self.holds[offset] = (member, self.now + LIMITS.lock_ms)
        answer = [(offset, offset, [kind])]
        self.change(self.one.acknowledge(member, answer, self.now, LIMITS))

    @rule(member=MEMBERS, first=st.integers(0, 20), count=st.integers(0, 4))
    def answer_for_others(self, member: str, first: int, count: int) -> None:
        """Only who holds all of it may answer, else nothing changes."""
        last = first + count
        held = [o for o in range(max(first, self.one.start), last + 1)]
        mine = all(self.holds.get(o, ("", 0.0))[0] == member for o in held)
        try:
            changes = self.one.acknowledge(member, [(first, last, [1])], self.now, LIMITS)
        except KafkaError:
            assert not mine or last >= self.one.end
            return
        assert mine
        self.change(changes)

    @rule(member=MEMBERS)
    def leave(self, member: str) -> None:
        self.change(self.one.release(member, LIMITS))
        assert all(holder != member for holder, _ in self.holds.values())

    @rule(passed=st.integers(1, 150))
    def time_passes(self, passed: int) -> None:
        self.now += passed
        self.change(self.one.late(self.now, LIMITS))
        assert all(ends_at > self.now for _, ends_at in self.holds.values())

    @rule()
    def broker_dies(self) -> None:
        """Everything answered for stays so; what was in somebody's hands is given again."""
        self.one = self.read_again()
        self.holds = {}

    def read_again(self) -> SharePartition:
        one = SharePartition()
        for key, value in self.recorded:
            decoded = decode_record(key, value)
            assert decoded is not None and decoded[2] is not None
            one.apply(decoded[2], live=False)
        return one

    @precondition(lambda self: self.holds)
    @rule(kinds=st.lists(st.sampled_from([1, 2, 3]), min_size=1, max_size=3))
    def answers_are_lost_on_a_full_disk(self, kinds: list[int]) -> None:
        """They were applied and not appended: who held the records holds them still."""
        before = {first: fate.count for first, _, fate in self.one.pieces()}
        for kind, offset in zip(kinds, sorted(self.holds), strict=False):
            answer = [(offset, offset, [kind])]
            changes = self.one.acknowledge(self.holds[offset][0], answer, self.now, LIMITS)
            self.one.apply(self.one.update(changes, self.one.start_after(changes)), live=True)

        again = self.read_again()
        again.take_over(self.one)

        self.one = again
        for first, _, fate in self.one.pieces():
            if fate.state is State.ACQUIRED and first in before:
                assert fate.count == before[first]

    @rule()
    def log_begins_anew(self) -> None:
        self.record(self.one.snapshot(1))
        self.recorded = self.recorded[-1:]

    @invariant()
    def every_record_has_a_fate(self) -> None:
        one = self.one
        fates = {o: fate for first, last, fate in one.pieces() for o in range(first, last + 1)}
        forgotten = one.in_flight.holes(one.start, one.end - 1)
        assert all(last < one.holes_end for _, last in forgotten)
        holes = {o for first, last in forgotten for o in range(first, last + 1)}
        assert sorted(fates.keys() | holes) == list(range(one.start, one.end))
        assert not holes & self.done and not holes & self.holds.keys()
        for offset, fate in fates.items():
            assert (fate.state is State.ACQUIRED) == (offset in self.holds)
            if offset in self.holds:
                assert (fate.member_id, fate.lock_ends_at) == self.holds[offset]
            if offset in self.done:
                assert fate.state in DONE
        assert all(offset in self.done for offset in range(one.start))

    def teardown(self) -> None:
        """A last member takes all there is: in the end nothing is left over."""
        self.leave("a"), self.leave("b"), self.leave("c")
        for _ in range(self.log_end + 1):
            self.fetch("a", 5, strict=False)
            for offset in sorted(self.holds):
                answer = [(offset, offset, [1])]
                self.change(self.one.acknowledge("a", answer, self.now, LIMITS))
        assert self.one.start == self.log_end
        assert set(range(self.log_end)) == self.done


TestSharing = Sharing.TestCase
TestSharing.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=30))
def test_an_update_says_no_more_than_what_changed(kinds: list[int]) -> None:
    one = SharePartition(start=0, end=0)
    limits = Limits(in_flight_max=100)
    last = len(kinds) - 1
    Giving(one, "a", Portion(100), 0, limits).give([Readable(0, last)], 0)

    changes = one.acknowledge("a", [(0, last, kinds)], 0, limits)
    update = one.update(changes, one.start_after(changes))

    assert isinstance(update, ShareUpdate)
    told = {o for b in update.state_batches for o in range(b.first_offset, b.last_offset + 1)}
    renewed = {o for o, kind in enumerate(kinds) if kind == Acknowledge.RENEW}
    assert told == {o for o in range(update.start_offset, len(kinds))} - renewed
