"""Settings of a single listener, which stand before those of all: listener.name.NAME.SETTING.

Kafka's names and its syntax: NAME in small letters, SETTING with dots (KIP-103). What protects a
listener can be set so: `ssl.*`, `sasl.*` and how long a log-in holds. For one mechanism alone, in
small letters too (listener.name.NAME.MECHANISM.SETTING), its users (`sasl.jaas.config`), how long
its log-ins hold, and for oauthbearer `sasl.oauthbearer.*`.
"""

import dataclasses
import re
from collections.abc import Iterable, Mapping

from broker.config import BrokerConfig
from broker.security.mechanisms import MECHANISMS, OAUTHBEARER, OfMechanism
from footfall.settings import SettingsError, with_texts

_ITEM = re.compile(r"listener\.name\.([^.=\s]+)\.([a-z][a-z0-9.-]*)\s*=(.*)", re.DOTALL)
_FAMILIES = "sasl_", "ssl_"
_SESSION = "connections_max_reauth_ms"
_SETTABLE = frozenset(
    field.name
    for field in dataclasses.fields(BrokerConfig)
    if field.name.startswith(_FAMILIES) or field.name == _SESSION
)
_MECHANISM = {name.lower(): name for name in MECHANISMS}
_JAAS = "sasl_jaas_config"
_OF_TOKENS = "sasl_oauthbearer_"


@dataclasses.dataclass(frozen=True, slots=True)
class OwnSettings:
    """What counts for one listener."""

    config: BrokerConfig
    mechanisms: Mapping[str, OfMechanism] = dataclasses.field(default_factory=dict)
    """What is set for single mechanisms, by their names."""


def own_settings(config: BrokerConfig, names: Iterable[str]) -> dict[str, OwnSettings]:
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
        shown = f"'listener.name.{name}.{setting}'"
        if name not in by_small_name:
            raise SettingsError(
                f"{shown} of listener_settings in [broker] names no listener:"
                f" {', '.join(sorted(by_small_name))}"
            )
        if not _can_be_set(setting):
            raise SettingsError(
                f"{shown} of listener_settings in [broker] cannot be set for a single listener"
            )
        texts[by_small_name[name]][setting] = text.strip()
    return {name: _own(config, name, own) for name, own in texts.items()}


def _can_be_set(setting: str) -> bool:
    mechanism, field = _parts(setting)
    if not mechanism:
        return field in _SETTABLE
    of_tokens = mechanism == OAUTHBEARER and field.startswith(_OF_TOKENS)
    return field in (_JAAS, _SESSION) or (of_tokens and field in _SETTABLE)


def _parts(setting: str) -> tuple[str, str]:
    """The mechanism that a setting is of, or "", and its field."""
    first, _, rest = setting.partition(".")
    mechanism = _MECHANISM.get(first, "")
    return mechanism, (rest if mechanism else setting).replace(".", "_")


def _own(config: BrokerConfig, listener: str, texts: Mapping[str, str]) -> OwnSettings:
    """What is set for a mechanism stands before what is set for its listener."""
    place = f"listener_settings of {listener} in [broker]"
    of_listener: dict[str, str] = {}
    of_tokens: dict[str, str] = {}
    mechanisms: dict[str, OfMechanism] = {}
    for setting, text in texts.items():
        mechanism, field = _parts(setting)
        own = mechanisms.get(mechanism, OfMechanism())
        if not mechanism:
            of_listener[field] = text
        elif field == _JAAS:
            mechanisms[mechanism] = dataclasses.replace(own, jaas=text)
        elif field == _SESSION:
            bound = with_texts(config, {field: text}, place).connections_max_reauth_ms
            mechanisms[mechanism] = dataclasses.replace(own, session_ms_max=bound)
        else:
            of_tokens[field] = text
    return OwnSettings(with_texts(config, of_listener | of_tokens, place), mechanisms)
