"""Whatever somebody types as a name is one value in a filter and in a DN, and nothing else."""

from hypothesis import given
from hypothesis import strategies as st
from ldap3.operation.search import parse_filter
from ldap3.utils.dn import parse_dn

from dashboard.access.ldap.names import escaped, filled, is_principal, principal

NASTY = st.text(
    st.one_of(st.sampled_from('*()\\\0,+"<>;=# {}|&!~:/\n'), st.characters(codec="utf-8"))
)
AROUND = "(&(objectClass=person)(|(uid={username})(mail={username}))(!(uid=root)))"


def octets(value: str) -> bytes:
    """A value of a filter or DN as its reader sees it (RFC 4515 section 3, RFC 4514 section 3)."""
    found, rest = bytearray(), value.encode()
    while rest:
        if rest.startswith(b"\\"):
            found.append(int(rest[1:3], 16))
            rest = rest[3:]
        else:
            found.append(rest[0])
            rest = rest[1:]
    return bytes(found)


def leaves(node: object) -> list[tuple[object, object, int]]:
    """Attribute and value of each comparison in a filter, with what is compared how."""
    below = [leaf for one in getattr(node, "elements", []) or [] for leaf in leaves(one)]
    match = getattr(node, "assertion", None)
    return [*below, (match["attr"], match["value"], node.tag)] if match else below  # type: ignore[attr-defined]


WANTED = leaves(parse_filter(filled(AROUND, "x"), None, False, True, None, False))


@given(NASTY)
def test_a_name_is_one_value_of_a_filter_as_it_was_typed(name: str) -> None:
    found = leaves(parse_filter(filled(AROUND, name), None, False, True, None, False))

    assert [(attr, tag) for attr, _, tag in found] == [(attr, tag) for attr, _, tag in WANTED]
    assert [octets(bytes(value).decode()) for _, value, _ in found[1:3]] == [name.encode()] * 2  # type: ignore[call-overload]


@given(NASTY.filter(bool))
def test_a_name_is_one_value_of_a_dn_as_it_was_typed(name: str) -> None:
    (first, *others) = parse_dn(filled("uid={username},ou=people,dc=example", name))

    assert [one[0] for one in (first, *others)] == ["uid", "ou", "dc"]
    assert octets(first[1]) == name.encode()
    assert [one[2] for one in (first, *others)] == [",", ",", ""]


@given(NASTY, NASTY)
def test_a_name_cannot_bring_a_dn_into_a_filter(name: str, dn: str) -> None:
    found = filled("(|(member={dn})(memberUid={username}))", name, dn)

    assert found == f"(|(member={escaped(dn)})(memberUid={escaped(name)}))"


@given(NASTY)
def test_a_principal_is_of_the_domain_that_the_settings_say(name: str) -> None:
    found = principal("{username}@example.com", name)

    assert found is None or (found == f"{name}@example.com" and found.count("@") == 1)
    assert found is None or not set(found) & set('\\/"<>;=,+*()\0 \n')


def test_what_is_no_dn_is_a_principal() -> None:
    assert is_principal("{username}@example.com")
    assert not is_principal("uid={username},dc=example")
    assert not is_principal("")
    assert principal("{username}@example.com", "jürgen.o'neil_2-x") is not None
