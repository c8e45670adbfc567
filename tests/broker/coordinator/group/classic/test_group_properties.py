"""Random joins, syncs, heartbeats, silences, leaves and restarts against a classic group."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from broker.coordinator.group.classic.messages import MemberIdentity
from broker.errors import ErrorCode
from tests.support.classic_group_driver import GroupDriver

CLIENTS = st.sampled_from(["a", "b", "c", "d"])


class ClassicGroupMachine(RuleBasedStateMachine):
    """Clients that follow the protocol, each under its own name; the leader shares partitions
    p0, p1, ... one to each member it was shown."""

    def __init__(self) -> None:
        super().__init__()
        self.driver = GroupDriver()
        self.ids: dict[str, str] = {}
        self.owners: dict[tuple[int, bytes], str] = {}
        self.memberships: dict[int, frozenset[str]] = {}
        self.newest_generation = 0
        self.synced_at: dict[str, int] = {}

    def learn(self) -> None:
        """What the answers so far tell the clients."""
        for name, answer in list(self.driver.answers.items()):
            if hasattr(answer, "assignment"):
                continue
            if answer.error in (ErrorCode.UNKNOWN_MEMBER_ID, ErrorCode.GROUP_MAX_SIZE_REACHED):
                self.ids.pop(name, None)
            if answer.error is not ErrorCode.NONE:
                continue
            self.ids[name] = answer.member_id
            assert answer.generation >= self.newest_generation
            self.newest_generation = answer.generation
            if answer.members:
                members = frozenset(member.member_id for member in answer.members)
                assert self.memberships.setdefault(answer.generation, members) == members

    @rule(client=CLIENTS)
    def join(self, client: str) -> None:
        response = self.driver.join(client, self.ids.get(client, ""))
        if response is not None and response.error is ErrorCode.MEMBER_ID_REQUIRED:
            self.driver.join(client, response.member_id)
        self.learn()

    @rule(client=CLIENTS)
    def ask_for_an_id_and_vanish(self, client: str) -> None:
        self.driver.join(f"{client} for a moment")
        self.driver.answers.pop(f"{client} for a moment")

    @rule(client=CLIENTS, generation_back=st.integers(0, 1))
    def sync(self, client: str, generation_back: int) -> None:
        member_id = self.ids.get(client)
        if member_id is None:
            return
        generation = self.newest_generation - generation_back
        members = sorted(self.memberships.get(generation, ()))
        shares = {member: f"p{number}".encode() for number, member in enumerate(members)}
        is_leader = self.driver.group.leader == member_id
        self.driver.sync(client, member_id, shares if is_leader else None, generation=generation)
        self.note_owners(generation)

    def note_owners(self, generation: int) -> None:
        for name, answer in self.driver.answers.items():
            if not hasattr(answer, "assignment") or answer.error is not ErrorCode.NONE:
                continue
            if answer.assignment:
                owner = self.owners.setdefault((generation, answer.assignment), self.ids[name])
                assert owner == self.ids[name], "two owners of a partition in one generation"
        for name in [n for n, a in self.driver.answers.items() if hasattr(a, "assignment")]:
            del self.driver.answers[name]

    @rule(client=CLIENTS)
    def heartbeat(self, client: str) -> None:
        if client in self.ids:
            error = self.driver.heartbeat(self.ids[client], self.newest_generation)
            if error is ErrorCode.UNKNOWN_MEMBER_ID:
                del self.ids[client]

    @rule(milliseconds=st.sampled_from([100, 4_000, 11_000, 61_000]))
    def let_time_pass(self, milliseconds: int) -> None:
        self.driver.advance(milliseconds)
        self.note_owners(self.newest_generation)
        self.learn()

    @rule(client=CLIENTS)
    def leave(self, client: str) -> None:
        member_id = self.ids.pop(client, None)
        if member_id is not None:
            self.driver.leave(MemberIdentity(member_id))
            self.driver.answers.pop(client, None)
            self.learn()

    @rule()
    def restart(self) -> None:
        self.driver.restart()
        self.learn()

    @precondition(lambda self: not self.driver.group.members)
    @rule()
    def an_empty_group_lets_the_next_one_in_at_once(self) -> None:
        assert self.driver.group.state in ("Empty", "PreparingRebalance")
        self.driver.answers.clear()
        self.join("a")
        self.driver.advance(61_000)  # a pending id, if there is one, may hold it up so long
        self.learn()

    @invariant()
    def generations_never_go_back(self) -> None:
        assert self.driver.group.generation >= self.newest_generation

    @invariant()
    def nobody_waits_without_an_end(self) -> None:
        if self.driver.group.parked_tokens():
            assert self.driver.group.next_deadline() < float("inf")

    @invariant()
    def the_leader_is_a_member(self) -> None:
        group = self.driver.group
        assert not group.members or group.leader in group.members

    @invariant()
    def a_stable_group_waits_for_nobody(self) -> None:
        if self.driver.group.state == "Stable":
            assert not self.driver.group.parked_tokens()


TestClassicGroup = ClassicGroupMachine.TestCase
TestClassicGroup.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
