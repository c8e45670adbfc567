"""What of [ldap] cannot work is told before anybody signs in, by the name of its key."""

import ast
from dataclasses import replace
from typing import Any

import pytest

from dashboard.access.ldap import settings
from dashboard.access.ldap.settings import Host
from dashboard.app import directory
from dashboard.config import DashboardConfig, LdapConfig
from footfall.settings import SettingsError
from tests.support.tree import python_files, shown
from tracker.clock import SystemClock

GOOD = LdapConfig(
    urls=("ldaps://one.example",),
    bind_dn="cn=footfall,dc=example",
    bind_password="secret",
    user_base="ou=people,dc=example",
    group_base="ou=groups,dc=example",
    admins=("platform",),
)
DIRECT = replace(GOOD, bind_dn="", bind_password="", user_dn="uid={username},ou=people,dc=example")
PRINCIPAL = replace(
    DIRECT,
    user_dn="{username}@example.com",
    user_filter="(&(objectClass=user)(userPrincipalName={username}@example.com))",
    name_attribute="sAMAccountName",
    group_filter="(member:1.2.840.113556.1.4.1941:={dn})",
)


def built(config: LdapConfig) -> Any:
    return directory(DashboardConfig(sign_in="on"), config, SystemClock())


@pytest.mark.parametrize(
    "config",
    [
        GOOD,
        DIRECT,
        PRINCIPAL,
        replace(GOOD, bind_dn="", bind_password=""),  # whoever may look
        replace(GOOD, user_filter="(|(uid={username})(mail={username}))"),
        replace(GOOD, user_filter="(sAMAccountName={username})"),
        replace(GOOD, admins=(), viewers=("*",), group_base=""),
        replace(DIRECT, user_base=""),
        replace(GOOD, urls=("ldap://one.example",), start_tls=True),
        replace(GOOD, urls=("ldap://one.example",), allow_plain=True),
        replace(GOOD, urls=("ldap://127.0.0.1:3389", "ldap://[::1]")),
    ],
)
def test_settings_that_work_are_taken(config: LdapConfig) -> None:
    made = built(config)

    assert made.config is config


@pytest.mark.parametrize(
    ("config", "changes", "complaint"),
    [
        (GOOD, {"urls": ("http://one.example",)}, "urls .* is not like ldaps"),
        (GOOD, {"urls": ("ldaps://",)}, "urls .* is not like ldaps"),
        (GOOD, {"urls": ("ldaps://one.example/dc=example",)}, "urls .* is not like ldaps"),
        (GOOD, {"urls": ("ldaps://one.example:x",)}, "urls .* is no address"),
        (GOOD, {"urls": ("ldap://one.example",)}, "urls .* passwords in the clear"),
        (
            GOOD,
            {"urls": ("ldaps://one.example", "ldap://two.example")},
            "'ldap://two.example' would get passwords in the clear",
        ),
        (GOOD, {"start_tls": True}, "start_tls .* ldap://"),
        (GOOD, {"ca_file": "/nowhere.pem"}, "ca_file .* holds no certificates"),
        (GOOD, {"ca_file": __file__}, "ca_file .* holds no certificates"),
        (GOOD, {"bind_password": ""}, "bind_password .* is missing"),
        (GOOD, {"bind_dn": ""}, "bind_dn .* is missing"),
        (GOOD, {"user_dn": "uid={username},dc=example"}, "user_dn .* two ways"),
        (GOOD, {"user_base": ""}, "user_base .* is missing"),
        (GOOD, {"user_base": "people"}, "user_base .* is no DN"),
        (GOOD, {"user_filter": "(uid=bob)"}, "user_filter .* has no {username}"),
        (GOOD, {"user_filter": "uid={username}"}, "user_filter .* is no filter"),
        (GOOD, {"user_filter": "(|(uid={username})"}, "user_filter .* is no filter"),
        (GOOD, {"name_attribute": ""}, "name_attribute .* is empty"),
        (GOOD, {"admins": ()}, "nobody a role"),
        (GOOD, {"group_base": ""}, "group_base .* is missing"),
        (GOOD, {"group_base": "x"}, "group_base .* is no DN"),
        (GOOD, {"group_filter": "(cn=*)"}, "group_filter .* has no {dn} or {username}"),
        (GOOD, {"group_filter": "(member={dn}"}, "group_filter .* is no filter"),
        (GOOD, {"group_attribute": ""}, "group_attribute .* is empty"),
        (DIRECT, {"user_dn": "uid=bob,dc=example"}, "user_dn .* has no {username}"),
        (DIRECT, {"user_dn": "uid={username},people"}, "user_dn .* is no DN"),
        (PRINCIPAL, {"user_filter": "(sAMAccountName={username})"}, "user_filter .* must have"),
        (PRINCIPAL, {"user_base": ""}, "user_base .* is missing"),
    ],
)
def test_settings_that_cannot_work_are_named(
    config: LdapConfig, changes: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(SettingsError, match=complaint):
        built(replace(config, **changes))


def test_what_is_told_of_wrong_settings_holds_no_password() -> None:
    with pytest.raises(SettingsError) as caught:
        built(replace(GOOD, bind_dn="", bind_password="hush"))

    assert "hush" not in f"{caught.value} {GOOD!r}"


def test_a_directory_without_sign_in_is_refused() -> None:
    with pytest.raises(SettingsError, match="sign_in"):
        directory(DashboardConfig(), GOOD, SystemClock())


def test_servers_are_asked_in_their_order_at_the_usual_ports() -> None:
    urls = ("ldaps://one.example", "ldap://127.0.0.1", "LDAPS://[2001:db8::1]:1636/")

    found = settings.hosts(replace(GOOD, urls=urls))

    assert found == (
        Host("one.example", 636, True),
        Host("127.0.0.1", 389, False),
        Host("2001:db8::1", 1636, True),
    )


def test_the_library_is_read_only_where_there_is_a_directory() -> None:
    """It takes a tenth of a second, which the start of everybody else need not."""
    reads_it = {"ldap3", "dashboard.access.ldap.client", "dashboard.access.ldap.settings"}

    at_once = {
        shown(path)
        for path in python_files("dashboard")
        if "ldap" in path.read_text()
        for node in ast.parse(path.read_text()).body
        if any(name == one or name.startswith("ldap3.") for one in reads_it for name in named(node))
    }

    assert at_once == {f"dashboard/access/ldap/{name}.py" for name in ("client", "settings")}


def named(node: ast.stmt) -> list[str]:
    """Modules that a line of a file imports, and what may be one."""
    if isinstance(node, ast.Import):
        return [one.name for one in node.names]
    if isinstance(node, ast.ImportFrom):
        module = node.module or ""
        return [module, *(f"{module}.{one.name}" for one in node.names)]
    return []
