"""Settings of a single listener, which stand before those of all: listener.name.NAME.SETTING.

Kafka's names and its syntax: NAME in small letters, SETTING with dots (KIP-103). What protects a
listener can be set so: `ssl.*`, `sasl.*` and how long a log-in holds.
"""

import dataclasses
import re
from collections.abc import Iterable

from broker.config import BrokerConfig
from footfall.settings import SettingsError, with_texts

_ITEM = re.compile(r"listener\.name\.([^.=\s]+)\.([a-z][a-z0-9.]*)\s*=(.*)", re.DOTALL)
_FAMILIES = "sasl_", "ssl_"
_OTHERS = frozenset(("connections_max_reauth_ms",))
_SETTABLE = frozenset(
    field.name
    for field in dataclasses.fields(BrokerConfig)
    if field.name.startswith(_FAMILIES) or field.name in _OTHERS
)


def own_settings(config: BrokerConfig, names: Iterable[str]) -> dict[str, BrokerConfig]:
    """The settings of each listener by its name; SettingsError never tells a secret."""
    texts: dict[str, dict[str, str]] = {name: {} for name in names}
    by_small_name = {name.lower(): name for name in texts}
    for number, item in enumerate(config.listener_settings, start=1):
        found = _ITEM.fullmatch(item.strip())
        if found is None:  # told by its place: it may be a piece of a password with a comma in it
            raise SettingsError(
                f"number {number} of listener_settings in [broker] is not"
                " listener.name.NAME.SETTING=VALUE"
            )
        name, setting, text = found.groups()
        key, shown = setting.replace(".", "_"), f"'listener.name.{name}.{setting}'"
        if name not in by_small_name:
            raise SettingsError(
                f"{shown} of listener_settings in [broker] names no listener:"
                f" {', '.join(sorted(by_small_name))}"
            )
        if key not in _SETTABLE:
            raise SettingsError(
                f"{shown} of listener_settings in [broker] cannot be set for a single listener"
            )
        texts[by_small_name[name]][key] = text.strip()
    return {
        name: with_texts(config, own, f"listener_settings of {name} in [broker]")
        for name, own in texts.items()
    }
