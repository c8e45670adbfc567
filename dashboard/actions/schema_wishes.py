"""Bodies of the actions on a schema registry."""

from typing import Annotated

from msgspec import Meta, field

from dashboard.actions.wishes import Confirm, Wish

SubjectName = Annotated[str, Meta(min_length=1, max_length=1_000)]
Level = Annotated[str, Meta(pattern="^(NONE|(BACKWARD|FORWARD|FULL)(_TRANSITIVE)?)$")]


Mode = Annotated[str, Meta(pattern="^(READWRITE|READONLY|READONLY_OVERRIDE|IMPORT)$")]
Context = Annotated[
    str,
    Meta(pattern=r"^(\.[^:]{0,200})?$", description="Such as .staging; empty: the registry's."),
]


class RegisterSchema(Wish, frozen=True):
    """`references`: what the schema takes from others, name -> "subject:version"."""

    subject: SubjectName
    schema: Annotated[str, Meta(min_length=1, max_length=500_000)]
    kind: Annotated[str, Meta(pattern="^(AVRO|PROTOBUF|JSON)$")] = "AVRO"
    references: dict[str, str | None] = field(default_factory=dict)
    dry_run: bool = True
    confirm: Confirm = ""


class SetSubjectLevel(Wish, frozen=True):
    """`level`: null takes its own away, the registry's holds then."""

    subject: SubjectName
    level: Level | None
    dry_run: bool = True
    confirm: Confirm = ""


class SetRegistryLevel(Wish, frozen=True):
    """Of all subjects that have none of their own, or of those of a context."""

    level: Level
    context: Context = ""
    dry_run: bool = True
    confirm: Confirm = ""


class SetSubjectMode(Wish, frozen=True):
    """`mode`: null takes its own away, the registry's holds then. `force`: IMPORT also where there
    are schemas, which others may have used."""

    subject: SubjectName
    mode: Mode | None
    force: bool = False
    dry_run: bool = True
    confirm: Confirm = ""


class SetRegistryMode(Wish, frozen=True):
    """Of all subjects that have none of their own, or of those of a context."""

    mode: Mode
    context: Context = ""
    force: bool = False
    dry_run: bool = True
    confirm: Confirm = ""


class DeleteSchemaVersion(Wish, frozen=True):
    subject: SubjectName
    version: Annotated[int, Meta(ge=1, le=2**31 - 1)]
    dry_run: bool = True
    confirm: Confirm = ""


class EraseSubject(Wish, frozen=True):
    """One that was deleted softly; what was written with it cannot be opened afterwards."""

    subject: SubjectName
    dry_run: bool = True
    confirm: Confirm = ""


class DeleteSubject(Wish, frozen=True):
    subject: SubjectName
    dry_run: bool = True
    confirm: Confirm = ""
