"""Who may see and change what: rules of [rights.NAME], beside the roles.

Without rules everybody sees all there is, as before. With rules, administrators still do; anybody
else sees what the rules that name them allow together, and changes what their role and one of those
rules both allow. Expressions are RE2 and mean the whole name; an empty one means nothing.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import re2

from dashboard.config import RightsConfig
from dashboard.identity import Identity, Role
from footfall.settings import SettingsError
from tracker.topics import AUDIT

EVERYBODY: Final = "everybody"
KINDS: Final = ("role", "user", "sso", "ldap", "group", "token")
ANY: Final = "*"
ALL_NAMES: Final = ".*"
NAMES_KEPT: Final = 100_000  # verdicts on names that are remembered
SIGHTS_MAX: Final = 64


@dataclass(frozen=True, slots=True)
class Names:
    """What one change is about."""

    topics: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


class Rule:
    """One section, ready to use."""

    def __init__(self, name: str, config: RightsConfig, actions: frozenset[str]) -> None:
        """`actions`: all there are. Raises SettingsError."""
        self.name, self.config = name, config
        place = f"[rights.{name}]"
        for word in config.who:
            kind, colon, rest = word.partition(":")
            if word != EVERYBODY and not (colon and rest and kind in KINDS):
                raise SettingsError(
                    f"who in {place}: {word!r} is neither {EVERYBODY!r} nor one of"
                    f" {', '.join(f'{kind}:NAME' for kind in KINDS)}"
                )
        if not config.who:
            raise SettingsError(f"{place} names nobody in who")
        if unknown := set(config.actions) - actions - {ANY}:
            raise SettingsError(f"actions in {place}: there is no action {min(unknown)!r}")
        self.cluster = _matcher(config.clusters, f"clusters in {place}")
        self.topic = _matcher(config.topics, f"topics in {place}")
        self.group = _matcher(config.groups, f"groups in {place}")
        self.site = _matcher(config.sites, f"sites in {place}")

    def names(self, who: Identity) -> bool:
        """Whether it speaks of this person or program."""
        own = {EVERYBODY, f"role:{who.role.word}", *(f"group:{one}" for one in who.groups)}
        own.add(who.name if ":" in who.name else f"user:{who.name}")
        return not own.isdisjoint(self.config.who)

    def lets(self, action: str) -> bool:
        return ANY in self.config.actions or action in self.config.actions

    @property
    def is_of_all(self) -> bool:
        """Hides nothing of a cluster that it concerns."""
        return self.config.topics == self.config.groups == ALL_NAMES


class Sight:
    """What one set of rules lets be seen; None: everything. `shared`: by a link, a page of Activity
    and nothing beside it."""

    def __init__(self, rules: tuple[Rule, ...] | None, *, shared: bool = False) -> None:
        self._rules = rules
        self.shared = shared
        self._seen: dict[tuple[str, str, str], bool] = {}

    @property
    def limited(self) -> bool:
        return self._rules is not None

    @property
    def rule_names(self) -> tuple[str, ...]:
        return tuple(rule.name for rule in self._rules or ())

    def cluster(self, name: str) -> bool:
        return self._any("cluster", name, "", lambda rule: rule.cluster(name))

    def topic(self, cluster: str, name: str) -> bool:
        return self._any(
            "topic", cluster, name, lambda rule: rule.cluster(cluster) and rule.topic(name)
        )

    def group(self, cluster: str, name: str) -> bool:
        return self._any(
            "group", cluster, name, lambda rule: rule.cluster(cluster) and rule.group(name)
        )

    def site(self, name: str) -> bool:
        return self._any("site", "", name, lambda rule: rule.site(name))

    def messages(self, cluster: str, topic: str) -> bool:
        """Whether records of a topic may be looked into. Those of Kafka's own topics name every
        topic and group, those of the audit whatever was changed."""
        if topic == AUDIT.name and not self.everywhere():
            return False
        return self._any(
            "messages",
            cluster,
            topic,
            lambda rule: (
                rule.config.messages
                and rule.cluster(cluster)
                and rule.topic(topic)
                and (rule.is_of_all or not topic.startswith("__"))
            ),
        )

    def all_of(self, cluster: str) -> bool:
        """Every topic and group: sums may be those of the cluster."""
        return self._any("all", cluster, "", lambda rule: rule.is_of_all and rule.cluster(cluster))

    def all_topics(self, cluster: str) -> bool:
        """No topic of it is hidden."""
        return self._any(
            "topics",
            cluster,
            "",
            lambda rule: rule.config.topics == ALL_NAMES and rule.cluster(cluster),
        )

    def whole(self, cluster: str) -> bool:
        """Also what tells of a cluster as a whole: rights, connectors, settings of brokers."""
        return self._any(
            "whole", cluster, "", lambda rule: rule.config.whole_clusters and rule.cluster(cluster)
        )

    def everywhere(self) -> bool:
        """What tells of all clusters at once: the audit."""
        return self._rules is None or any(
            rule.config.whole_clusters and rule.config.clusters == ALL_NAMES for rule in self._rules
        )

    def may_do(self, action: str, of_whole: bool = False) -> bool:
        """On something at least. `of_whole`: it names no topic and no group."""
        return self._rules is None or any(
            rule.lets(action) and (rule.config.whole_clusters or not of_whole)
            for rule in self._rules
        )

    def may_change(self, action: str, cluster: str, about: Names, reads: bool) -> bool:
        """One rule must allow all of it; what names no topic and no group is of the whole cluster.

        `reads`: the action shows messages, or writes them.
        """
        return self._rules is None or any(
            rule.lets(action)
            and rule.cluster(cluster)
            and all(rule.topic(name) for name in about.topics)
            and all(rule.group(name) for name in about.groups)
            and (rule.config.whole_clusters or bool(about.topics or about.groups))
            and (rule.config.messages or not reads)
            for rule in self._rules
        )

    def _any(self, kind: str, cluster: str, name: str, fits: Callable[[Rule], bool]) -> bool:
        """Whether a rule fits; names come again with every look, so verdicts are remembered."""
        if self._rules is None:
            return True
        key = (kind, cluster, name)
        if key not in self._seen:
            if len(self._seen) >= NAMES_KEPT:
                self._seen.clear()
            self._seen[key] = any(fits(rule) for rule in self._rules)
        return self._seen[key]


EVERYTHING: Final = Sight(None)


class Rights:
    """All rules of one dashboard; the same rules for two people are one Sight."""

    def __init__(self, rules: Iterable[Rule] = ()) -> None:
        self.rules = tuple(rules)
        self._sights: dict[tuple[str, ...], Sight] = {}
        self._linked: dict[str, Sight] = {}  # by site

    def of(self, who: Identity) -> Sight:
        if who.site:
            return self._of_link(who.site)
        if not self.rules or who.role is Role.ADMIN:
            return EVERYTHING
        found = tuple(rule for rule in self.rules if rule.names(who))
        key = tuple(rule.name for rule in found)
        if key not in self._sights:
            if len(self._sights) >= SIGHTS_MAX:
                self._sights.clear()
            self._sights[key] = Sight(found)
        return self._sights[key]

    def _of_link(self, site: str) -> Sight:
        """Whoever comes by a link to this site; rules are about others."""
        if site not in self._linked:
            if len(self._linked) >= SIGHTS_MAX:
                self._linked.clear()
            config = RightsConfig(who=(EVERYBODY,), sites=re2.escape(site), messages=False)
            self._linked[site] = Sight((Rule("a link", config, frozenset()),), shared=True)
        return self._linked[site]


def rights(configs: Mapping[str, RightsConfig], actions: Iterable[str]) -> Rights:
    """The rules of the settings; raises SettingsError."""
    known = frozenset(actions)
    return Rights(Rule(name, config, known) for name, config in configs.items())


def _matcher(expression: str, place: str) -> Callable[[str], bool]:
    """Raises SettingsError. Names are UTF-8 to RE2; what is none (no cluster has it) fits none."""
    if not expression:
        return lambda name: False
    try:
        compiled: Any = re2.compile(expression)
    except re2.error as error:
        raise SettingsError(f"{place}: {expression!r} is no expression: {error}") from error
    return lambda name: compiled.fullmatch(name) is not None
