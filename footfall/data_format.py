"""The format of a data directory: `<data dir>/format.json`, which keeps older versions out.

FORMAT rises when an older version would misread or spoil what a newer one writes, in any file. A
directory without the file is from before there was one, format 0, which is read as 1 is. The file
is looked at before anything in the directory is written. Stores have versions of their own as well,
for those who carry single files about (docs/adr/0048-older-versions-are-kept-out.md).
"""

import json
import os
import tempfile
from importlib import metadata
from pathlib import Path
from typing import Final

from footfall.folders import make_folder, sync_folder
from footfall.settings import SettingsError

FORMAT: Final = 2
FILE: Final = "format.json"


class DataTooNew(SettingsError):
    """A newer Footfall wrote here; the message gives the ways out."""


def check_format(data_dir: Path) -> int:
    """The format that stands there, 0 if none does; reads only. Raises DataTooNew, SettingsError
    where the file cannot be read."""
    path = data_dir / FILE
    try:
        told = json.loads(path.read_bytes())
        found, by = int(told["format"]), str(told.get("footfall", "?"))
    except (FileNotFoundError, NotADirectoryError):
        return 0
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SettingsError(
            f"{path} cannot be read ({error}), so it is unknown which version wrote here: restore"
            " it from a copy, or delete it if no newer version ever ran on this directory"
        ) from error
    if found > FORMAT:
        raise DataTooNew(
            f"{data_dir} was written by Footfall {by} (format {found}); this is Footfall"
            f" {metadata.version('footfall')} (format {FORMAT}) and would damage it. Nothing was"
            " changed. Start that version or a newer one, restore a copy from before the upgrade,"
            " or give this version its own --data-dir"
        )
    return found


def claim(data_dir: Path) -> None:
    """Check, then note our format where an older one stands. Raises as `check_format`.

    A directory that cannot be written is left to its role, which tells so or waits.
    """
    if check_format(data_dir) == FORMAT:
        return
    told = json.dumps({"format": FORMAT, "footfall": metadata.version("footfall")}) + "\n"
    try:
        make_folder(data_dir)
        _replace(data_dir / FILE, told.encode())
    except OSError:
        return


def _replace(path: Path, content: bytes) -> None:
    """Whole or not at all, on the disk when it returns."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}")
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, 0o644)
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)
