"""How far an import has come: one small file, so that it can go on after any stop.

File <data>/imports/<fingerprint>-<cluster>.json, mode 0600, replaced atomically and fsynced after
every chunk that the broker acknowledged: what one Kafka cluster has another has not. While the
import runs it holds the secret of its visitor ids; once it is finished the secret is deleted, and
nobody can compute those ids again.
"""

import secrets
from hashlib import blake2b
from pathlib import Path
from typing import Annotated, Final

import msgspec

from footfall.folders import make_folder
from tracker.secret_file import replace_file

SECRET_BYTES: Final = 32
CLUSTER_BYTES: Final = 4  # of the hash that stands for a cluster's id, which may be any text
MALFORMED_LISTED_MAX: Final = 20

Natural = Annotated[int, msgspec.Meta(ge=0)]
Secret = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]  # SECRET_BYTES as hex


class MalformedLine(msgspec.Struct, frozen=True):
    """A line that was left out, and why."""

    line: int  # counted from 1
    problem: str


class Progress(msgspec.Struct):
    """All counts are of lines that the broker has acknowledged, or that are malformed."""

    file: str
    site: str
    position: Natural = 0  # bytes of the unpacked log that are done
    lines: Natural = 0
    events: dict[str, int] = msgspec.field(default_factory=dict)  # by event name
    bots: int = 0
    malformed: int = 0
    malformed_lines: list[MalformedLine] = msgspec.field(default_factory=list)  # the first ones
    secret: Secret | None = None

    def note_malformed(self, problem: str) -> None:
        self.malformed += 1
        if len(self.malformed_lines) < MALFORMED_LISTED_MAX:
            self.malformed_lines.append(MalformedLine(self.lines, problem))


class ProgressError(Exception):
    """A progress file that cannot be read; the message says what to do."""


class ProgressFile:
    """One file for a log, a site and a Kafka cluster."""

    def __init__(self, directory: Path, fingerprint: str, cluster_id: str) -> None:
        make_folder(directory)
        cluster = blake2b(cluster_id.encode(), digest_size=CLUSTER_BYTES).hexdigest()
        self._path = directory / f"{fingerprint}-{cluster}.json"
        self._of_any_cluster = directory / f"{fingerprint}.json"

    def load(self, file: str, site: str) -> Progress:
        """Where an earlier run stopped, or the beginning; with a secret for this run."""
        if self._of_any_cluster.exists() and not self._path.exists():
            self._of_any_cluster.replace(self._path)  # of a version that knew one cluster only
        try:
            progress = msgspec.json.decode(self._path.read_bytes(), type=Progress)
        except FileNotFoundError:
            progress = Progress(file, site)
        except msgspec.DecodeError as error:
            raise ProgressError(
                f"{self._path} cannot be read ({error}); delete it to import the log from its"
                " beginning: events have the same ids again, nothing is counted twice"
            ) from error
        if progress.secret is None:
            progress.secret = secrets.token_hex(SECRET_BYTES)
        return progress

    def save(self, progress: Progress) -> None:
        """On disk when it returns; raises OSError."""
        replace_file(self._path, msgspec.json.encode(progress))

    def finish(self, progress: Progress) -> None:
        """Save without the secret: the import has come to the end of the log."""
        self.save(msgspec.structs.replace(progress, secret=None))


def day_salt(secret: str, day: int) -> bytes:
    """The salt of one UTC day (days since 1970) of this import."""
    return blake2b(str(day).encode(), key=bytes.fromhex(secret), digest_size=32).digest()
