"""Transactions (/transactions): those that are open, and the partitions in which readers wait."""

from dashboard.asked import Answer
from dashboard.cluster.transactions import Seen
from dashboard.pages.page import Page, Table, Values, Visit, sheet, table
from tracker.kafka.transactions import Transaction


async def values(visit: Visit) -> Values:
    """Asked of the cluster when somebody looks, at most once in ten seconds."""
    answer = await visit.beside.transactions.seen.answer()
    waiting = answer.value.held if answer.value is not None else ()
    held = tuple(one for one in waiting if one.holder is not None)
    rows = answer.value.transactions if answer.value is not None else ()
    return {
        "answer": answer,
        "table": found(visit, answer),
        "held": sheet(visit, held, "held"),
        "let_go": len(waiting) - len(held),  # between the last look and this question
        "open_ids": [one.transactional_id for one in rows if one.state == "Ongoing"][:500],
        "only_open": visit.query.get("only") == "open",
    }


def found(visit: Visit, answer: Answer[Seen]) -> Table:
    """Filtered by `?q=` (id or topic) and `?only=open`."""
    rows = list(answer.value.transactions) if answer.value is not None else []
    if visit.query.get("only") == "open":
        rows = [one for one in rows if one.is_open]
    sorts = {
        "state": lambda one: (not one.is_open, one.state, one.transactional_id),
        "id": lambda one: one.transactional_id,
        "began": lambda one: one.started_ms or 2**62,
        "timeout": lambda one: one.timeout_ms or 0,
        "partitions": lambda one: len(one.places),
        "producer": lambda one: one.producer_id,
    }
    return table(visit, rows, sorts, _text)


def _text(one: Transaction) -> str:
    return " ".join((one.transactional_id, *{place.topic for place in one.places}))


PAGE = Page(
    "Transactions", "/transactions", "transactions.html", values, every_s=10.0, nav="cluster"
)
