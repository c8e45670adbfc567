"""What entries mean, and which of them a DENY stands above."""

import pytest

from dashboard.security.meaning import denied_by, names, sentence
from tracker.kafka.security import Acl, Mechanism, ScramSecret

ANN = Acl("User:ann", "TOPIC", "orders", "LITERAL", "READ", "ALLOW")


@pytest.mark.parametrize(
    ("acl", "says"),
    [
        (ANN, "User:ann may READ (and so DESCRIBE) topic orders, from any host."),
        (
            Acl("User:ann", "TRANSACTIONAL_ID", "*", "LITERAL", "ALL", "DENY", "10.0.0.1"),
            "User:ann may not do everything with every transactional id, from 10.0.0.1.",
        ),
        (
            Acl("User:ann", "CLUSTER", "kafka-cluster", "LITERAL", "ALTER_CONFIGS", "ALLOW"),
            "User:ann may ALTER_CONFIGS (and so DESCRIBE_CONFIGS) the cluster, from any host.",
        ),
    ],
)
def test_an_entry_is_told_as_a_sentence(acl: Acl, says: str) -> None:
    assert sentence(acl) == says


def test_a_prefix_names_what_begins_so_and_a_star_everything() -> None:
    prefix = Acl("User:ann", "TOPIC", "or", "PREFIXED", "READ", "ALLOW")
    star = Acl("User:ann", "TOPIC", "*", "LITERAL", "READ", "ALLOW")

    assert [names(prefix, name) for name in ("orders", "or", "o")] == [True, True, False]
    assert names(star, "orders") and names(ANN, "orders") and not names(ANN, "order")


@pytest.mark.parametrize(
    ("denial", "stands_above"),
    [
        (Acl("User:*", "TOPIC", "*", "LITERAL", "ALL", "DENY"), True),
        (Acl("User:ann", "TOPIC", "ord", "PREFIXED", "READ", "DENY", "10.0.0.1"), True),
        (Acl("User:bob", "TOPIC", "orders", "LITERAL", "READ", "DENY"), False),
        (Acl("User:ann", "TOPIC", "orders", "LITERAL", "WRITE", "DENY"), False),
        (Acl("User:ann", "GROUP", "orders", "LITERAL", "READ", "DENY"), False),
        (Acl("User:ann", "TOPIC", "orders", "LITERAL", "READ", "ALLOW"), False),
    ],
)
def test_a_denial_of_the_same_goes_before_what_is_allowed(denial: Acl, stands_above: bool) -> None:
    assert (denied_by(ANN, [denial]) is denial) == stands_above


def test_a_password_is_not_in_what_is_written_of_a_secret() -> None:
    secret = ScramSecret("ann", Mechanism.SCRAM_SHA_256, 4_096, "correct horse")

    assert "correct horse" not in repr(secret)
    assert len(secret.salted(b"salt")) == 32
