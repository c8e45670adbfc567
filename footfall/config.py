"""Settings of the command itself: how `up` supervises, and what `demo` plays."""

from dataclasses import dataclass
from pathlib import Path

from footfall.settings import setting

ROLES = ("broker", "ingest", "aggregate", "export", "dashboard")
DEFAULT_FILE = Path("footfall.toml")


@dataclass(frozen=True, slots=True)
class UpConfig:
    """Section [up]."""

    roles: tuple[str, ...] = setting(
        ROLES,
        'what `footfall up` starts; leave out "broker" where [kafka] names another cluster',
    )
    start_timeout_seconds: float = setting(
        30.0,
        "time a role may take to start; doubles each time it dies, up to 16 times",
        low=0.1,
        high=3_600,
    )
    stop_timeout_seconds: float = setting(
        20.0, "time a role may take to stop before it is killed", low=0.1, high=3_600
    )
    restart_first_seconds: float = setting(
        0.2, "wait before a dead role is restarted; doubles each time it dies", low=0, high=60
    )
    restart_most_seconds: float = setting(30.0, "the longest such wait", low=0.1, high=3_600)
    steady_seconds: float = setting(
        60.0, "a role that ran this long starts with the first wait again", low=0
    )
    log_file_bytes: int = setting(
        10_000_000, "size at which <data_dir>/logs/<role>.log is rotated", low=1_000
    )
    log_files_kept: int = setting(4, "rotated log files kept of each role", low=1, high=1_000)
    disk_free_bytes_min: int = setting(100_000_000, "minimum free space at the start", low=0)


@dataclass(frozen=True, slots=True)
class DemoConfig:
    """Section [demo]."""

    host: str = setting("127.0.0.1", "address where the demo site is served")
    port: int = setting(8100, "its port; 0: any free one", low=0, high=65535)
    site: str = setting(
        "demo.localhost", "site name of its events; registered when the demo starts"
    )
    visitors_per_minute: float = setting(30.0, "how many visitors arrive", low=0.1, high=6_000)
    page_seconds: float = setting(
        4.0, "how long a visitor stays on a page, on average", low=0.01, high=600
    )


def settings_file(chosen: Path | None) -> Path | None:
    """The file to read: the chosen one, else ./footfall.toml where it exists, else none."""
    if chosen is not None:
        return chosen
    return DEFAULT_FILE if DEFAULT_FILE.is_file() else None
