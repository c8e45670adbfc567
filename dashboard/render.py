"""Templates: autoescape for everything, filters for units, one place that knows every page's frame.

A page is a template with a block `live`; the first load renders the whole template, the stream only
that block.
"""

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import quote, urlencode

import jinja2
from markupsafe import Markup

from dashboard import text
from dashboard.actions.catalogue import ACTIONS
from dashboard.activity.countries import country
from dashboard.cluster.model import Group
from dashboard.identity import Identity, Role
from dashboard.pages.groups import gain
from dashboard.pages.page import Page, Values, Visit, link
from dashboard.rights.gate import shows_page
from dashboard.rights.rules import Sight
from dashboard.state import State

HERE: Final = Path(__file__).parent

EMBED: Final = "embed"  # in the address of a shared view: without the frame of our pages
CSV_KEYS: Final = ("q", "sort", "hide", "internal", "only", "principal", "resource", "name")
ClusterNames = tuple[str, str]  # the one that is looked at ("": none is seen), the appliance's own
MENU: Final = (
    ("now", "Now", "/", "n"),
    ("activity", "Activity", "/activity", "a"),
    ("topics", "Topics", "/topics", "t"),
    ("groups", "Groups", "/groups", "g"),
    ("pipeline", "Pipeline", "/pipeline", "p"),
    ("cluster", "Cluster", "/cluster", "c"),
    ("alerts", "Alerts", "/alerts", "l"),
)


NOBODY: Final[Mapping[str, Any]] = {
    "menu": (),
    "page": None,
    "who": None,
    "can": "",
    "alerts_firing": 0,
    "shared": False,
    "embedded": False,
}
"""The frame of a page for who has not come in yet."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Who looks at a page, and how they like it."""

    who: Identity
    theme: str


@dataclass(frozen=True, slots=True)
class ErrorReader:
    """Who is told that something is wrong; `who` is None where that was not asked yet."""

    who: Identity | None
    theme: str
    sight: Sight


