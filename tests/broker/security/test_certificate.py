"""What is read of a certificate."""

import datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from broker.security.certificate import alternative_names, distinguished_name, valid_until_s
from tests.support.certificates import Authority
from tests.support.x509_names import attribute, certificate


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


def test_the_other_names_of_a_subject_are_read(tmp_path: Path) -> None:
    pair = Authority(tmp_path).broker()
    made = x509.load_pem_x509_certificate(pair.certificate.read_bytes())

    names = alternative_names(made.public_bytes(Encoding.DER))

    assert names == {(2, "localhost"), (7, "127.0.0.1")}
    assert alternative_names(certificate(attribute(NameOID.COMMON_NAME, "x"))) == frozenset()


@given(st.binary(max_size=60))
def test_other_names_of_what_is_no_certificate_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="cannot be read"):
        alternative_names(data)


@pytest.mark.parametrize("year", [2027, 2049, 2050, 2199])
def test_the_end_of_a_certificate_is_read_in_both_forms_of_time(year: int) -> None:
    """RFC 5280: two digits of the year up to 2049, four from 2050 on."""
    ends = datetime.datetime(year, 2, 28, 23, 59, 58)

    read = valid_until_s(certificate(attribute(NameOID.COMMON_NAME, "x"), ends=ends))

    assert read == ends.replace(tzinfo=datetime.UTC).timestamp()


@given(st.binary(max_size=60))
def test_the_end_of_what_is_no_certificate_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="cannot be read"):
        valid_until_s(data)
