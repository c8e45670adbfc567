"""Makes the served scripts of their sources with esbuild: python -m tracker.beacon.build

Run by whoever changes a script; needs node's npm. The results are committed, so that nobody else
needs it, and the first line of each names the source it was made of, which a test compares.
"""

import hashlib
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PACKAGES: Final = ("esbuild@0.28.2", "web-vitals@6.2.3")
HERE: Final = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Built:
    """A script of ours: `title` opens its first line, `source` is what it is made of."""

    title: str
    source: Path
    licence: str = ""

    @property
    def path(self) -> Path:
        """The file that is served."""
        return self.source.with_suffix(".min.js")

    @property
    def first_line(self) -> str:
        """The comment that ties the built file to its source."""
        digest = hashlib.sha256(self.source.read_bytes()).hexdigest()[:16]
        return f"/* {self.title}, source {digest}{self.licence} */"


BEACON: Final = Built("footfall beacon", HERE / "beacon.js")
VITALS: Final = Built(
    "footfall web vitals",
    HERE / "vitals.js",
    f"; holds {PACKAGES[1]}, Copyright Google LLC, Apache-2.0",
)


def main() -> int:
    """Exit code of the first command that failed, or 0."""
    with tempfile.TemporaryDirectory() as place:
        installed = subprocess.run(
            ["npm", "install", "--silent", "--no-audit", "--no-fund", *PACKAGES],
            cwd=place,
            check=False,
        )
        return installed.returncode or _build(BEACON, place) or _build(VITALS, place, "--bundle")


def _build(script: Built, place: str, *options: str) -> int:
    shutil.copy(script.source, place)
    made = subprocess.run(
        ["npx", "esbuild", script.source.name, "--minify", "--target=es2020", *options],
        cwd=place,
        stdout=subprocess.PIPE,
        check=False,
    )
    if made.returncode == 0:
        script.path.write_text(f"{script.first_line}\n{made.stdout.decode()}")
    return made.returncode


if __name__ == "__main__":
    sys.exit(main())