@dataclass(frozen=True, slots=True)
class SignIn:
    """What the sign-in page says."""

    after: str  # where to go then
    trouble: str = ""
    sso: str = ""  # what a provider's button says
    directory: str = ""  # whose accounts are asked for beside ours
    user: str = ""  # who tried already


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why somebody does not see what was asked for."""

    title: str
    sentence: str
    back: tuple[str, str] | None = None  # an address and its words


class Renderer:
    """The templates, compiled once."""

    def __init__(self) -> None:
        self._templates = _compiled()

    def whole(self, page: Page, visit: Visit, values: Values, reader: Reader) -> str:
        """The page as a document."""
        frame = _frame(page, visit, values) | {
            "theme": reader.theme,
            "menu": () if visit.state.sight.shared else MENU,
            "who": reader.who,
            "can": _abilities(visit, reader.who),
        }
        return self._templates.get_template(page.template).render(frame)

    def live(self, page: Page, visit: Visit, values: Values) -> str:
        """Only the block that moves."""
        template = self._templates.get_template(page.template)
        context = template.new_context(_frame(page, visit, values))
        return "".join(template.blocks["live"](context))

    def error(self, trouble: Trouble, reader: ErrorReader, clusters: ClusterNames) -> str:
        """A page that says what is wrong and where to go, as far as its reader sees `clusters`."""
        (cluster, own), sight = clusters, reader.sight
        return self._templates.get_template("error.html").render(
            trouble=trouble,
            theme=reader.theme,
            menu=MENU if (cluster or not sight.limited) and not sight.shared else (),
            shows=lambda path: shows_page(sight, path, cluster, own),
            limited_by=sight.rule_names if sight.limited else None,
            shared=sight.shared,
            embedded=False,
            page=None,
            who=reader.who,
            can="",
            alerts_firing=0,
        )

    def login(self, shown: SignIn, theme: str) -> str:
        """The sign-in page."""
        return self._templates.get_template("login.html").render(
            sso=shown.sso,
            directory=shown.directory,
            after=shown.after,
            trouble=shown.trouble,
            user=shown.user,
            theme=theme,
            **NOBODY,
        )

    def link_door(self, address: str, trouble: str, theme: str) -> str:
        """Asks for the password of a link; `address` takes it."""
        return self._templates.get_template("link_door.html").render(
            address=address, trouble=trouble, theme=theme, **NOBODY
        )


@functools.cache
def _compiled() -> jinja2.Environment:
    """Every template, compiled once in a process: that takes most of a second."""
    found = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        cache_size=-1,
    )
    found.filters.update(
        duration=text.duration,
        count=text.count,
        rate=text.rate,
        size=text.size,
        percent=text.percent,
        money=text.money,
        country=country,
        change=text.change,
        signed=text.signed,
        trend=_trend,
        short=text.short,
        clock=text.clock,
        since=text.since,
        moment=text.moment,
        stamp=text.stamp,
        setting=text.setting,
        reason=text.reason,
        glued=text.glued,
        second=text.second,
        oneline=text.oneline,
        readable=text.readable,
        plainjson=lambda value: json.dumps(value, sort_keys=True, ensure_ascii=False),
        prefixed=lambda name, prefix: prefix + name,
    )
    found.globals.update(plural=text.plural, bar=bar, spark=spark, shares=shares)
    for name in found.list_templates():
        found.get_template(name)  # now, so that no request reads a file
    return found


def _abilities(visit: Visit, who: Identity) -> str:
    """Words for the style sheet, which hides what cannot be done; the server refuses it anyhow."""
    config = visit.state.config
    may = any(visit.state.sight.may_do(action.name) for action in ACTIONS)
    if config.readonly or who.role < Role.EDITOR or not may:
        return ""
    sight, words = visit.state.sight, []
    if not visit.state.actions.is_readonly(visit.poller.settings.name):
        words += ["edit"]
        words += ["messages"] if sight.may_do("produce-message") and config.messages else []
        words += ["admin"] if who.role >= Role.ADMIN else []
    if config.messages and sight.may_do("copy-records") and _writable(visit.state):
        words += ["copies"]  # from here to wherever something may be changed
    return " ".join(words)


def _writable(state: State) -> tuple[str, ...]:
    """Clusters in which something may be changed."""
    return tuple(name for name in state.pollers if not state.actions.is_readonly(name))


def _frame(page: Page, visit: Visit, values: Values) -> dict[str, Any]:
    """What every template may use, and the page's own values."""
    state, poller = visit.state, visit.poller
    name, sight = poller.settings.name, state.sight
    return {
        **values,
        "page": page,
        "config": state.config,
        "connection": poller.connection,
        "snapshot": poller.snapshot,
        "stale": poller.is_stale(),
        "now_ms": state.clock.now_ms(),
        "alerts_firing": len(state.alerts.loud()),
        "tab_state": tab_state(visit),
        "cluster_name": name,
        "clusters": tuple(state.pollers),
        "writable": _writable(state),
        "own_cluster": state.own_cluster,
        "limited_by": sight.rule_names if sight.limited and not sight.shared else None,
        "shared": sight.shared,
        "embedded": sight.shared and bool(visit.query.get(EMBED)),
        "shows": lambda path: shows_page(sight, path, name, state.own_cluster),
        "query": visit.query,
        "name": visit.name,
        "cluster_parts": _parts(state, name),
        **_links(visit),
    }


def _links(visit: Visit) -> dict[str, Any]:
    """How templates make addresses; `cluster` is empty for the first one, which needs no name."""
    state, poller = visit.state, visit.poller
    cluster = "" if state.is_first(poller) else poller.settings.name

    def here(**changes: str | int) -> str:
        """This address with some of its query changed; an empty value takes a key away."""
        query = {**dict(visit.query), **{key: str(value) for key, value in changes.items()}}
        kept = {key: value for key, value in query.items() if value and key != "page"}
        if "page" in changes and str(changes["page"]) != "1":
            kept["page"] = str(changes["page"])
        return "?" + urlencode(kept)

    def at(path: str, **query: str) -> str:
        """Another page, in the same cluster."""
        wanted = {**query, "cluster": cluster}
        kept = {key: value for key, value in wanted.items() if value}
        return path + (f"?{urlencode(kept)}" if kept else "")

    def csv(path: str) -> str:
        """The list that is shown as a file, with its filter and order."""
        kept = {key: value for key, value in visit.query.items() if key in CSV_KEYS and value}
        return at("/api/v1" + path, **kept)

    return {
        "cluster": cluster,
        "here": here,
        "at": at,
        "csv": csv,
        "connector_url": lambda name, index: link(
            "connect", name, cluster, **({"worker": str(index)} if index else {})
        ),
        "schema_url": lambda name, version=0: link(
            "schemas", name, cluster, **({"version": str(version)} if version else {})
        ),
        "topic_file": lambda name, what: f"/topics/{quote(name, safe='')}/{what}",
        "topic_url": lambda name, **further: link("topics", name, cluster, **further),
        "topic_in": lambda name, cluster: link(
            "topics", name, "" if cluster == state.own_cluster else cluster
        ),
        "group_url": lambda name: link("groups", name, cluster),
        "alert_url": lambda labels: _alert_url(state, labels),
        "runbook_url": lambda name, labels: link(
            "runbooks", name, **_about(state, labels, _LABELS)
        ),
    }


