"""Random members, silences, restarts and topics against a KIP-848 group (spec 13.6)."""

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from broker.coordinator.group.consumer.assignors import ASSIGNORS, Subscriptions
from broker.coordinator.group.partitions import Assignment
from broker.errors import KafkaError
from tests.support.consumer_group_driver import Client, ConsumerDriver, cluster, topic_id

NAMES = st.sampled_from(["a", "b", "c", "d"])


class ConsumerGroupMachine(RuleBasedStateMachine):
    """The driver checks after every record that no partition is held by two members."""

    def __init__(self) -> None:
        super().__init__()
        self.driver = ConsumerDriver()
        self.clients = {name: Client(name) for name in "abcd"}
        self.newest_epoch = 0
        self.version = 1

    @rule(name=NAMES)
    def heartbeat(self, name: str) -> None:
        self.driver.beat(self.clients[name])

    @rule(name=NAMES, revokes=st.booleans())
    def become_slow_or_quick(self, name: str, revokes: bool) -> None:
        self.clients[name].revokes = revokes

    @rule(name=NAMES)
    def lose_an_answer(self, name: str) -> None:
        client = self.clients[name]
        before = client.epoch, client.owned, client.told
        self.driver.beat(client)
        if client.epoch != 0:
            client.epoch, client.owned, client.told = before
            client.says_all = True

    @rule(name=NAMES)
    def forget_everything(self, name: str) -> None:
        self.clients[name] = Client(name)

    @rule(name=NAMES)
    def join(self, name: str) -> None:
        """Its first answer names its whole share, but for what others have not given up yet."""
        others = {p for p, owner in self.driver.group.owners.items() if owner != name}

        response = self.driver.join(name)

        share = self.driver.group.target[name]
        told = response.assignment
        assert told == share - others
        topic = self.driver.image.topics.get("t")
        if self.driver.group.members.keys() == {name}:
            assert len(told) == (len(topic.partitions) if topic else 0)
        self.clients[name] = Client(name, response.member_epoch, owned=told, told=told)

    @rule(name=NAMES)
    def leave(self, name: str) -> None:
        try:
            self.driver.send(name, -1)
        except KafkaError:
            pass
        self.clients[name] = Client(name)

    @rule(milliseconds=st.sampled_from([1_000, 30_000, 61_000]))
    def let_time_pass(self, milliseconds: int) -> None:
        self.driver.advance(milliseconds)

    @rule(count=st.integers(0, 9))
    def change_the_topic(self, count: int) -> None:
        self.version += 1
        topics = {"t": count} if count else {}
        self.driver.image = cluster(self.version, **topics)

    @rule()
    def restart(self) -> None:
        self.driver.restart()

    @rule()
    def everybody_who_behaves_ends_with_all_partitions(self) -> None:
        for client in self.clients.values():
            client.revokes = True
        self.driver.settle(*self.clients.values(), rounds=12)

        topic = self.driver.image.topics.get("t")
        count = len(topic.partitions) if topic else 0
        owned = [p for client in self.clients.values() for p in client.owned]
        assert sorted(owned) == [(topic_id("t"), index) for index in range(count)]
        assert self.driver.group.state == "Stable"

    @invariant()
    def epochs_never_go_back(self) -> None:
        assert self.driver.group.epoch >= self.newest_epoch
        self.newest_epoch = self.driver.group.epoch


TestConsumerGroup = ConsumerGroupMachine.TestCase
TestConsumerGroup.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


TOPICS = {bytes([number]) * 16: count for number, count in enumerate([0, 1, 4, 7])}


@st.composite
def subscriptions(draw: st.DrawFn) -> Subscriptions:
    members = draw(st.sets(st.sampled_from("abcdef"), min_size=1))
    wanted = st.frozensets(st.sampled_from(sorted(TOPICS)))
    return Subscriptions({member: draw(wanted) for member in sorted(members)}, TOPICS)


def check_complete(wanted: Subscriptions, assignment: Assignment) -> None:
    """Each wanted partition goes to one member, and that one wants its topic."""
    given = [p for share in assignment.values() for p in share]
    expected = [(t, i) for t in wanted.wanted() for i in range(TOPICS[t])]
    assert sorted(given) == sorted(expected)
    for member, share in assignment.items():
        assert {topic for topic, _ in share} <= wanted.topics_of[member]
    assert assignment.keys() == wanted.topics_of.keys()


@settings(deadline=None)
@given(before=subscriptions(), after=subscriptions())
def test_assignors_give_every_partition_to_one_subscriber(
    before: Subscriptions, after: Subscriptions
) -> None:
    for assign in ASSIGNORS.values():
        first = assign(before, {})
        check_complete(before, first)
        check_complete(after, assign(after, first))
        assert assign(before, first) == first, "the same question has the same answer"


@settings(deadline=None)
@given(before=subscriptions(), after=subscriptions())
def test_where_wishes_differ_no_single_move_would_be_fairer(
    before: Subscriptions, after: Subscriptions
) -> None:
    assignment = ASSIGNORS["uniform"](after, ASSIGNORS["uniform"](before, {}))

    for giver, share in assignment.items():
        for topic, _ in share:
            for taker in after.wanted()[topic]:
                assert len(share) - len(assignment[taker]) <= 1 or taker == giver


@given(subscriptions())
def test_the_uniform_assignor_is_even_where_all_want_the_same(wanted: Subscriptions) -> None:
    same = Subscriptions(dict.fromkeys(wanted.topics_of, frozenset(TOPICS)), TOPICS)

    loads = [len(share) for share in ASSIGNORS["uniform"](same, {}).values()]

    assert max(loads) - min(loads) <= 1


@given(st.integers(1, 6), st.integers(1, 6))
def test_the_uniform_assignor_moves_no_more_than_it_must(members: int, joining: int) -> None:
    def question(count: int) -> Subscriptions:
        names = [f"m{number}" for number in range(count)]
        return Subscriptions(dict.fromkeys(names, frozenset(TOPICS)), TOPICS)

    before = ASSIGNORS["uniform"](question(members), {})
    after = ASSIGNORS["uniform"](question(members + joining), before)

    moved = sum(len(after[name] - before.get(name, frozenset())) for name in after)
    assert moved == sum(len(after[f"m{n}"]) for n in range(members, members + joining))
