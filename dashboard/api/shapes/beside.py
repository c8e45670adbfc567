"""What is told of what stands beside a cluster: Kafka Connect and a schema registry."""

from msgspec import Struct

from dashboard.connect.details import Place, Plugin
from dashboard.connect.model import Connector
from dashboard.pages.schemas import Row
from dashboard.subjects.model import Version


class ConnectorsTold(Struct, frozen=True):
    """One worker; `trouble`: why it does not answer, then the connectors are those of before."""

    worker: str
    trouble: str
    connectors: list[Connector]


class OffsetsTold(Struct, frozen=True):
    """The first places, and how many there are in `total`."""

    connector: str
    state: str
    offsets: list[Place]
    total: int


class WorkerTold(Struct, frozen=True):
    """`loggers`: name -> level."""

    worker: str
    plugins: list[Plugin]
    loggers: dict[str, str]


class SubjectsTold(Struct, frozen=True):
    """`mode` is null where the registry does not tell it."""

    level: str
    mode: str | None
    contexts: list[str]
    subjects: list[Row]


class SubjectTold(Struct, frozen=True):
    """A subject, with the versions that were `deleted` softly; level and mode are null where those
    of the registry hold. `shown`: one version."""

    name: str
    versions: tuple[int, ...]
    level: str | None
    mode: str | None
    deleted: tuple[int, ...]
    shown: Version | None