_LABELS: Final = {"consumergroup": "group", "topic": "topic"}


def _about(state: State, labels: Mapping[str, str], names: Mapping[str, str]) -> dict[str, str]:
    """What an alert is about, as the query of a page; in the cluster that it is about."""
    found = {key: labels[label] for label, key in names.items() if label in labels}
    cluster = labels.get("kafka_cluster", state.own_cluster)
    return found | ({"cluster": cluster} if cluster != state.own_cluster else {})


def _alert_url(state: State, labels: Mapping[str, str]) -> str:
    """The page of what an alert is about; empty where there is none."""
    if labels.get("kafka_cluster", state.own_cluster) not in state.pollers:
        return ""
    cluster = _about(state, labels, {})
    for label, kind in (("consumergroup", "groups"), ("topic", "topics")):
        if label in labels:
            return link(kind, labels[label], **cluster)
    if "site" in labels:
        return "/activity?" + urlencode({"site": labels["site"]})
    if "kafka_cluster" not in labels:
        return ""  # of this machine
    if "connector" in labels:
        return link("connect", labels["connector"], **cluster, worker=labels.get("worker", "0"))
    if "worker" in labels:
        return link("connect-workers", labels["worker"], **cluster)
    return "/cluster" + (f"?{urlencode(cluster)}" if cluster else "")


def _parts(state: State, cluster: str) -> list[tuple[str, str]]:
    """Pages beside that of the cluster; those with nobody to ask, or not for all, are left out."""
    found = [("/cluster", "Overview"), ("/security", "Security")]
    found += [("/transactions", "Transactions")]
    found += [("/connect", "Connect")] * bool(state.beside[cluster].connect.clients)
    found += [("/schemas", "Schemas")] * state.beside[cluster].registry.is_there
    found.append(("/audit", "Audit"))
    return [part for part in found if shows_page(state.sight, part[0], cluster, state.own_cluster)]


def tab_state(visit: Visit) -> str:
    """What stands before the title of a page, so that a tab in the background tells it too."""
    if visit.state.sight.shared:
        return ""  # of the site, not of what carries it
    health = visit.state.health(visit.poller)
    if not visit.poller.connection.up:
        return f"{health.word} · "
    return f"{text.plural(len(health.problems), 'problem')} · " if health.problems else ""


def _trend(group: Group) -> str:
    gained = gain(group)
    return text.trend(None if gained is None or not group.lag else -gained)


def bar(share: float | None, width: int = 100) -> Markup:
    """A horizontal bar; attributes instead of styles, which the content policy forbids."""
    filled = round(max(0.0, min(1.0, share or 0.0)) * width, 1)
    return Markup(
        '<svg class="bar" viewBox="0 0 {w} 6" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="bar-back" width="{w}" height="6"/><rect class="bar-fill" width="{f}" '
        'height="6"/></svg>'
    ).format(w=width, f=filled)


def shares(good: int, fair: int, poor: int, width: int = 100) -> Markup:
    """A bar of three parts; the numbers stand beside it, so it says nothing to a screen reader."""
    total = (good + fair + poor) or 1
    first, second = round(good / total * width, 1), round((good + fair) / total * width, 1)
    return Markup(
        '<svg class="bar shares" viewBox="0 0 {w} 6" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="bar-poor" width="{w}" height="6"/><rect class="bar-fair" width="{s}" '
        'height="6"/><rect class="bar-good" width="{f}" height="6"/></svg>'
    ).format(w=width, s=second, f=first)


def spark(values: Sequence[float], width: int = 120, height: int = 26) -> Markup:
    """A small line without axes, from 0 to the greatest of `values`; an empty one below two."""
    top = max(values, default=0.0) or 1.0
    step = width / max(1, len(values) - 1)
    points = " ".join(
        f"{number * step:.1f},{height - 1 - value / top * (height - 3):.1f}"
        for number, value in enumerate(values)
    )
    if len(values) < 2:
        points = ""
    return Markup(
        '<svg class="spark" viewBox="0 0 {w} {h}" preserveAspectRatio="none" aria-hidden="true">'
        '<polyline points="{p}"/></svg>'
    ).format(w=width, h=height, p=points)


NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


def theme_of(cookies: Mapping[str, str], query: Mapping[str, str] = NOTHING) -> str:
    """`light`, `dark`, or `` for what the system prefers. In a frame, which has no cookie of ours,
    the address says it."""
    theme = query.get("theme", "") if query.get(EMBED) else cookies.get("theme", "")
    return theme if theme in ("light", "dark") else ""
