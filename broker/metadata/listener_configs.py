"""Settings of a single listener, as the metadata has them: listener.name.NAME.SETTING (KIP-226).

NAME is in small letters. How many connections a listener has is set for one broker or for all, what
protects it (`ssl.*`) for one broker only: the files are there. Kafka lets a listener that exists
take other stores at once and all else with the next start; here new connections have all of it.
"""

import re
from collections.abc import Iterable, Mapping

_NAME = re.compile(r"listener\.name\.([^.]*)\.(.+)")
LISTENER_BOUNDS = ("max.connections", "max.connection.creation.rate")
"""How many connections a listener has."""
OF_ALL_BROKERS = (*LISTENER_BOUNDS, "num.network.threads")
"""What a single listener can be given for all brokers at once."""
TLS = "ssl."


def setting_of_listener(name: str) -> tuple[str, str] | None:
    """(name of a listener in lower case, setting) that a name is about; None: of no listener."""
    found = _NAME.fullmatch(name)
    return (found[1].lower(), found[2]) if found else None


def settings_in_file(items: Iterable[str]) -> dict[str, str]:
    """The items NAME=VALUE of `listener_settings`, by name."""
    pairs = (item.partition("=") for item in items)
    return {name.strip(): value.strip() for name, _, value in pairs}


def listener_bounds(dynamic: Mapping[str, str], listener: str) -> dict[str, int]:
    """The LISTENER_BOUNDS that a listener was given."""
    own = _settings(dynamic, listener.lower())
    return {setting: int(value) for setting, value in own.items() if setting in LISTENER_BOUNDS}


def listener_tls(dynamic: Mapping[str, str], listener: str) -> dict[str, str]:
    """What a listener was given of `ssl.*`."""
    own = _settings(dynamic, listener.lower())
    return {setting: value for setting, value in own.items() if setting.startswith(TLS)}


def _settings(dynamic: Mapping[str, str], listener: str) -> dict[str, str]:
    abouts = {name: setting_of_listener(name) for name in dynamic}
    return {
        about[1]: dynamic[name] for name, about in abouts.items() if about and about[0] == listener
    }
