"""Settings (/settings): which switches are set, who may come in; changed through actions."""

import dataclasses

from dashboard.config import MaskConfig
from dashboard.pages.page import Page, Values, Visit

SECRET = ("password", "token", "webhook_url", "slack_url")
INSIDE = (
    *("connect_urls", "email_from", "email_to", "host", "port", "proxies", "registry_url"),
    *("role_metrics", "username"),
)
"""Where and as whom things inside are reached: not for those who see less than all clusters."""


async def values(visit: Visit) -> Values:
    """Values of [dashboard] without what opens something, the clusters that are watched, and users
    and tokens for administrators."""
    config, house = visit.state.config, visit.state.household
    everywhere = visit.state.sight.everywhere()
    rows = []
    for field in dataclasses.fields(config):
        if field.name.endswith(INSIDE) and not everywhere:
            continue
        value = getattr(config, field.name)
        if field.name.endswith(SECRET):
            value = "set, not shown" if value else ""
        rows.append((field.name, _text(value), value == field.default, field.metadata["help"]))
    return {
        "rows": rows,
        "watched": [(name, one.settings, one) for name, one in visit.state.pollers.items()],
        "sign_in": visit.state.guard.door.sign_in,
        "users": house.accounts.users(),
        "tokens": house.accounts.tokens(),
        "masked_topics": masked_topics(visit),
        "masks": [(name, mask, hides(mask)) for name, mask in visit.state.masks.configs()],
    }


def masked_topics(visit: Visit) -> dict[str, int]:
    """How many topics of the cluster each rule concerns; 0 may be a mistyped expression."""
    masks, topics = visit.state.masks, visit.snapshot.topics if visit.snapshot is not None else ()
    found = dict.fromkeys((name for name, _ in masks.configs()), 0)
    for topic in topics if found else ():
        for name in masks.names(topic):
            found[name] += 1
    return found


def hides(mask: MaskConfig) -> list[str]:
    """What a rule hides, a part each."""
    found = [f"field {field}" for field in mask.fields]
    found += [f"whatever fits {mask.pattern}"] if mask.pattern else []
    found += [f"header {name}" for name in mask.headers]
    found += ["the whole key"] if mask.key else []
    return [*found, "the whole value"] if mask.value else found


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(str(item) for item in value)
    return str(value).lower() if isinstance(value, bool) else str(value)


PAGE = Page("Settings", "/settings", "settings.html", values, every_s=60.0, nav="settings")
