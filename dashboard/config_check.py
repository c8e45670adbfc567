"""What a value of [dashboard] must be beyond its type; told at the start, not at the first use."""

from typing import Any, Final
from urllib.parse import urlsplit

import re2

from dashboard.config import DashboardConfig
from footfall.settings import SettingsError

ADDRESSES: Final = (
    "alert_webhook_url",
    "alert_slack_url",
    "public_url",
    "grafana_url",
    "tracker_url",
)


def check(config: DashboardConfig) -> None:
    """Raises SettingsError."""
    for key in ADDRESSES:
        _address(key, getattr(config, key))
    if not config.cluster_name.strip():
        raise SettingsError("cluster_name in [dashboard] is empty")
    quiet: Any = re2.Options()
    quiet.log_errors = False
    try:
        re2.compile(config.metrics_exclude_groups, quiet)
    except re2.error as error:
        said = error.args[0].decode() if isinstance(error.args[0], bytes) else str(error)
        shown = repr(config.metrics_exclude_groups)
        raise SettingsError(
            f"metrics_exclude_groups in [dashboard]: {shown} is no expression: {said}"
        ) from error


def _address(key: str, value: str) -> None:
    try:
        parts = urlsplit(value)
        good = not value or (parts.scheme in ("http", "https") and bool(parts.hostname))
    except ValueError:
        good = False
    if not good:
        raise SettingsError(f"{key} in [dashboard] has {value!r}, which is no http address")
