"""What a Kafka Connect worker tells of itself and its connectors."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from tracker.kafka.admin import ClusterUnavailable

HIDDEN: Final = "hidden"
TRACE_LETTERS: Final = 20_000
CONNECTORS_MAX: Final = 5_000
CONNECTOR_STATES: Final = (
    *("running", "failed", "paused", "stopped", "unassigned", "restarting", "unknown"),
)
"""Of connectors and tasks as metrics tell them; what no Connect of today says is unknown."""
_SECRET: Final = re.compile(
    r"password|passwd|passphrase|secret|token|credential|jaas|private|"
    r"(^|[._-])(api|access|account)?[._-]?key($|[._-](?!converter|deserializer|serializer|"
    r"subject|field|ignore|columns?))|basic\.auth|user\.info",
    re.IGNORECASE,
)
_CONVERTER: Final = re.compile(r"(^|\.)(key|value|header)\.(converter|(de)?serializer)")
_USERINFO: Final = re.compile(r"(?<=://)[^/\s]*@")
_PARAMETER: Final = re.compile(
    r"((?:password|passwd|pwd|passphrase|secret|token|credential|api[._-]?key)[a-z._-]{0,40}\s{0,3}=\s{0,3})"
    r"(\"[^\"]*\"|'[^']*'|[^\s&;,\"']+)",
    re.IGNORECASE,
)
_INVALID: Final = re.compile(r"(?<=Invalid value )(.*?)(?= for configuration ([\w.-]+))", re.DOTALL)


def shown(name: str, value: str) -> str:
    """A setting's value as people may see it: what its name calls a secret is hidden."""
    plain = _CONVERTER.sub("", name)
    return HIDDEN if _SECRET.search(plain) else without_secrets(value)


def without_secrets(text: str) -> str:
    """`text` without log-ins in addresses and what stands after `password=` and its like."""
    return _PARAMETER.sub(rf"\g<1>{HIDDEN}", _USERINFO.sub(f"{HIDDEN}@", text))


def refusal(text: str) -> str:
    """What a worker refuses with, without log-ins, nor values whose setting is a secret, and
    without the long list of all plugins behind it."""
    text = text.partition(", available connectors are: ")[0]
    return without_secrets(_INVALID.sub(lambda found: shown(found[2], found[1]), text))


@dataclass(frozen=True, slots=True)
class Task:
    """One task of a connector; `trace` is why it failed."""

    id: int
    state: str
    worker: str
    trace: str

    @property
    def cause(self) -> str:
        """What was thrown, or the cause at its root; empty where it runs."""
        return first_line(self.trace)


@dataclass(frozen=True, slots=True)
class Connector:
    """One connector, its secrets hidden."""

    name: str
    kind: str  # source, sink
    state: str  # RUNNING, PAUSED, STOPPED, FAILED, UNASSIGNED, RESTARTING
    worker: str
    trace: str
    tasks: tuple[Task, ...]
    config: Mapping[str, str]

    @property
    def failed(self) -> int:
        """Tasks that failed."""
        return sum(task.state == "FAILED" for task in self.tasks)

    @property
    def severity(self) -> str:
        """Of the worst of it: critical, warning or ok; what somebody stopped is plain."""
        if self.failed or self.state == "FAILED":
            return "critical"
        if self.state in ("PAUSED", "STOPPED"):
            return "plain"
        unassigned = any(task.state == "UNASSIGNED" for task in self.tasks)
        return "warning" if unassigned or self.state != "RUNNING" or not self.tasks else "ok"

    @property
    def sentence(self) -> str:
        """How it is, the cause first."""
        if self.state == "FAILED":
            return f"The connector failed: {first_line(self.trace)}"
        if self.failed:
            cause = next(task.cause for task in self.tasks if task.state == "FAILED")
            return f"{self.failed} of {len(self.tasks)} tasks failed: {cause}"
        if self.state == "RUNNING" and not self.tasks:
            return "It runs, but has no tasks yet"
        running = sum(task.state == "RUNNING" for task in self.tasks)
        return f"{self.state.capitalize()}, {running} of {len(self.tasks)} tasks run"


@dataclass(frozen=True, slots=True)
class Worker:
    """One address of a Connect cluster, as it answered."""

    version: str
    kafka_cluster_id: str
    connectors: tuple[Connector, ...]


@dataclass(frozen=True, slots=True)
class WorkerSeen:
    """One worker at the last look; `connectors` as it told them last, also where it is silent."""

    index: int  # its place among connect_urls
    silent: bool
    connectors: tuple[Connector, ...]


def state_told(state: str) -> str:
    """A state as metrics tell it: one of CONNECTOR_STATES."""
    word = state.lower()
    return word if word in CONNECTOR_STATES else "unknown"


def first_line(trace: str) -> str:
    """Of a Java stack trace: what was thrown, or the cause at its root."""
    causes = [line for line in trace.splitlines() if line.startswith("Caused by: ")]
    line = causes[-1].removeprefix("Caused by: ") if causes else trace.partition("\n")[0]
    return line.strip()[:300] or "it does not say why"


def worker(root: Any, listing: Any) -> Worker:
    """From `GET /` and `GET /connectors?expand=status&expand=info`; raises
    ClusterUnavailable."""
    if not isinstance(root, dict) or not isinstance(listing, dict):
        raise ClusterUnavailable("this is no Kafka Connect worker")
    found = [
        _connector(str(name), item)
        for name, item in sorted(listing.items())[:CONNECTORS_MAX]
        if isinstance(item, dict)
    ]
    return Worker(str(root.get("version", "")), str(root.get("kafka_cluster_id", "")), tuple(found))


def _connector(name: str, item: Mapping[str, Any]) -> Connector:
    status, info = _dict(item.get("status")), _dict(item.get("info"))
    itself = _dict(status.get("connector"))
    config = {str(k): shown(str(k), str(v)) for k, v in sorted(_dict(info.get("config")).items())}
    listed = status.get("tasks")
    tasks = (
        [_task(one) for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    )
    return Connector(
        name,
        str(info.get("type") or status.get("type") or ""),
        str(itself.get("state", "UNASSIGNED")),
        str(itself.get("worker_id", "")),
        _trace(itself),
        tuple(sorted(tasks, key=lambda task: task.id)),
        config,
    )


def _task(body: Mapping[str, Any]) -> Task:
    number = body.get("id")
    return Task(
        number if isinstance(number, int) else -1,
        str(body.get("state", "UNASSIGNED")),
        str(body.get("worker_id", "")),
        _trace(body),
    )


def _trace(body: Mapping[str, Any]) -> str:
    """Drivers write the address they could not reach into it, log-in and all."""
    return without_secrets(str(body.get("trace") or "")[:TRACE_LETTERS])


def _dict(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
