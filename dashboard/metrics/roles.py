"""Metrics of the other roles, fetched in the background and passed on under one scrape URL.

A role that does not answer costs nothing but its series; footfall_role_up tells. Families with the
same name from several roles are put under one heading, process_* and python_* with a role label;
Kafka families get the cluster's name.
"""

import asyncio
import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import aiohttp

from dashboard.http_body import whole_body
from dashboard.metrics.exposition import escape

log = logging.getLogger(__name__)

INTERVAL_S: Final = 2.0
TIMEOUT_S: Final = 1.5
BYTES_MAX: Final = 8 * 1024 * 1024  # a page larger than this is not taken
FAILURES_DOWN: Final = 3
SAID_CHARACTERS_MAX: Final = 300

_SAMPLE: Final = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})?[ \t]+(\S+)")
_LABEL: Final = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')
_SUFFIXES: Final = ("_bucket", "_sum", "_count", "_total")


@dataclass(frozen=True, slots=True)
class Sample:
    name: str
    labels: Mapping[str, str]
    value: float


@dataclass(slots=True)
class Block:
    """One family as a role wrote it."""

    name: str
    kind: str = "untyped"
    help: str = ""
    lines: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class RolePage:
    """What one role said last."""

    role: str
    blocks: Mapping[str, Block]

    def samples(self, family: str) -> list[Sample]:
        """Samples of a family; `_bucket`, `_sum` and `_count` are in their histogram's."""
        block = self.blocks.get(family)
        return [] if block is None else [s for line in block.lines if (s := sample(line))]


def sample(line: str) -> Sample | None:
    """One line of the text format; None when it is not a sample."""
    match = _SAMPLE.fullmatch(line.rstrip())
    if match is None:
        return None
    name, label_text, value = match.groups()
    pairs = {key: _unescape(text) for key, text in _LABEL.findall(label_text or "")}
    try:
        return Sample(name, pairs, float(value))
    except ValueError:
        return None


def _unescape(text: str) -> str:
    return text.replace('\\"', '"').replace("\\n", "\n").replace("\\\\", "\\")


def blocks(text: str) -> dict[str, Block]:
    """A page of the text format, taken apart by family; what is not understood is left out."""
    found: dict[str, Block] = {}
    for line in text.split("\n"):
        if line.startswith("# HELP "):
            name, _, help_text = line[7:].partition(" ")
            found.setdefault(name, Block(name)).help = help_text
        elif line.startswith("# TYPE "):
            name, _, kind = line[7:].partition(" ")
            found.setdefault(name, Block(name)).kind = kind.strip()
        elif line and not line.startswith("#"):
            name = re.split(r"[{ \t]", line, maxsplit=1)[0]
            family = _family_of(name, found)
            found.setdefault(family, Block(family)).lines.append(line)
    return {name: block for name, block in found.items() if block.lines}


def _family_of(name: str, known: Mapping[str, Block]) -> str:
    if name in known:
        return name
    for suffix in _SUFFIXES:
        stem = name.removesuffix(suffix)
        if stem != name and stem in known:
            return stem
    return name


def merged(pages: Iterable[RolePage], taken: set[str], cluster: str) -> str:
    """All roles' families as one text, without those named in `taken`."""
    together: dict[str, Block] = {}
    for page in pages:
        for name, block in page.blocks.items():
            if name not in taken and not name.endswith("_created"):
                target = together.setdefault(name, Block(name, block.kind, block.help))
                target.lines += _told_apart(block, page.role, cluster)
    lines: list[str] = []
    for block in together.values():
        lines += [f"# HELP {block.name} {block.help}", f"# TYPE {block.name} {block.kind}"]
        lines += block.lines
    return "\n".join(lines) + "\n" if lines else ""


def _told_apart(block: Block, role: str, cluster: str) -> list[str]:
    """Its lines with the label that says whose they are, where several pages have the family."""
    if block.name.startswith(("process_", "python_")):
        return [_labelled(line, "role", role) for line in block.lines]
    if block.name.startswith(("kafka_", "footfall_kafka_")):
        return [_labelled(line, "kafka_cluster", cluster) for line in block.lines]
    return block.lines


def first_series(text: str, most: int) -> tuple[str, int]:
    """`text` with at most so many series, without empty headings; and how many it had."""
    lines: list[str] = []
    seen = 0
    for line in text.splitlines(keepends=True):
        seen += not line.startswith("#")
        if seen < most or (seen == most and not line.startswith("#")):
            lines.append(line)
    while lines and lines[-1].startswith("#"):
        lines.pop()
    return "".join(lines), seen


