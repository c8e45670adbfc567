"""Power cuts at each step of a broker's work: whatever a client was told is done stands afterwards.

The disk is filmed (tests/support/filmed_files.py) while topics are made and deleted, records,
settings, passwords, entries, quotas, offsets and acknowledgements of shares are written, segments
rolled and checkpoints taken. A broker is started on pictures of what would be left.
"""

import os
from pathlib import Path
from typing import Any

import pytest

from tests.support.filmed_files import CRASHES, FilmedFiles
from tests.support.group_calls import coordinated
from tests.support.promises import SETTINGS, Told, check, play
from tests.support.raw_client import RawClient
from tests.support.running_broker import running_broker
from tests.support.topic_calls import make_topic

PICTURES_MAX = 2_000 if os.environ.get("HYPOTHESIS_PROFILE") == "exhaustive" else 5


@pytest.mark.parametrize("crash", CRASHES.values(), ids=CRASHES.keys())
async def test_what_a_client_was_told_is_done_stands_after_a_crash_at_any_step(
    tmp_path: Path, crash: dict[str, Any]
) -> None:
    files: FilmedFiles[Told] = FilmedFiles(crash)
    told = Told()
    async with (
        running_broker(tmp_path, files=files, **SETTINGS) as broker,
        await RawClient.connect(broker.host, broker.port) as client,
    ):
        await make_topic(client, "pages")
        await coordinated(client)
        with files.filming(told):
            await play(client, told)

    for before, picture in files.some_pictures(PICTURES_MAX):
        await check(tmp_path, before, picture)
