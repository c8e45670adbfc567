"""The roles of the appliance: how each is started, in which order, and where it listens.

The defaults of addresses are the roles' own (tests/house compares them): this package starts roles
and talks to them over the network, it does not import them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from footfall.settings import SettingsError, peek


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address a role listens on, as two settings of its section."""

    purpose: str
    host_key: str
    port_key: str
    default_port: int


@dataclass(frozen=True, slots=True)
class Role:
    """One process of the appliance."""

    name: str
    floor: int
    """Roles start floor by floor from 0 and stop from the top; one floor starts together."""
    section: str
    """Its section of footfall.toml."""
    module: tuple[str, ...]
    """What follows `python -m`."""
    endpoints: tuple[Endpoint, ...]


METRICS = "metrics"
PORT_MAX = 65_535

ROLES = (
    Role(
        "broker",
        0,
        "broker",
        ("broker",),
        (
            Endpoint("kafka", "host", "port", 9092),
            Endpoint(METRICS, "metrics_host", "metrics_port", 9101),
        ),
    ),
    Role(
        "ingest",
        1,
        "ingest",
        ("tracker", "ingest"),
        (
            Endpoint("beacons", "host", "port", 8090),
            Endpoint(METRICS, "metrics_host", "metrics_port", 9102),
        ),
    ),
    Role(
        "aggregate",
        1,
        "stream",
        ("tracker", "aggregate"),
        (Endpoint(METRICS, "metrics_host", "metrics_port", 9103),),
    ),
    Role(
        "export",
        1,
        "export",
        ("tracker", "export"),
        (Endpoint(METRICS, "metrics_host", "metrics_port", 9104),),
    ),
    Role("dashboard", 2, "dashboard", ("dashboard",), (Endpoint("pages", "host", "port", 8080),)),
)


@dataclass(frozen=True, slots=True)
class Address:
    """Where a role listens; port 0 means any free one, below 0 means it does not listen."""

    role: str
    section: str
    purpose: str
    host: str
    port: int
    port_key: str

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def chosen(names: Sequence[str]) -> tuple[Role, ...]:
    """The roles with these names, in starting order; raises SettingsError on an unknown one."""
    known = {role.name for role in ROLES}
    for name in names:
        if name not in known:
            raise SettingsError(f"roles names {name!r} in [up]; known: {', '.join(sorted(known))}")
    if not names:
        raise SettingsError("roles in [up] is empty: name at least one role")
    return tuple(role for role in ROLES if role.name in names)


def addresses(role: Role, path: Path | None) -> tuple[Address, ...]:
    """Where `role` will listen by the settings file at `path` and the environment."""
    return tuple(_address(role, endpoint, path) for endpoint in role.endpoints)


def _address(role: Role, endpoint: Endpoint, path: Path | None) -> Address:
    host = peek(role.section, endpoint.host_key, "127.0.0.1", path)
    port = peek(role.section, endpoint.port_key, endpoint.default_port, path)
    if port > PORT_MAX:
        raise SettingsError(
            f"{endpoint.port_key} = {port} in [{role.section}] is above the maximum {PORT_MAX}"
        )
    return Address(role.name, role.section, endpoint.purpose, host, port, endpoint.port_key)


def role_arguments(role: Role, config: Path | None, data_dir: Path) -> list[str]:
    """What follows the interpreter on a role's command line.

    -P: a folder named tracker or broker where the user happens to stand is not our code.
    """
    settings = [] if config is None else ["--config", str(config)]
    return ["-u", "-P", "-m", *role.module, *settings, "--data-dir", str(data_dir)]