def _labelled(line: str, label: str, value: str) -> str:
    """The sample with one more label, unless it has it already."""
    name, brace, rest = line.partition("{")
    if not brace:
        name, _, rest = line.partition(" ")
        return f'{name}{{{label}="{escape(value)}"}} {rest}'
    if rest.startswith(f"{label}=") or f",{label}=" in rest:
        return line
    comma = "" if rest.startswith("}") else ","
    return f'{name}{{{label}="{escape(value)}"{comma}{rest}'


class RoleWatcher:
    """Fetches each role's page every two seconds."""

    def __init__(self, urls: Mapping[str, str]) -> None:
        self._urls = urls
        self._pages: dict[str, RolePage] = {}
        self._failures: dict[str, int] = {}
        self._said: dict[str, str] = {}

    def said(self, role: str) -> str:
        """What the role gave as its reason instead of its metrics; empty when it gave none."""
        return self._said.get(role, "")

    def is_down(self, role: str) -> bool:
        """True when it did not answer three times running: a restart is no news."""
        return self._failures.get(role, 0) >= FAILURES_DOWN

    @property
    def roles(self) -> tuple[str, ...]:
        return tuple(self._urls)

    def page(self, role: str) -> RolePage | None:
        """The role's last page; None when it is gone, or silent for three looks.

        Its age does not count: after a sleep of this machine no role is down before it was asked.
        """
        return self._pages.get(role)

    def pages(self) -> list[RolePage]:
        return [page for role in self._urls if (page := self.page(role)) is not None]

    def samples(self, family: str) -> list[Sample]:
        """Samples of a family from every role that is up."""
        return [found for page in self.pages() for found in page.samples(family)]

    async def run(self) -> None:
        """Fetch until cancelled; what does not answer does not slow down the next look."""
        now_s = asyncio.get_running_loop().time
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while True:
                began_s = now_s()
                async with asyncio.TaskGroup() as tasks:
                    for role, url in self._urls.items():
                        tasks.create_task(self._fetch(session, role, url))
                await asyncio.sleep(INTERVAL_S - (now_s() - began_s))

    async def _fetch(self, session: aiohttp.ClientSession, role: str, url: str) -> None:
        said = ""
        try:
            async with session.get(url) as response:
                body = await whole_body(response, BYTES_MAX)
                if response.status == 503:
                    said = _first_line(body)
                if response.status != 200:
                    raise aiohttp.ClientError(f"status {response.status}")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            log.debug("role's metrics not fetched role=%s reason=%s", role, error)
            self._failures[role] = self._failures.get(role, 0) + 1
            self._said[role] = said
            if self.is_down(role) or not isinstance(error, TimeoutError):
                self._pages.pop(role, None)  # one slow answer, or a sleep of ours, says nothing yet
            return
        self._failures[role], self._said[role] = 0, ""
        text = body.decode("utf-8", "replace")
        self._pages[role] = RolePage(role, blocks(text))


def _first_line(body: bytes) -> str:
    return body.decode("utf-8", "replace").strip().partition("\n")[0][:SAID_CHARACTERS_MAX]


def role_urls(settings: Sequence[str]) -> dict[str, str]:
    """`ROLE=URL` settings as a mapping; raises ValueError on one that is not."""
    urls: dict[str, str] = {}
    for text in settings:
        role, equals, url = text.partition("=")
        if not equals or not url.startswith(("http://", "https://")):
            raise ValueError(f"role_metrics: {text!r} is not ROLE=http://HOST:PORT/metrics")
        urls[role.strip()] = url.strip()
    return urls


def quantile(samples: Sequence[Sample], share: float) -> float | None:
    """A quantile from histogram buckets, as Prometheus counts it; None without observations."""
    counts: dict[float, float] = {}
    for found in samples:
        if found.name.endswith("_bucket"):
            bound = float(found.labels.get("le", "inf"))
            counts[bound] = counts.get(bound, 0.0) + found.value
    bounds = sorted(counts)
    if not bounds or counts[bounds[-1]] == 0:
        return None
    wanted = share * counts[bounds[-1]]
    lower_bound, lower_count = 0.0, 0.0
    for bound in bounds:
        if counts[bound] >= wanted:
            if bound == float("inf"):
                return lower_bound
            inside = counts[bound] - lower_count
            part = (wanted - lower_count) / inside if inside else 0.0
            return lower_bound + (bound - lower_bound) * part
        lower_bound, lower_count = bound, counts[bound]
    return lower_bound
