"""From the name in a certificate to a user."""

import pytest
from cryptography.x509.oid import NameOID

from broker.security.principals import principal_of, rules_of
from tests.support.x509_names import attribute, certificate

DUKE = "CN=Duke,OU=ServiceUsers,O=Org,C=US"


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
