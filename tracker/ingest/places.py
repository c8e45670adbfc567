"""Places: country, region and city of an address, by a database that the user has (MMDB).

Such databases (GeoLite2 City, DB-IP City, IPinfo) come under licences of their own and change every
week, so none is bundled. The file is copied into memory of ours before it is looked into: whoever
writes over it, or cuts it short, does not take the process along. A file that was replaced is seen
within a minute; one that cannot be read leaves the last one in place.
"""

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import maxminddb

log = logging.getLogger(__name__)

LOOK_EVERY_MS: Final = 60_000
NAME_CHARS_MAX: Final = 100
LANGUAGE: Final = "en"


class Place(NamedTuple):
    """Where an address is, as far as the database says."""

    country: str | None = None  # ISO 3166-1 alpha-2
    region: str | None = None
    city: str | None = None


class PlacesError(ValueError):
    """The file is not there, or no database of addresses."""


class Places:
    """Answers by address, each time from the database: no address is remembered here."""

    def __init__(self, path: str) -> None:
        """Raises PlacesError."""
        self._path = Path(path)
        self._looked_at_ms = 0
        self._load()

    def of(self, address: str, now_ms: int) -> Place:
        if now_ms - self._looked_at_ms > LOOK_EVERY_MS:
            self._looked_at_ms = now_ms
            self._load_anew()
        try:
            found = self._database.get(address)
        except (ValueError, maxminddb.InvalidDatabaseError):  # no address, or damage at this place
            return Place()
        return place_of(found) if isinstance(found, dict) else Place()

    def _load(self) -> None:
        try:
            self._seen = self._mark()
            data = self._path.read_bytes()
        except OSError as error:
            raise PlacesError(f"{self._path}: {error.strerror}") from error
        place = os.memfd_create("places")
        try:
            with open(place, "wb", closefd=False) as copy:
                copy.write(data)
            self._database = maxminddb.open_database(f"/proc/self/fd/{place}")
        except (maxminddb.InvalidDatabaseError, OSError, ValueError) as error:
            raise PlacesError(f"{self._path} is no MMDB database: {error}") from error
        finally:
            os.close(place)

    def _load_anew(self) -> None:
        try:
            if self._mark() == self._seen:
                return
            self._load()
        except (OSError, PlacesError) as error:
            log.warning("the database of places stays as it was: %s", error)

    def _mark(self) -> tuple[int, int, int]:
        now = self._path.stat()
        return now.st_mtime_ns, now.st_size, now.st_ino


def place_of(record: Mapping[str, Any]) -> Place:
    """Reads MaxMind's and DB-IP's records, and the flat ones of IPinfo and others."""
    code = _name(record.get("country"), "iso_code") or _name(record.get("country_code"))
    parts = record.get("subdivisions")
    largest = parts[0] if isinstance(parts, list) and parts else record.get("region")
    return Place(
        code.upper() if code and len(code) == 2 and code.isascii() and code.isalpha() else None,
        _name(largest or record.get("state1")),
        _name(record.get("city")),
    )


def _name(found: Any, key: str = "") -> str | None:
    """A text, or of a record its English name or `key`."""
    if isinstance(found, dict):
        names = found.get("names")
        found = found.get(key) if key else names.get(LANGUAGE) if isinstance(names, dict) else None
    return found[:NAME_CHARS_MAX] or None if isinstance(found, str) else None
