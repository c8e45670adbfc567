"""What the errors that handlers raise are to those who asked: a status, a title, a sentence."""

from aiohttp import web

from dashboard.activity.desk import Unreadable
from dashboard.activity.filters import BadFilter
from dashboard.filters.expressions import TooCostly, Unusable
from dashboard.identity import NotAllowed
from dashboard.pages.page import NotFound


def refusal_of(error: Exception) -> tuple[int, str, str] | None:
    """None for an error that is nobody's refusal, but a bug."""
    if isinstance(error, NotFound):
        return 404, "Not found", str(error)
    if isinstance(error, Unreadable):
        return 503, "Cannot be read now", str(error)
    if isinstance(error, BadFilter):
        return 400, "Bad filter", f"The filters cannot be used: {error}."
    if isinstance(error, Unusable):
        return 400, "Bad filter", f"The filter is no CEL expression that can be used: {error}"
    if isinstance(error, TooCostly):
        return 400, "Bad filter", f"The filter cannot be used: {error}"
    if isinstance(error, NotAllowed):
        return 403, "Not allowed", str(error)
    if isinstance(error, web.HTTPException):
        return error.status, error.reason, (error.text or "").strip()
    return None
