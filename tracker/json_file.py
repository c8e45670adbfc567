"""What our small JSON stores have in common: `"version"` beside what they hold.

One without a version is from before there was one, and is read as the first. A later one is refused
before it is written to: a program that does not know a field would write the file back without it
(docs/adr/0048-older-versions-are-kept-out.md).
"""

from pathlib import Path
from typing import Final

from footfall.settings import SettingsError

VERSION: Final = "version"


class StoreTooNew(SettingsError):
    """A newer Footfall wrote the file; waiting does not help, so the role ends for good."""


def refuse_newer(body: object, path: Path, known: int) -> None:
    """Raises StoreTooNew; `body` is what the file holds."""
    found = body.get(VERSION, 0) if isinstance(body, dict) else 0
    if isinstance(found, int) and found > known:
        raise StoreTooNew(
            f"{path} has version {found}, which is newer than {known}, the newest that this"
            " Footfall knows. Nothing was changed. Start the version that wrote it, or move the"
            " file away"
        )
