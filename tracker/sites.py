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
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Final

import msgspec

from tracker.config import KafkaConfig
from tracker.kafka.client import Consumer, KafkaFailure, Record
from tracker.kafka.producer import NewRecord, Producer
from tracker.kafka.topics import ensure_topics
from tracker.topics import SITES, TopicPartition

log = logging.getLogger(__name__)

NAME_MAX: Final = 253  # characters, as of a domain
NAME: Final = re.compile(r"[a-z0-9]([a-z0-9._:/-]*[a-z0-9])?")
NAME_HELP: Final = (
    f"a site's name is usually its domain: letters, digits and . - _ : / , at most {NAME_MAX}"
    " characters"
)
PORT_MAX: Final = 65_535
HOSTS_MAX: Final = 100  # of one site
_DOMAIN: Final = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
_ADDRESS: Final = re.compile(r"[a-z]+://([^/:?#]+)")
_SHOWN_MAX: Final = 60  # characters of a bad name that an error shows
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
    if len(lowered) > NAME_MAX:
        raise SiteNameError(
            f"{_shown(name)} cannot be a site: it has {len(lowered)} characters, and a site's name"
            f" at most {NAME_MAX}"
        )
    if NAME.fullmatch(lowered) is None:
        raise SiteNameError(f"{_shown(name)} cannot be a site: {NAME_HELP}{_meant(lowered)}")
    return lowered


def new_name(name: str) -> str:
    """The same of a site that is to be registered, which has to make sense as well.

    One word (`my_app`, an id) is taken as it is. Where a port or a path follows, what stands before
    is a domain. An address of its pages is refused. Sites that are registered stay what they are.
    """
    if meant := _meant(name.strip().lower()):
        raise SiteNameError(f"{_shown(name)} is an address, not a site's name{meant}")
    checked = checked_name(name)
    authority, slash, path = checked.partition("/")
    domain, colon, port = authority.partition(":")
    if trouble := _trouble(domain, port if colon else None, path if slash else None):
        raise SiteNameError(f"{_shown(name)} cannot be a site: {trouble}")
    return checked


def _trouble(domain: str, port: str | None, path: str | None) -> str:
    """What is wrong with the parts of a name that are there; empty: nothing."""
    if (port is not None or path is not None) and _DOMAIN.fullmatch(domain) is None:
        return f"{domain!r} before its {'port' if port is not None else 'path'} is not a domain"
    if ".." in domain:
        return "it has two dots side by side"
    if port is not None and not (port.isdigit() and 1 <= int(port) <= PORT_MAX):
        return f"{port!r} is not a port, which is a number from 1 to {PORT_MAX}"
    if path is not None and any(part in ("", ".", "..") for part in path.split("/")):
        return f"its path {'/' + path!r} has a part that is empty, . or .."
    return ""


def checked_hosts(hosts: Sequence[str]) -> tuple[str, ...]:
    """Hosts of pages in the form that the page's own are compared in; raises SiteNameError.

    A host that can be no page's would flag every event of the site.
    """
    if len(hosts) > HOSTS_MAX:
        raise SiteNameError(f"a site has at most {HOSTS_MAX} hosts, not {len(hosts)}")
    found = []
    for host in hosts:
        lowered = host.strip().lower()
        if len(lowered) > NAME_MAX or not (_DOMAIN.fullmatch(lowered) or _is_ipv6(lowered)):
            raise SiteNameError(
                f"{_shown(host)} cannot be a host: it is a domain or an address such as"
                f" www.example.com, without port and path, at most {NAME_MAX} characters"
                f"{_meant(lowered)}"
            )
        found.append(lowered)
    return tuple(found)


def _is_ipv6(host: str) -> bool:
    if not (host.startswith("[") and host.endswith("]")):
        return False
    try:
        return ip_address(host[1:-1]).version == 6
    except ValueError:
        return False


def _shown(text: str) -> str:
    return repr(text if len(text) <= _SHOWN_MAX else text[:_SHOWN_MAX] + "…")


def _meant(name: str) -> str:
    """What somebody had in mind who typed an address; empty where it is none."""
    address = _ADDRESS.match(name)
    return f"; did you mean {address[1]}?" if address and NAME.fullmatch(address[1]) else ""


def add(config: KafkaConfig, site: Site) -> bool:
    """Register a site, or replace its entry; False when it was there already, unchanged.

    Raises SiteNameError for a name, or a host, that cannot be one.
    """
    hosts = checked_hosts(site.allowed_hosts)
    site = msgspec.structs.replace(site, site=new_name(site.site), allowed_hosts=hosts)
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
