"""Counted: an event as the aggregators take it, its texts already numbers of the dictionary."""

from typing import NamedTuple

from tracker.events import Event


def texts_of(event: Event) -> tuple[str, ...]:
    """The texts of an event that become ids, in the order of `Ids`."""
    return (
        event.site_id,
        event.event_name,
        event.pathname or "",
        event.source or "",
        event.country or "",
        event.browser or "",
        event.os or "",
        event.device_type or "",
        event.bot_reason or "",
    )


class Ids(NamedTuple):
    """Ids in the table `names`."""

    site: int
    name: int
    page: int
    source: int
    country: int
    browser: int
    os: int
    device: int
    reason: int


class Counted(NamedTuple):
    """An event to count, once."""

    event: Event
    key: bytes  # 16 bytes for its event id
    ids: Ids
