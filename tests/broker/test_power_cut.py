"""Power cuts at each step of a broker's work: whatever a client was told is done stands afterwards.

The disk is filmed (tests/support/filmed_files.py) while topics are made and deleted, records,
settings, passwords, entries, quotas, offsets and acknowledgements of shares are written, segments
rolled and checkpoints taken. A broker is started on pictures of what would be left.
"""

import os
from pathlib import Path
from typing import Any

import pytest

from tests.support.filmed_files import CRASHES
from tests.support.promises import check, played

pytestmark = pytest.mark.crash

PICTURES_MAX = 2_000 if os.environ.get("HYPOTHESIS_PROFILE") == "exhaustive" else 5


@pytest.mark.parametrize("crash", CRASHES.values(), ids=CRASHES.keys())
async def test_what_a_client_was_told_is_done_stands_after_a_crash_at_any_step(
    tmp_path: Path, crash: dict[str, Any]
) -> None:
    async with played(tmp_path, crash) as (files, _):
        pictures = files.some_pictures(PICTURES_MAX)

    for told, picture in pictures:
        await check(tmp_path, told, picture)
