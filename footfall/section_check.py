"""Reads every section of the settings once, so that a mistake is told before anything starts."""

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from footfall.settings import NAMED_SECTIONS, load, load_named

SETTINGS_OF: Final = {
    "broker": ("broker.config", "BrokerConfig"),
    "kafka": ("tracker.config", "KafkaConfig"),
    "ingest": ("tracker.config", "IngestConfig"),
    "stream": ("tracker.config", "StreamConfig"),
    "export": ("tracker.config", "ExportConfig"),
    "dashboard": ("dashboard.config", "DashboardConfig"),
    "clusters": ("dashboard.config", "ClusterConfig"),
    "masks": ("dashboard.config", "MaskConfig"),
    "rights": ("dashboard.config", "RightsConfig"),
    "oidc": ("dashboard.config", "OidcConfig"),
    "ldap": ("dashboard.config", "LdapConfig"),
    "demo": ("footfall.config", "DemoConfig"),
}
"""Where each section's dataclass stands; read by name, since the command does not import roles."""


def check_sections(config: Path | None) -> None:
    """SettingsError for the first key or value of any role that cannot be used."""
    for section in SETTINGS_OF:
        settings_of(section, config)


def settings_of(section: str, config: Path | None) -> Any:
    """A role's settings, in its own dataclass; SettingsError if they cannot be used."""
    module, name = SETTINGS_OF[section]
    read: Callable[..., Any] = load_named if section in NAMED_SECTIONS else load
    return read(section, getattr(importlib.import_module(module), name), config)
