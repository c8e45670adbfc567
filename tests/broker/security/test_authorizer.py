import pytest
from hypothesis import given
from hypothesis.strategies import builds, integers, lists, sampled_from

from broker.metadata.image import ClusterImage
from broker.security.acls import (
    CLUSTER_NAME,
    WILDCARD,
    Acl,
    Operation,
    PatternType,
    Permission,
    Resource,
    create_acls,
)
from broker.security.authorizer import ANSWERS_MAX, Asker, Authorizer

ANN = Asker("User:ann", "10.0.0.1")
LITERAL, PREFIXED = PatternType.LITERAL, PatternType.PREFIXED
ALLOW, DENY = Permission.ALLOW, Permission.DENY


def with_entries(*entries: Acl, allow_if_no_acl: bool = False) -> Authorizer:
    numbers = iter(range(1, len(entries) + 1))
    records, refusals = create_acls(
        ClusterImage(), entries, lambda: next(numbers).to_bytes(16, "big")
    )
    assert not any(refusals)
    image = ClusterImage().apply(records)
    return Authorizer(lambda: image, ["User:root"], allow_if_no_acl=allow_if_no_acl)


def topic(
    name: str,
    operation: Operation = Operation.READ,
    permission: Permission = ALLOW,
    pattern: PatternType = LITERAL,
    principal: str = "User:ann",
    host: str = WILDCARD,
) -> Acl:
    return Acl(Resource.TOPIC, name, pattern, principal, host, operation, permission)


def may_read(authorizer: Authorizer, name: str, asker: Asker = ANN) -> bool:
    return authorizer.allows(asker, Operation.READ, Resource.TOPIC, name)


@pytest.mark.parametrize(
    ("entries", "allowed"),
    [
        ([], False),
        ([topic("pages")], True),
        ([topic("pagesX")], False),
        ([topic("pag")], False),
        ([topic("pag", pattern=PREFIXED)], True),
        ([topic("pages", pattern=PREFIXED)], True),
        ([topic("x", pattern=PREFIXED)], False),
        ([topic(WILDCARD)], True),
        ([topic("pages", principal="User:bob")], False),
        ([topic("pages", principal="User:*")], True),
        ([topic("pages", host="10.0.0.1")], True),
        ([topic("pages", host="10.0.0.2")], False),
        ([topic("pages", Operation.ALL)], True),
        ([topic("pages", Operation.WRITE)], False),
        ([topic("pages"), topic(WILDCARD, permission=DENY)], False),
        ([topic("pages"), topic("p", permission=DENY, pattern=PREFIXED)], False),
        ([topic("pages"), topic("pages", permission=DENY, host="10.0.0.9")], True),
        ([topic("pages"), topic("pages", Operation.WRITE, DENY)], True),
    ],
)
def test_who_may_read_pages(entries: list[Acl], allowed: bool) -> None:
    assert may_read(with_entries(*entries), "pages") == allowed


@pytest.mark.parametrize(
    ("given_", "asked", "implied"),
    [
        (Operation.READ, Operation.DESCRIBE, True),
        (Operation.WRITE, Operation.DESCRIBE, True),
        (Operation.DELETE, Operation.DESCRIBE, True),
        (Operation.ALTER, Operation.DESCRIBE, True),
        (Operation.CREATE, Operation.DESCRIBE, False),
        (Operation.ALTER_CONFIGS, Operation.DESCRIBE_CONFIGS, True),
        (Operation.ALTER_CONFIGS, Operation.DESCRIBE, False),
        (Operation.DESCRIBE, Operation.READ, False),
    ],
)
def test_what_one_right_implies(given_: Operation, asked: Operation, implied: bool) -> None:
    authorizer = with_entries(topic("pages", given_))

    assert authorizer.allows(ANN, asked, Resource.TOPIC, "pages") == implied


