"""Rules of [rights.NAME]: whom they name, what they add up to, and mistakes in them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.config import RightsConfig
from dashboard.identity import Identity, Role
from dashboard.rights.rules import EVERYTHING, Names, Rights, rights
from footfall.settings import SettingsError

SHOP = RightsConfig(who=("group:shop",), topics="shop\\..*", groups="shop-.*", actions=("a",))
LOGS = RightsConfig(who=("user:ann",), topics="logs", clusters="staging", whole_clusters=True)


def made(**rules: RightsConfig) -> Rights:
    return rights(rules, ("a", "b"))


def test_without_rules_everybody_sees_everything() -> None:
    assert made().of(Identity("ann", Role.VIEWER)) is EVERYTHING


def test_administrators_are_never_limited() -> None:
    assert made(shop=SHOP).of(Identity("ann", Role.ADMIN)) is EVERYTHING


def test_whom_no_rule_names_sees_nothing() -> None:
    sight = made(shop=SHOP).of(Identity("eve", Role.EDITOR))

    assert not sight.cluster("local")
    assert not sight.topic("local", "shop.a")
    assert not sight.may_do("a")


@pytest.mark.parametrize(
    ("word", "who"),
    [
        ("everybody", Identity("x", Role.VIEWER)),
        ("role:editor", Identity("x", Role.EDITOR)),
        ("user:ann", Identity("ann", Role.VIEWER)),
        ("sso:ann", Identity("sso:ann", Role.VIEWER)),
        ("group:shop", Identity("sso:x", Role.VIEWER, groups=("shop",))),
        ("token:ci", Identity("token:ci", Role.VIEWER, by_token=True)),
    ],
)
def test_a_rule_names_people_by_role_name_group_or_token(word: str, who: Identity) -> None:
    rule = RightsConfig(who=(word,), topics="events")

    other = Identity("sso:eve", Role(3 - who.role))

    assert made(one=rule).of(who).topic("local", "events")
    assert made(one=rule).of(other).topic("local", "events") is (word == "everybody")


def test_somebody_of_a_provider_is_not_the_local_user_of_that_name() -> None:
    sight = made(logs=LOGS).of(Identity("sso:ann", Role.VIEWER))

    assert not sight.topic("staging", "logs")


def test_rules_add_up_but_a_change_must_fit_one_of_them() -> None:
    both = RightsConfig(who=("everybody",), topics="logs", groups="other", actions=("b",))
    sight = made(shop=SHOP, both=both).of(Identity("sso:x", Role.EDITOR, groups=("shop",)))

    assert sight.topic("local", "shop.a") and sight.topic("local", "logs")
    assert sight.may_change("a", "local", Names(("shop.a",), ("shop-1",)), False)
    assert not sight.may_change("a", "local", Names(("logs",)), False)
    assert not sight.may_change("a", "local", Names(("shop.a",), ("other",)), False)
    assert not sight.may_change("a", "local", Names(), False)


def test_the_same_rules_for_two_people_are_one_sight() -> None:
    found = made(shop=SHOP, logs=LOGS)

    first = found.of(Identity("sso:x", Role.VIEWER, groups=("shop",)))
    second = found.of(Identity("sso:y", Role.EDITOR, groups=("shop", "more")))

    assert first is second


def test_an_expression_means_the_whole_name_in_its_clusters_only() -> None:
    sight = made(logs=LOGS).of(Identity("ann", Role.VIEWER))

    assert sight.topic("staging", "logs") and sight.whole("staging")
    assert not sight.topic("staging", "logs2")
    assert not sight.topic("local", "logs") and not sight.whole("local")
    assert not sight.everywhere()


@given(st.text())
def test_an_empty_expression_fits_no_name_at_all(name: str) -> None:
    sight = made(one=RightsConfig(who=("everybody",))).of(Identity("x", Role.VIEWER))

    assert not sight.topic("local", name) and not sight.group("local", name)


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (RightsConfig(), "names nobody"),
        (RightsConfig(who=("ann",)), "neither 'everybody' nor one of"),
        (RightsConfig(who=("user:",)), "neither 'everybody' nor one of"),
        (RightsConfig(who=("everybody",), topics="("), "topics in \\[rights.x\\]: '\\('"),
        (RightsConfig(who=("everybody",), actions=("nope",)), "no action 'nope'"),
    ],
)
def test_a_mistake_in_a_rule_is_told_at_the_start(rule: RightsConfig, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        made(x=rule)
