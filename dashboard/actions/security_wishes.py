"""Bodies of the actions that change rights: entries, SCRAM users, quotas."""

from typing import Annotated, Literal

from msgspec import Meta

from dashboard.actions.wishes import Confirm, Wish

Principal = Annotated[
    str, Meta(min_length=3, max_length=1_000, description="Type and name, such as User:ann.")
]
ResourceWord = Literal["TOPIC", "GROUP", "CLUSTER", "TRANSACTIONAL_ID", "DELEGATION_TOKEN", "USER"]
Name = Annotated[str, Meta(max_length=1_000)]
Host = Annotated[str, Meta(min_length=1, max_length=255, description="*: any host.")]
Mechanism = Literal["SCRAM-SHA-256", "SCRAM-SHA-512"]
User = Annotated[str, Meta(min_length=1, max_length=255)]
Client = Annotated[
    str, Meta(min_length=1, max_length=1_000, description="<default>: all that have no own.")
]


class CreateAcls(Wish, frozen=True, kw_only=True):
    """One entry an operation. A dry run says what each means and touches."""

    principal: Principal
    resource: ResourceWord
    name: Name = ""  # for the cluster none is needed
    pattern: Literal["LITERAL", "PREFIXED"] = "LITERAL"
    operations: Annotated[tuple[str, ...], Meta(min_length=1, max_length=20)]
    permission: Literal["ALLOW", "DENY"] = "ALLOW"
    host: Host = "*"
    dry_run: bool = True
    confirm: Confirm = ""


class DeleteAcl(Wish, frozen=True):
    """Exactly one entry, all of it named."""

    principal: Principal
    resource: ResourceWord
    name: Name
    pattern: Literal["LITERAL", "PREFIXED"]
    operation: Annotated[str, Meta(max_length=40)]
    permission: Literal["ALLOW", "DENY"]
    host: Host
    confirm: Confirm


class PutScramUser(Wish, frozen=True, kw_only=True):
    """A new credential, or a new password for one. The password goes nowhere but salted."""

    user: User
    mechanism: Mechanism = "SCRAM-SHA-512"
    password: Annotated[str, Meta(min_length=1, max_length=500)]
    iterations: Annotated[int, Meta(ge=4_096, le=16_384)] = 8_192


class DeleteScramUser(Wish, frozen=True):
    user: User
    mechanism: Mechanism
    confirm: Confirm


class SetQuota(Wish, frozen=True, kw_only=True):
    """Of a user, a client id, both, or an address; null takes a limit away."""

    user: Client | None = None
    client_id: Client | None = None
    ip: Client | None = None
    limits: Annotated[dict[str, float | str | None], Meta(min_length=1, max_length=5)]
    dry_run: bool = True

    @property
    def entity(self) -> dict[str, str | None]:
        """Kafka's words for whom it is about; None is the default."""
        told = {"user": self.user, "client-id": self.client_id, "ip": self.ip}
        return {
            type_: None if name == "<default>" else name
            for type_, name in told.items()
            if name is not None
        }

    @property
    def who(self) -> str:
        """The same for people."""
        return ", ".join(
            f"{type_} {'<default>' if name is None else name}"
            for type_, name in self.entity.items()
        )