def test_a_denied_read_does_not_deny_the_description() -> None:
    authorizer = with_entries(
        topic("pages", Operation.DESCRIBE), topic("pages", Operation.READ, DENY)
    )

    assert authorizer.allows(ANN, Operation.DESCRIBE, Resource.TOPIC, "pages")
    assert not may_read(authorizer, "pages")


def test_super_users_may_do_what_is_denied_to_all() -> None:
    authorizer = with_entries(topic(WILDCARD, Operation.ALL, DENY, principal="User:*"))

    assert may_read(authorizer, "pages", Asker("User:root", "10.0.0.1"))


def test_without_entries_the_setting_decides_with_others_entries_it_does_not() -> None:
    authorizer = with_entries(topic("pages", principal="User:bob"), allow_if_no_acl=True)

    assert may_read(authorizer, "visits")
    assert not may_read(authorizer, "pages")
    assert authorizer.allows(ANN, Operation.ALTER, Resource.CLUSTER, CLUSTER_NAME)


def test_new_entries_count_at_once() -> None:
    image = ClusterImage()
    authorizer = Authorizer(lambda: image, [], allow_if_no_acl=False)
    before = may_read(authorizer, "pages")
    records, _ = create_acls(image, [topic("pages")], lambda: bytes(15) + b"\x07")
    image = image.apply(records)

    assert (before, may_read(authorizer, "pages")) == (False, True)


@pytest.mark.parametrize(
    ("entries", "anywhere"),
    [
        ([], False),
        ([topic("pages")], True),
        ([topic("pages"), topic("pages", permission=DENY)], False),
        ([topic("pages"), topic("pa", permission=DENY, pattern=PREFIXED)], False),
        ([topic("p", pattern=PREFIXED), topic("pages", permission=DENY)], True),
        ([topic(WILDCARD), topic("pages", permission=DENY)], True),
        ([topic("pages"), topic(WILDCARD, permission=DENY)], False),
    ],
)
def test_whether_there_is_any_topic_to_read(entries: list[Acl], anywhere: bool) -> None:
    authorizer = with_entries(*entries)

    assert authorizer.allows_any(ANN, Operation.READ, Resource.TOPIC) == anywhere


names = sampled_from(["a", "ab", "abc", "b", WILDCARD])
entries_ = builds(
    Acl,
    resource_type=integers(2, 3),
    resource_name=names,
    pattern_type=sampled_from([LITERAL, PREFIXED]),
    principal=sampled_from(["User:ann", "User:bob", "User:*"]),
    host=sampled_from([WILDCARD, "10.0.0.1", "10.0.0.2"]),
    operation=sampled_from([Operation.ALL, Operation.READ, Operation.WRITE]),
    permission_type=sampled_from([ALLOW, DENY]),
)


@given(lists(entries_, max_size=8), sampled_from(["a", "ab", "abc", "abcd", "c"]))
def test_the_index_agrees_with_looking_at_every_entry(entries: list[Acl], name: str) -> None:
    def stands_for(acl: Acl) -> bool:
        if acl.pattern_type == PREFIXED:
            return name.startswith(acl.resource_name)
        return acl.resource_name in (name, WILDCARD)

    matching = [
        acl.permission_type
        for acl in entries
        if acl.resource_type == Resource.TOPIC
        and stands_for(acl)
        and acl.principal in ("User:ann", "User:*")
        and acl.host in (WILDCARD, "10.0.0.1")
        and acl.operation in (Operation.ALL, Operation.READ)
    ]

    assert may_read(with_entries(*entries), name) == (ALLOW in matching and DENY not in matching)


def test_names_that_clients_make_up_do_not_become_memory() -> None:
    authorizer = with_entries(topic("pages"))

    answers = [may_read(authorizer, f"made-up-{number}") for number in range(ANSWERS_MAX + 10)]

    assert not any(answers)
    assert len(authorizer._answers) <= ANSWERS_MAX
    assert may_read(authorizer, "pages")
