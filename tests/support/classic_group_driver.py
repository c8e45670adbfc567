"""Drives one classic group by hand: requests in, answers collected, records applied at once."""

from collections.abc import Callable
from dataclasses import dataclass, field

from broker.coordinator.group.asking import Moment
from broker.coordinator.group.classic import join as classic_join
from broker.coordinator.group.classic import member_calls as classic_member_calls
from broker.coordinator.group.classic import rebalance as classic_rebalance
from broker.coordinator.group.classic.group import ClassicGroup, GroupLimits
from broker.coordinator.group.classic.member import Protocol
from broker.coordinator.group.classic.messages import (
    JoinRequest,
    JoinResponse,
    LeaveResult,
    MemberIdentity,
    Step,
    SyncRequest,
    SyncResponse,
)
from broker.coordinator.group.record_parts import Record
from broker.coordinator.group.records import decode_record, encode_record
from broker.errors import ErrorCode, KafkaError

RANGE = (Protocol("range", b"r"),)


@dataclass
class GroupDriver:
    """Tokens are the names under which a test asks; `answers` keeps the last answer to each."""

    limits: GroupLimits = field(default_factory=lambda: GroupLimits(initial_rebalance_delay_ms=0))
    now: Moment = field(default_factory=lambda: Moment(0.0, 1_700_000_000_000))
    answers: dict[str, JoinResponse | SyncResponse] = field(default_factory=dict)
    records: list[Record] = field(default_factory=list)
    ids_made: int = 0

    def __post_init__(self) -> None:
        self.group: ClassicGroup[str] = ClassicGroup("g", self.limits)

    def advance(self, milliseconds: float) -> None:
        """Let time pass, waking the group at each of its deadlines on the way."""
        end = self.now.monotonic_ms + milliseconds
        while self.group.next_deadline() <= end:
            self._move_to(max(self.group.next_deadline(), self.now.monotonic_ms))
            self.change(lambda step: classic_rebalance.expire(self.group, self.now, step))
        self._move_to(end)

    def _move_to(self, monotonic_ms: float) -> None:
        passed = monotonic_ms - self.now.monotonic_ms
        self.now = Moment(monotonic_ms, self.now.wall_ms + int(passed))

    def change(self, act: Callable[[Step[str]], None]) -> None:
        """Decide, append, apply; then let the answers out."""
        step: Step[str] = Step()
        act(step)
        for record in step.records:
            again = decode_record(*encode_record(record))
            assert again == record
            self.records.append(record)
            self.group.apply(record.value)
        for answer in step.answers:
            self.answers[answer.token] = answer.response

    def join(
        self,
        name: str,
        member_id: str = "",
        *,
        instance: str | None = None,
        protocols: tuple[Protocol, ...] = RANGE,
        protocol_type: str = "consumer",
        session_ms: int = 10_000,
        rebalance_ms: int = 60_000,
        version: int = 9,
    ) -> JoinResponse | None:
        """Ask to join under the token `name`; None when the request waits."""
        self.ids_made += 1
        request = JoinRequest(
            group_id="g",
            member_id=member_id,
            group_instance_id=instance,
            client_id=name,
            client_host="/127.0.0.1",
            session_timeout_ms=session_ms,
            rebalance_timeout_ms=rebalance_ms,
            protocol_type=protocol_type,
            protocols=protocols,
            new_member_id=f"{name}-{self.ids_made}",
            requires_known_member_id=version >= 4,
            supports_skipping_assignment=version >= 9,
        )
        self.answers.pop(name, None)

        def act(step: Step[str]) -> None:
            try:
                response = classic_join.join(self.group, request, name, self.now, step)
            except KafkaError as refusal:
                response = JoinResponse(refusal.code, member_id)
            if response is not None:
                self.answers[name] = response

        self.change(act)
        return self.joined(name) if name in self.answers else None

    def admit(self, name: str, **options: object) -> str:
        """Join as a client does: with an id when one is asked for. Answers the member id."""
        response = self.join(name, **options)  # type: ignore[arg-type]
        if response is not None and response.error is ErrorCode.MEMBER_ID_REQUIRED:
            member_id = response.member_id
            self.join(name, member_id, **options)  # type: ignore[arg-type]
            return member_id
        return next(m.member_id for m in self.group.members.values() if m.client_id == name)

    def joined(self, name: str) -> JoinResponse:
        answer = self.answers[name]
        assert isinstance(answer, JoinResponse)
        return answer

    def sync(
        self,
        name: str,
        member_id: str,
        assignments: dict[str, bytes] | None = None,
        *,
        generation: int | None = None,
        instance: str | None = None,
        protocol_name: str | None = None,
    ) -> SyncResponse | None:
        """Ask for the assignment; None when the request waits."""
        request = SyncRequest(
            group_id="g",
            generation=self.group.generation if generation is None else generation,
            member_id=member_id,
            group_instance_id=instance,
            protocol_type=None,
            protocol_name=protocol_name,
            assignments=assignments or {},
        )
        self.answers.pop(name, None)

        def act(step: Step[str]) -> None:
            try:
                response = classic_member_calls.sync(self.group, request, name, self.now, step)
            except KafkaError as refusal:
                response = SyncResponse(refusal.code)
            if response is not None:
                self.answers[name] = response

        self.change(act)
        return self.synced(name) if name in self.answers else None

    def synced(self, name: str) -> SyncResponse:
        answer = self.answers[name]
        assert isinstance(answer, SyncResponse)
        return answer

    def heartbeat(
        self, member_id: str, generation: int | None = None, instance: str | None = None
    ) -> ErrorCode:
        wanted = self.group.generation if generation is None else generation
        identity = MemberIdentity(member_id, instance)
        try:
            classic_member_calls.heartbeat(self.group, identity, wanted, self.now)
        except KafkaError as refusal:
            return refusal.code
        return ErrorCode.NONE

    def leave(self, *leaving: MemberIdentity) -> list[LeaveResult]:
        results: list[LeaveResult] = []
        self.change(
            lambda step: results.extend(
                classic_member_calls.leave(self.group, leaving, self.now, step)
            )
        )
        return results

    def restart(self) -> None:
        """Forget what only memory knew, and replay the records."""
        self.group = ClassicGroup("g", self.limits)
        self.answers.clear()
        for record in self.records:
            self.group.apply(record.value)
        self.change(lambda step: classic_rebalance.restart(self.group, self.now, step))

    def settle(self, *names: str) -> dict[str, str]:
        """Bring members to Stable, each with its own name as assignment; name -> member id."""
        ids = {name: self.admit(name) for name in names}
        for name, member_id in ids.items():  # rejoin whoever the later ones made rebalance
            if self.group.members[member_id].parked_join is None and name not in self.answers:
                self.join(name, member_id)
        self.rejoin(ids)
        self.sync_all(ids)
        return ids

    def rejoin(self, ids: dict[str, str]) -> None:
        """Everybody whose rebalance is running joins it."""
        if self.group.state == "PreparingRebalance":
            for name, member_id in ids.items():
                if self.group.members[member_id].parked_join is None:
                    self.join(name, member_id)

    def sync_all(self, ids: dict[str, str]) -> None:
        """Followers first, then the leader with everybody's name as assignment."""
        leader = self.group.leader
        for name, member_id in sorted(ids.items(), key=lambda item: item[1] == leader):
            shares = {m: n.encode() for n, m in ids.items()} if member_id == leader else None
            self.sync(name, member_id, shares)
