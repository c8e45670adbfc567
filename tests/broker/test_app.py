import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from broker.errors import ErrorCode
from tests.support.running_broker import broker_process
from tests.support.security_calls import broker_and_client
from tests.support.topic_calls import batch_of, make_topic, read, write

pytestmark = pytest.mark.system


def started(data_dir: Path, **settings: object) -> subprocess.CompletedProcess[str]:
    """A broker that is expected to give up at once."""
    environment = {f"FOOTFALL_BROKER__{key.upper()}": str(value) for key, value in settings.items()}
    return subprocess.run(
        [sys.executable, "-m", "broker", "--data-dir", str(data_dir)],
        env={**os.environ, "FOOTFALL_BROKER__METRICS_PORT": "-1", **environment},
        capture_output=True,
        check=False,
        text=True,
        timeout=30,
    )


def test_a_second_broker_on_the_same_directory_is_refused(tmp_path: Path) -> None:
    with broker_process(tmp_path / "data"):
        second = started(tmp_path / "data", port=0)

    assert second.returncode == 1
    assert "is locked: another broker uses this directory" in second.stderr
    assert "Traceback" not in second.stderr


def test_a_taken_port_is_told_with_the_way_out(tmp_path: Path) -> None:
    with broker_process(tmp_path / "one") as first:
        second = started(tmp_path / "two", port=first.port)

    assert second.returncode == 1
    assert f"port 127.0.0.1:{first.port} is taken" in second.stderr
    assert "Traceback" not in second.stderr


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"port": 70_000}, "above the maximum"),
        ({"log_flush": "never"}, "is not one of sync, os"),
        ({"host": "0.0.0.0"}, "advertised_host"),
        ({"max_connections_per_ip_overrides": ["10.0.0.1"]}, "max_connections_per_ip_overrides"),
    ],
)
def test_bad_settings_end_with_78(tmp_path: Path, settings: dict[str, object], words: str) -> None:
    ended = started(tmp_path / "data", **settings)

    assert ended.returncode == 78
    assert words in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_clean_stop_leaves_its_mark_and_a_kill_does_not(tmp_path: Path) -> None:
    mark = tmp_path / "data" / "broker" / ".kafka_cleanshutdown"
    with broker_process(tmp_path / "data") as broker:
        running = mark.exists()
        code = broker.stop()
        stopped = mark.exists()
        broker.start()
        broker.kill()

        assert (code, running, stopped, mark.exists()) == (0, False, True, False)


@pytest.mark.may_block("waits for a broker that gives up")
async def test_without_the_directory_of_the_metadata_no_log_in_another_is_touched(
    tmp_path: Path,
) -> None:
    directories = [tmp_path / "one", tmp_path / "two"]
    log_dirs = tuple(map(str, directories))
    async with broker_and_client(tmp_path, log_dirs=log_dirs) as (_, client):
        await make_topic(client, "pages")
        await write(client, "pages", batch_of(b"kept"))
    (home,) = (one for one in directories if (one / "__cluster_metadata-0").exists())
    assert not (home / "pages-0").exists()
    away = home.rename(tmp_path / "away")
    home.write_text("a mount that did not come up")

    alone = started(tmp_path, port=0, log_dirs=",".join(log_dirs))
    home.unlink()
    away.rename(home)

    assert alone.returncode == 1
    assert "__cluster_metadata-0 is in none of the usable log directories" in alone.stderr
    async with broker_and_client(tmp_path, log_dirs=log_dirs) as (_, client):
        assert await read(client, "pages") == [b"kept"]


@pytest.mark.may_block("renames directories between two brokers")
async def test_an_empty_disk_in_place_of_another_begins_no_partition_anew(tmp_path: Path) -> None:
    """As where a mount did not come up: the broker would write beside what is stored."""
    directories = [tmp_path / "one", tmp_path / "two"]
    log_dirs = tuple(map(str, directories))
    async with broker_and_client(tmp_path, log_dirs=log_dirs) as (_, client):
        await make_topic(client, "pages")
        await write(client, "pages", batch_of(b"kept"))
    (other,) = (one for one in directories if (one / "pages-0").exists())
    away = other.rename(tmp_path / "away")

    async with broker_and_client(tmp_path, log_dirs=log_dirs) as (_, client):
        refused = await write(client, "pages", batch_of(b"beside"))
        await make_topic(client, "new")
        taken = await write(client, "new", batch_of(b"new"))
    shutil.rmtree(other)
    away.rename(other)

    assert refused.error_code == ErrorCode.KAFKA_STORAGE_ERROR
    assert taken.error_code == ErrorCode.NONE
    async with broker_and_client(tmp_path, log_dirs=log_dirs) as (_, client):
        assert await read(client, "pages") == [b"kept"]
