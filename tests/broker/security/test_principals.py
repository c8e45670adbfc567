import datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from broker.security.principals import distinguished_name, principal_of, rules_of

KEY = ec.generate_private_key(ec.SECP256R1())
DUKE = "CN=Duke,OU=ServiceUsers,O=Org,C=US"


def certificate(*parts: list[x509.NameAttribute[str]]) -> bytes:
    """A certificate (DER) with these parts of its subject, from the most general one."""
    subject = x509.Name([x509.RelativeDistinguishedName(part) for part in parts])
    day = datetime.datetime(2026, 1, 1)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority")]))
        .public_key(KEY.public_key())
        .serial_number(1)
        .not_valid_before(day)
        .not_valid_after(day + datetime.timedelta(days=1))
        .sign(KEY, hashes.SHA256())
    )
    return made.public_bytes(Encoding.DER)


def attribute(oid: x509.ObjectIdentifier, value: str) -> list[x509.NameAttribute[str]]:
    return [x509.NameAttribute(oid, value)]


def test_a_name_is_written_as_java_writes_it() -> None:
    made = certificate(
        attribute(NameOID.COUNTRY_NAME, "US"),
        attribute(NameOID.STATE_OR_PROVINCE_NAME, "California"),
        attribute(NameOID.ORGANIZATION_NAME, "Org"),
        attribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "ServiceUsers"),
        attribute(NameOID.COMMON_NAME, "Duke"),
    )

    assert distinguished_name(made) == "CN=Duke,OU=ServiceUsers,O=Org,ST=California,C=US"


def test_what_means_something_in_a_name_is_escaped() -> None:
    made = certificate(attribute(NameOID.COMMON_NAME, ' a,b+c"d\\e<f>g;h=i# '))

    assert distinguished_name(made) == r"CN=\ a\,b\+c\"d\\e\<f\>g\;h\=i\#\ "


def test_a_kind_of_part_that_rfc_2253_does_not_name_is_told_by_number() -> None:
    mail = x509.NameAttribute(NameOID.EMAIL_ADDRESS, "a@b.c", _ASN1Type.IA5String)

    assert distinguished_name(certificate([mail])) == "1.2.840.113549.1.9.1=#16056140622e63"


def test_parts_of_several_attributes_are_joined_by_plus() -> None:
    both = [
        x509.NameAttribute(NameOID.COMMON_NAME, "x"),
        x509.NameAttribute(NameOID.USER_ID, "y"),
    ]

    name = distinguished_name(certificate(both))

    assert set(name.split("+")) == {"CN=x", "UID=y"}


def test_other_alphabets_are_read() -> None:
    value = "жу" * 16

    assert distinguished_name(certificate(attribute(NameOID.COMMON_NAME, value))) == f"CN={value}"


@given(st.binary(max_size=60))
def test_what_is_no_certificate_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="cannot be read"):
        distinguished_name(data)


def mapped(rules: str, name: str) -> str | None:
    """As Apache Kafka's documentation of ssl.principal.mapping.rules tells it."""
    for rule in rules_of(rules):
        made = rule.apply(name)
        if made is not None:
            return made
    return None


@pytest.mark.parametrize(
    ("rules", "name", "user"),
    [
        ("DEFAULT", DUKE, DUKE),
        ("", DUKE, DUKE),
        ("RULE:^CN=(.*?),OU=ServiceUsers.*$/$1/", DUKE, "Duke"),
        ("RULE:^CN=(.*?),OU=ServiceUsers.*$/$1/L", DUKE, "duke"),
        ("RULE:^CN=(.*?),OU=ServiceUsers.*$/$1/U,DEFAULT", DUKE, "DUKE"),
        ("RULE:^CN=(.*?),OU=Admins.*$/$1/ , DEFAULT", DUKE, DUKE),
        ("RULE:^CN=(.*?),OU=(.*?),O=.*$/$1@$2/", DUKE, "Duke@ServiceUsers"),
        ("RULE:^CN=Duke.*$/the duke/,DEFAULT", DUKE, "the duke"),
        (r"RULE:^CN=(.*?),.*$/a\/$1\$/", DUKE, "a/Duke$"),
        ("RULE:^CN=Du$/x/", DUKE, None),
        ("RULE:^CN=(.*?),OU=Admins.*$/$1/", DUKE, None),
    ],
)
def test_the_first_rule_about_the_whole_name_counts(
    rules: str, name: str, user: str | None
) -> None:
    assert mapped(rules, name) == user


@pytest.mark.parametrize(
    "rules",
    ["default", "RULE:a/b", "RULE:a/b/X", "RULE:(/b/", "RULE:a/$1/", "DEFAULT DEFAULT", "DEFAULT;"],
)
def test_a_rule_that_is_none_is_refused(rules: str) -> None:
    with pytest.raises(ValueError):
        rules_of(rules)


def test_a_client_without_a_certificate_is_nobody() -> None:
    assert principal_of(None, rules_of("DEFAULT")) == "User:ANONYMOUS"


def test_a_client_that_no_rule_is_about_is_refused() -> None:
    made = certificate(attribute(NameOID.COMMON_NAME, "x"))

    assert principal_of(made, rules_of("RULE:^CN=(.*)$/$1/")) == "User:x"
    with pytest.raises(ValueError, match=r"no rule .* is about 'CN=x'"):
        principal_of(made, rules_of("RULE:^CN=y$/y/"))
