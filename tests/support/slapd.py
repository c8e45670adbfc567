"""A real directory, OpenLDAP's slapd, on loopback: people, groups, and things that are in the way.

`ann` is in platform, `bob` in engineers, `carl` in staff (by his name alone, as POSIX groups have
it), `dora` nowhere. Everybody's password is in PASSWORDS. `twin` is there twice. Only Footfall's
own account finds people; who is signed in sees oneself and the groups.
"""

import base64
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from dashboard.config import LdapConfig
from tests.support.certificates import Authority, Pair
from tests.support.ports import free_port
from tests.support.tools import slapd

BASE: Final = "dc=example,dc=com"
PEOPLE, GROUPS = f"ou=people,{BASE}", f"ou=groups,{BASE}"
OWN_DN, OWN_PASSWORD = f"cn=footfall,{BASE}", "the appliance's own"
ODD: Final = 'o\'neil (the *) \\2a, "x" + <y>; #z = ü'
ODD_RDN: Final = r"""uid=o'neil (the *) \\2a\, \"x\" \+ \<y\>\; #z \= ü"""
PASSWORDS: Final = {
    "ann": "ann's long word",
    "bob": "bob: äöü 漢字",
    "carl": "carl's word",
    "dora": "dora's word",
    "twin": "of both",
    ODD: "odd word",
}
DEADLINE_S: Final = 30.0
CONFIG: Final = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/nis.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
threads 4
{allow}
TLSCertificateFile {pair.certificate}
TLSCertificateKeyFile {pair.key}
database mdb
maxsize 8388608
suffix "{base}"
directory {data}
access to attrs=userPassword by anonymous auth
access to dn.subtree="{groups}" by users read
access to dn.subtree="{people}" by dn.exact="{own}" read by self read by anonymous auth
access to * by dn.exact="{own}" read by anonymous auth
"""


@dataclass
class Slapd:
    """One directory; it can be stopped and started again at the same place."""

    directory: Path
    authority: Authority
    pair: Pair
    port: int = field(default_factory=free_port)
    tls_port: int = field(default_factory=free_port)
    elsewhere: int = 9  # the port that referrals name
    allow: str = ""  # what else than usual
    _process: subprocess.Popen[bytes] | None = None

    @property
    def config(self) -> LdapConfig:
        """Of somebody who asks it as the manual says."""
        return LdapConfig(
            urls=(f"ldaps://127.0.0.1:{self.tls_port}",),
            ca_file=str(self.authority.certificate),
            bind_dn=OWN_DN,
            bind_password=OWN_PASSWORD,
            user_base=PEOPLE,
            group_base=GROUPS,
            admins=("platform",),
            editors=("engineers",),
            viewers=("staff", "odd"),
            timeout_s=DEADLINE_S,
        )

    def fill(self) -> None:
        """Before the first start."""
        data = self.directory / "data"
        data.mkdir()
        names = {"base": BASE, "groups": GROUPS, "people": PEOPLE, "own": OWN_DN}
        names["allow"] = f"allow {self.allow}" if self.allow else ""
        self._settings.write_text(CONFIG.format(pair=self.pair, data=data, **names))
        entries = self.directory / "entries.ldif"
        entries.write_text("\n".join(self._entries()))
        command = [slapd(), "-T", "add", "-q", "-f", str(self._settings), "-l", str(entries)]
        subprocess.run(command, check=True, timeout=DEADLINE_S, capture_output=True)

    def start(self) -> None:
        where = f"ldap://127.0.0.1:{self.port} ldaps://127.0.0.1:{self.tls_port}"
        where += f" ldaps://127.0.0.2:{self.tls_port}"  # which its certificate does not name
        with (self.directory / "log").open("ab") as log:
            command = [slapd(), "-f", str(self._settings), "-h", where, "-d", "0"]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        ends = time.monotonic() + DEADLINE_S
        while not (listens(self.port) and listens(self.tls_port)):
            if self._process.poll() is not None or time.monotonic() > ends:
                self.stop()
                raise AssertionError((self.directory / "log").read_text())
            time.sleep(0.01)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(DEADLINE_S)
            self._process = None

    @property
    def _settings(self) -> Path:
        return self.directory / "slapd.conf"

    def _entries(self) -> Iterator[str]:
        yield _entry(BASE, "dcObject", "organization", dc="example", o="Example")
        yield _entry(PEOPLE, "organizationalUnit", ou="people")
        yield _entry(GROUPS, "organizationalUnit", ou="groups")
        yield _entry(f"ou=former,{PEOPLE}", "organizationalUnit", ou="former")
        role = ("organizationalRole", "simpleSecurityObject")
        yield _entry(OWN_DN, *role, cn="footfall", userPassword=OWN_PASSWORD)
        for name, password in PASSWORDS.items():
            yield _person(ODD_RDN if name == ODD else f"uid={name}", name, password)
        yield _person("uid=twin,ou=former", "twin", PASSWORDS["twin"])
        rdns = {
            "platform": "uid=ann",
            "engineers": "uid=bob",
            "everybody": "uid=ann",
            "odd": ODD_RDN,
        }
        for group, rdn in rdns.items():
            member = f"{rdn},{PEOPLE}"
            yield _entry(f"cn={group},{GROUPS}", "groupOfNames", cn=group, member=member)
        posix = {"gidNumber": "100", "memberUid": "carl"}
        yield _entry(f"cn=staff,{GROUPS}", "posixGroup", cn="staff", **posix)
        elsewhere = f"ldap://127.0.0.1:{self.elsewhere}/{PEOPLE}"
        ref = f"cn=elsewhere,{PEOPLE}"
        yield _entry(ref, "referral", "extensibleObject", cn="elsewhere", ref=elsewhere)


def listens(port: int) -> bool:
    """Whether somebody takes connections on loopback there."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1.0):
        return True
    return False


def _person(rdn: str, name: str, password: str) -> str:
    values = {"cn": name, "sn": name, "uid": name, "userPassword": password}
    return _entry(f"{rdn},{PEOPLE}", "inetOrgPerson", **values)


def _entry(dn: str, *classes: str, **values: str) -> str:
    """In LDIF (RFC 2849), values in base64."""
    lines = [f"dn:: {_base64(dn)}", *(f"objectClass: {one}" for one in classes)]
    for name, value in values.items():
        lines.append(f"{name}:: {_base64(value)}")
    return "\n".join([*lines, ""])


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@contextmanager
def running_slapd(directory: Path, **options: Any) -> Iterator[Slapd]:
    """Filled and started; skips the test where there is no slapd."""
    slapd()
    authority = Authority(directory)
    made = Slapd(directory, authority, authority.broker("directory"), **options)
    made.fill()
    made.start()
    try:
        yield made
    finally:
        made.stop()
        shutil.rmtree(directory / "data")
