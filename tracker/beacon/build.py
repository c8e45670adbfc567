"""Makes beacon.min.js of beacon.js with esbuild: python -m tracker.beacon.build

Run by whoever changes the beacon; needs node's npx. The result is committed, so that nobody else
needs it, and its first line names the source it was made of, which a test compares.
"""

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Final

ESBUILD: Final = "esbuild@0.28.2"
SOURCE: Final = Path(__file__).with_name("beacon.js")
BUILT: Final = Path(__file__).with_name("beacon.min.js")


def first_line(source: bytes) -> str:
    """The comment that ties the built file to its source."""
    return f"/* footfall beacon, source {hashlib.sha256(source).hexdigest()[:16]} */"


def main() -> int:
    """Exit code of esbuild."""
    source = SOURCE.read_bytes()
    made = subprocess.run(
        ["npx", "--yes", ESBUILD, "--minify", "--target=es2020"],
        input=source,
        stdout=subprocess.PIPE,
        check=False,
    )
    if made.returncode == 0:
        BUILT.write_text(f"{first_line(source)}\n{made.stdout.decode()}")
    return made.returncode


if __name__ == "__main__":
    sys.exit(main())
