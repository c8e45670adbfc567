"""Settings of the dashboard: the [dashboard] section of footfall.toml."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import metadata
from os import environ
from pathlib import Path
from typing import Final

from dashboard.build import running_commit
from footfall.settings import SettingsError, load_named, peek, setting
from tracker.config import KafkaConfig, check_kafka

VERSION: Final = metadata.version("footfall")
COMMIT: Final = running_commit()  # at the start: a checkout may change under a running process
ROLE_SECTIONS: Final = (
    ("broker", "broker", 9101),
    ("ingest", "ingest", 9102),
    ("aggregate", "stream", 9103),
    ("export", "export", 9104),
)
"""Role, its section of the settings, and the default of its metrics_port."""


@dataclass(frozen=True, slots=True)
class DashboardConfig:
    """[dashboard]: pages, metrics and how clusters are watched."""

    host: str = setting("127.0.0.1", "address to listen on")
    port: int = setting(8080, "port to listen on; 0: any free one", low=0, high=65535)
    cluster_name: str = setting("local", "name of the cluster that [kafka] points to")
    bundled_broker: bool = setting(
        True, "the cluster of [kafka] is our own broker: watched closely, all metric names"
    )
    poll_interval_s: float = setting(
        5.0, "seconds between looks at a bundled broker", low=1, high=300
    )
    external_poll_interval_s: float = setting(
        15.0, "seconds between looks at any other cluster", low=1, high=300
    )
    poll_timeout_s: float = setting(5.0, "longest a look may take", low=0.5, high=120)
    lag_target_s: float = setting(
        60.0, "a group further behind than this, and falling, is SLOW", low=1
    )
    messages: bool = setting(True, "let people look into messages")
    schema_registry_url: str = setting(
        "", "schema registry of [kafka]'s cluster, Confluent's interface; empty: none"
    )
    schema_registry_username: str = setting("", "user name there; empty: none")
    schema_registry_password: str = setting("", "the password there", secret=True)
    connect_urls: tuple[str, ...] = setting(
        (), "workers of Kafka Connect, http://host:8083, one of each Connect cluster is enough"
    )
    connect_username: str = setting("", "user name there; empty: none")
    connect_password: str = setting("", "the password there", secret=True)
    readonly: bool = setting(False, "nothing can be changed through the dashboard")
    mcp: bool = setting(True, "agents may look at /mcp (Model Context Protocol), as sign_in says")
    sign_in: str = setting(
        "auto",
        "whether people have to sign in; auto: unless only this machine can reach it",
        choices=("auto", "on", "off"),
    )
    public_url: str = setting(
        "", "where browsers reach the dashboard through a proxy, such as https://stats.example.com"
    )
    trusted_proxies: tuple[str, ...] = setting(
        (), "addresses or networks whose X-Forwarded-For is trusted, for limits and the audit"
    )
    metrics_token: str = setting(
        "",
        "bearer token, or password of Basic auth, that /metrics asks for; empty: as sign_in says",
    )
    probe: str = setting(
        "auto",
        "write and read a record a second; auto: on a bundled broker only",
        choices=("auto", "on", "off"),
    )
    probe_interval_s: float = setting(1.0, "seconds between probe records", low=0.1, high=60)
    alert_webhook_url: str = setting(
        "", "where alerts are posted, in Alertmanager's JSON; empty: nowhere"
    )
    alert_slack_url: str = setting(
        "", "a Slack-compatible incoming webhook for alerts; empty: none"
    )
    alert_email_to: tuple[str, ...] = setting((), "addresses that get alerts by mail")
    alert_email_from: str = setting("footfall@localhost", "sender of the mail")
    alert_repeat_hours: float = setting(
        4.0, "hours until an alert that still fires is sent again", low=0.1, high=168
    )
    visitors_alert_from: int = setting(
        50,
        "visitors an hour from which VisitorsSpike and VisitorsDrop apply to a site; 0: never",
        low=0,
        high=1_000_000_000,
    )
    report_email_to: tuple[str, ...] = setting(
        (), "addresses that get the weekly report of every site by mail, on Mondays at 06:00 UTC"
    )
    report_slack_url: str = setting(
        "", "a Slack-compatible incoming webhook for the same; empty: none"
    )
    smtp_host: str = setting("127.0.0.1", "mail server")
    smtp_port: int = setting(25, "its port", low=1, high=65535)
    smtp_security: str = setting("none", "how to talk to it", choices=("none", "starttls", "tls"))
    smtp_username: str = setting("", "user name at the mail server; empty: none")
    smtp_password: str = setting(
        "", "the password; better FOOTFALL_DASHBOARD__SMTP_PASSWORD", secret=True
    )
    environment: str = setting("", "a word such as PROD, shown in a coloured bar on every page")
    grafana_url: str = setting("", "where Grafana is, for links; empty: no links")
    tracker_url: str = setting(
        "", "where browsers reach the tracker, for the snippet; empty: as [ingest] says"
    )
    role_metrics: tuple[str, ...] = setting(
        (),
        "ROLE=URL of each role whose metrics are gathered under /metrics; none: as the roles' own"
        " sections say",
    )
    metrics_fork_aliases: bool = setting(
        True, "also the names of kafka_exporter's forks, two series a group and partition"
    )
    metrics_jmx_names: str = setting(
        "auto",
        "also names of JMX exporters; auto: for the bundled broker only",
        choices=("auto", "on", "off"),
    )
    metrics_max_series: int = setting(
        20_000,
        "never more series: aliases, connectors, JMX names, single partitions go first",
        low=100,
    )
    metrics_exclude_groups: str = setting(
        "^(console-consumer-|.*-[0-9a-f]{8}-[0-9a-f-]{27}$)",
        "groups left out of metrics, a regular expression (RE2)",
    )
    metrics_extra_labels: tuple[str, ...] = setting(
        (), "labels on every series of /metrics, NAME=VALUE, such as place=berlin; ten at most"
    )


@dataclass(frozen=True, slots=True)
class OidcConfig:
    """[oidc]: sign-in to the dashboard at an OpenID Connect provider; off without an issuer."""

    issuer: str = setting("", "the provider's issuer, https://...; empty: passwords only")
    client_id: str = setting("", "what Footfall is called there")
    client_secret: str = setting(
        "", "the secret; better FOOTFALL_OIDC__CLIENT_SECRET; empty: a public client", secret=True
    )
    scopes: str = setting("openid profile email", "scopes to request; must include openid")
    name_claim: str = setting("preferred_username", "claim that names a person; without it: sub")
    roles_claim: str = setting(
        "groups", "claim with groups or roles, of the token or of userinfo; a.b: within a"
    )
    admins: tuple[str, ...] = setting((), "values of that claim that make an admin")
    editors: tuple[str, ...] = setting((), "values that make an editor")
    viewers: tuple[str, ...] = setting((), "values that make a viewer; *: everybody who signs in")
    label: str = setting("Sign in with single sign-on", "what the button on the sign-in page says")
    session_hours: float = setting(
        12.0, "hours until such a session ends and roles are read again", low=0.1, high=168
    )


@dataclass(frozen=True, slots=True)
class LdapConfig:
    """[ldap]: sign-in with accounts of an LDAP directory or Active Directory; off without urls."""

    urls: tuple[str, ...] = setting(
        (), "its servers, ldaps://host or ldap://host, asked in this order; none: no directory"
    )
    start_tls: bool = setting(False, "start TLS on ldap:// before anything is sent")
    allow_plain: bool = setting(
        False, "ldap:// without TLS also to other machines, which sends passwords in the clear"
    )
    ca_file: str = setting(
        "", "PEM file of the authorities of its certificates; empty: those this machine trusts"
    )
    bind_dn: str = setting(
        "", "account that looks people up; empty: none, or the person's own if user_dn is set"
    )
    bind_password: str = setting(
        "", "its password; better FOOTFALL_LDAP__BIND_PASSWORD", secret=True
    )
    user_dn: str = setting(
        "",
        "who people are without a look: uid={username},ou=people,dc=example,dc=com, or"
        " {username}@example.com (Active Directory)",
    )
    user_base: str = setting("", "where people are looked up: ou=people,dc=example,dc=com")
    user_filter: str = setting(
        "(uid={username})", "which entry is theirs; Active Directory: (sAMAccountName={username})"
    )
    name_attribute: str = setting(
        "uid", "attribute that names them here; Active Directory: sAMAccountName"
    )
    group_base: str = setting("", "where groups are; empty: nobody is in any")
    group_filter: str = setting(
        "(|(member={dn})(uniqueMember={dn})(memberUid={username}))", "which of them somebody is in"
    )
    group_attribute: str = setting("cn", "attribute that names a group")
    admins: tuple[str, ...] = setting((), "names of groups that make an admin")
    editors: tuple[str, ...] = setting((), "names that make an editor")
    viewers: tuple[str, ...] = setting((), "names that make a viewer; *: everybody it knows")
    label: str = setting("LDAP", "what the sign-in page calls the directory")
    session_hours: float = setting(
        12.0, "hours until such a session ends and roles are read again", low=0.1, high=168
    )
    timeout_s: float = setting(
        10.0, "longest a sign-in waits for the directory, all its servers together", low=1, high=60
    )


@dataclass(frozen=True, slots=True)
class MaskConfig:
    """[masks.NAME]: what nobody sees of messages in the dashboard; any number of them."""

    topics: str = setting("", "names of topics, a regular expression for the whole name; needed")
    fields: tuple[str, ...] = setting(
        (),
        "fields of JSON: email, user.email, **.email at any depth; a value that is not JSON is"
        " hidden as a whole",
    )
    pattern: str = setting("", "what is hidden in keys, values and headers, an expression (RE2)")
    headers: tuple[str, ...] = setting((), "names of headers that are hidden")
    key: bool = setting(False, "the whole key is hidden")
    value: bool = setting(False, "the whole value is hidden")
    action: str = setting(
        "replace",
        "what becomes of it; hash: the same for the same value",
        choices=("replace", "hash", "remove"),
    )
    replacement: str = setting("***", "replacement text for action replace")


@dataclass(frozen=True, slots=True)
class RightsConfig:
    """[rights.NAME]: who sees and changes what, beside roles; any number of them."""

    who: tuple[str, ...] = setting(
        (),
        "people it applies to: everybody, role:viewer, user:ann, sso:ann, ldap:ann, group:shop,"
        " token:ci; needed",
    )
    clusters: str = setting(".*", "names of clusters, a regular expression for the whole name")
    topics: str = setting("", "names of topics that are seen, the same; empty: none")
    groups: str = setting("", "ids of groups that are seen, the same; empty: none")
    sites: str = setting("", "sites whose activity is visible, in the same way; empty: none")
    messages: bool = setting(True, "messages of these topics may be read and produced")
    actions: tuple[str, ...] = setting(
        (), "what may be changed, within the role: names of actions, or *; empty: nothing"
    )
    whole_clusters: bool = setting(
        False, "also what tells of a whole cluster: rights, connectors, brokers' settings, audit"
    )


@dataclass(frozen=True, slots=True)
class ClusterConfig(KafkaConfig):
    """[clusters.NAME]: a further cluster to watch; any number of them. The keys of [kafka]."""

    bootstrap_servers: str = setting("", "brokers to ask first, host:port,host:port; needed")
    schema_registry_url: str = setting("", "its schema registry, as Confluent's; empty: none")
    schema_registry_username: str = setting("", "user name there; empty: none")
    schema_registry_password: str = setting("", "the password there", secret=True)
    connect_urls: tuple[str, ...] = setting(
        (), "workers of Kafka Connect, http://host:8083, one of each Connect cluster is enough"
    )
    connect_username: str = setting("", "user name there; empty: none")
    connect_password: str = setting("", "the password there", secret=True)
    readonly: bool = setting(False, "nothing can be changed in it through the dashboard")


def further_clusters(
    first: str, path: Path | None, variables: Mapping[str, str] = environ
) -> dict[str, ClusterConfig]:
    """Clusters beside that of [kafka], which is called `first`; raises SettingsError."""
    found = load_named("clusters", ClusterConfig, path, variables)
    for name, cluster in found.items():
        if not cluster.bootstrap_servers:
            raise SettingsError(f"[clusters.{name}] names no bootstrap_servers")
        check_kafka(cluster, f"[clusters.{name}]")
        if not name.strip() or name == first:
            raise SettingsError(f"[clusters.{name}]: {name!r} is what [kafka]'s cluster is called")
    return found


def with_neighbours(
    config: DashboardConfig, path: Path | None, variables: Mapping[str, str] = environ
) -> DashboardConfig:
    """The settings with what they leave to the other roles' sections filled in.

    A role with port 0 or below cannot be found by its settings and is left out.
    """
    found = config
    if not config.role_metrics:
        urls = []
        for role, section, default in ROLE_SECTIONS:
            host = peek(section, "metrics_host", "127.0.0.1", path, variables)
            port = peek(section, "metrics_port", default, path, variables)
            if port > 0 and (role != "broker" or config.bundled_broker):
                urls.append(f"{role}=http://{_reachable(host)}:{port}/metrics")
        found = replace(found, role_metrics=tuple(urls))
    if not config.tracker_url:
        host = peek("ingest", "host", "127.0.0.1", path, variables)
        port = peek("ingest", "port", 8090, path, variables)
        found = replace(found, tracker_url=f"http://{_reachable(host)}:{port}")
    return found


def _reachable(host: str) -> str:
    """An address to connect to where `host` is one to listen on."""
    if host in ("0.0.0.0", "::", ""):
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host
