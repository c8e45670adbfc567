"""Security (/security): access control entries, SCRAM users and quotas of the cluster."""

from dashboard.pages.page import Page, Table, Values, Visit, table
from dashboard.security.meaning import OPERATIONS, sentence
from tracker.kafka.security import Acl, Quota

TABS = ("acls", "users", "quotas")
TITLES = {"acls": "ACLs", "users": "SCRAM users", "quotas": "Quotas"}


async def values(visit: Visit) -> Values:
    """One of three lists; which one stands in `?tab=`."""
    desk = visit.beside.security
    tab = visit.query.get("tab", "acls")
    if tab not in TABS:
        tab = "acls"
    found: Values = {
        "tab": tab,
        "tabs": TITLES,
        "operations": OPERATIONS,
        "sentence": sentence,
        "resource": visit.query.get("resource", ""),
    }
    if tab == "users":
        told = await desk.users.answer()
        found["table"] = table(
            visit, list(told.value or ()), {"name": lambda user: user.name}, lambda user: user.name
        )
        return found | {"answer": told}
    if tab == "quotas":
        asked = await desk.quotas.answer()
        rows = list(asked.value or ())
        found["table"] = table(visit, rows, {"entity": _entity}, lambda quota: str(_entity(quota)))
        return found | {"answer": asked}
    answer = await desk.acls.answer()
    return found | {"answer": answer, "table": acl_table(visit, answer.value or ())}


def acl_table(visit: Visit, acls: tuple[Acl, ...]) -> Table:
    """Filtered by `?q=` (principal or name), `?principal=` and `?resource=`."""
    principal, resource = visit.query.get("principal", ""), visit.query.get("resource", "")
    rows = [
        acl for acl in acls if principal in ("", acl.principal) and resource in ("", acl.resource)
    ]
    sorts = {
        "principal": lambda acl: acl,
        "resource": lambda acl: (acl.resource, acl.name),
        "name": lambda acl: acl.name,
        "operation": lambda acl: acl.operation,
        "permission": lambda acl: acl.permission,
    }
    return table(visit, rows, sorts, lambda acl: f"{acl.principal} {acl.name} {acl.operation}")


def _entity(quota: Quota) -> list[tuple[str, str]]:
    return [(type_, name or "<default>") for type_, name in quota.entity]


PAGE = Page("Security", "/security", "security.html", values, nav="cluster")
