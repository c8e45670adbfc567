"""The registry of sites: which site names are counted. It lives on a compacted topic.

Key: the site's name; value: `Site` as JSON; no value: removed. The functions here block (call them
in a thread from an event loop) and raise KafkaFailure or NotStored; `SiteReader` is for a role that
wants to know a new site at once.
"""

import asyncio
import logging
import re
import threading
import time
from typing import Final

import msgspec

from tracker.config import KafkaConfig
from tracker.kafka.client import Consumer, KafkaFailure, Record
from tracker.kafka.producer import NewRecord, Producer
from tracker.kafka.topics import ensure_topics
from tracker.topics import SITES, TopicPartition

log = logging.getLogger(__name__)

NAME: Final = re.compile(r"[a-z0-9]([a-z0-9._:/-]{0,251}[a-z0-9])?")
NAME_HELP: Final = (
    "a site's name is usually its domain: letters, digits and . - _ : / , at most 253 characters"
)
_ADDRESS: Final = re.compile(r"[a-z]+://([^/:?#]+)")
STORE_TIMEOUT_MS: Final = 15_000
READ_TIMEOUT_S: Final = 15.0
ASK_TIMEOUT_S: Final = 2.0
_WHERE: Final = TopicPartition(SITES.name, 0)


class Site(msgspec.Struct, frozen=True):
    """A site that is counted."""

    site: str
    created_at_ms: int
    allowed_hosts: tuple[str, ...] = ()  # pages of other hosts are flagged; empty: any host


class SiteNameError(ValueError):
    """A name that cannot be a site's."""


def checked_name(name: str) -> str:
    """The name as it is stored, in lower case; raises SiteNameError."""
    lowered = name.strip().lower()
    if NAME.fullmatch(lowered) is None:
        raise SiteNameError(f"{name!r} cannot be a site: {NAME_HELP}{_meant(lowered)}")
    return lowered


def new_name(name: str) -> str:
    """The same of a site that is to be registered: an address of its pages is refused."""
    if meant := _meant(name.strip().lower()):
        raise SiteNameError(f"{name!r} is an address, not a site's name{meant}")
    return checked_name(name)


def _meant(name: str) -> str:
    """What somebody had in mind who typed an address; empty where it is none."""
    address = _ADDRESS.match(name)
    return f"; did you mean {address[1]}?" if address and NAME.fullmatch(address[1]) else ""


def add(config: KafkaConfig, site: Site) -> bool:
    """Register a site, or replace its entry; False when it was there already, unchanged."""
    site = msgspec.structs.replace(site, site=new_name(site.site))
    ensure_topics(config, [SITES])
    known = _read_all(config).get(site.site)
    if known is not None and known.allowed_hosts == site.allowed_hosts:
        return False
    _write(config, site.site, msgspec.json.encode(site))
    return True


def remove(config: KafkaConfig, name: str) -> bool:
    """Take a site out of the registry; its events stay. False when it was not there."""
    name = checked_name(name)
    ensure_topics(config, [SITES])
    if name not in _read_all(config):
        return False
    _write(config, name, None)
    return True


def list_sites(config: KafkaConfig) -> list[Site]:
    """All registered sites by name."""
    ensure_topics(config, [SITES])
    return [site for _, site in sorted(_read_all(config).items())]


def registered(config: KafkaConfig) -> list[str]:
    """Their names, in order; the topic is not made where it is missing."""
    return sorted(_read_all(config))


class SiteReader:
    """Follows the registry: `sites` is always what was last read from the topic."""

    def __init__(self, config: KafkaConfig, *, client_id: str) -> None:
        self.sites: dict[str, Site] = {}
        self._in_use = threading.Lock()  # `close` waits for a `poll` in another thread
        self._closed = False
        self._consumer = Consumer(config, client_id=client_id)

    def read_to_end(self) -> None:
        """Read from the first record all that is registered now. Blocks; raises KafkaFailure."""
        self._consumer.assign({_WHERE: 0})
        end = self.ask()
        next_offset = 0
        deadline = time.monotonic() + READ_TIMEOUT_S
        while next_offset < end:
            if time.monotonic() > deadline:
                raise KafkaFailure(
                    f"sites were read up to {next_offset} of {end} in {READ_TIMEOUT_S:g} s",
                    retriable=True,
                )
            for record in self._consumer.poll(max_records=1, timeout_s=0.2):
                self.apply(record)
                next_offset = record.offset + 1
        self._consumer.assign({_WHERE: next_offset})

    def ask(self) -> int:
        """The registry's end offset, asked from the broker: it is alive. Raises KafkaFailure."""
        with self._in_use:
            if self._closed:
                raise KafkaFailure("the reader is closed")
            return self._consumer.watermarks(_WHERE, ASK_TIMEOUT_S).end

    def poll(self, timeout_s: float) -> list[Record]:
        """The next change as soon as it comes, none after `timeout_s`; for `apply`. Blocks."""
        with self._in_use:
            return [] if self._closed else self._consumer.poll(1, timeout_s)

    def apply(self, record: Record) -> None:
        name = (record.key or b"").decode(errors="replace")
        if record.value is None:
            self.sites.pop(name, None)
            return
        try:
            self.sites[name] = msgspec.json.decode(record.value, type=Site)
        except msgspec.DecodeError as error:
            log.warning("unreadable site offset=%d: %s", record.offset, error)

    def close(self) -> None:
        with self._in_use:
            self._closed = True
            self._consumer.close()


def _read_all(config: KafkaConfig) -> dict[str, Site]:
    reader = SiteReader(config, client_id="footfall-site")
    try:
        reader.read_to_end()
        return reader.sites
    finally:
        reader.close()


def _write(config: KafkaConfig, name: str, value: bytes | None) -> None:
    async def write() -> None:
        producer = Producer(
            config, client_id="footfall-site", acknowledge_timeout_ms=STORE_TIMEOUT_MS
        )
        try:
            await producer.send(SITES, [NewRecord(value, name.encode())])
        finally:
            await producer.close()

    asyncio.run(write())
