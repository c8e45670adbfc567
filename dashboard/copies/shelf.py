"""The newest copies, and the file that keeps them over a restart."""

import logging
from pathlib import Path
from typing import Final

import msgspec

from dashboard.copies.model import FAILED, RUNNING, Copy
from tracker.json_file import VERSION, refuse_newer
from tracker.secret_file import replace_file

log = logging.getLogger(__name__)

KEPT: Final = 50
STORE: Final = 1  # version of the file; before there was one it was the list alone
CUT: Final = "the dashboard ended meanwhile; the same copy goes on where this one was"


class Shelf:
    """Not for two threads at once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._copies = self._read()

    @property
    def copies(self) -> list[Copy]:
        """The newest first."""
        return sorted(self._copies, key=lambda one: -one.number)

    def add(self, copy: Copy) -> None:
        """The oldest that is not running makes room."""
        self._copies.append(copy)
        over = [one for one in self._copies if not one.is_running][
            : max(0, len(self._copies) - KEPT)
        ]
        self._copies = [one for one in self._copies if one not in over]
        self.keep()

    def keep(self) -> None:
        """Where that fails the copies go on, and the log says so."""
        try:
            body = {VERSION: STORE, "copies": self._copies}
            replace_file(self._path, msgspec.json.encode(body))
        except OSError as error:
            log.warning("the list of copies is not kept path=%s reason=%s", self._path, error)

    def _read(self) -> list[Copy]:
        """What is damaged is told and forgotten: it is a list of what was, no more. Raises
        StoreTooNew."""
        try:
            body = msgspec.json.decode(self._path.read_bytes())
            refuse_newer(body, self._path, STORE)
            found = msgspec.convert(
                body.get("copies") if isinstance(body, dict) else body, list[Copy]
            )
        except FileNotFoundError:
            return []
        except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
            log.warning("copies of before are not known path=%s reason=%s", self._path, error)
            return []
        for one in found:
            if one.state == RUNNING:
                one.state, one.trouble = FAILED, CUT
        return found
