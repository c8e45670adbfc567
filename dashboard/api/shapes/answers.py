"""What each answer of the JSON API looks like, for its OpenAPI document.

The tests of the dashboard hold every answer that they get against this (tests/dashboard/conftest).
"""

from typing import Any, Final

from dashboard.api.appliance import BrokerTold, PipelineTold, SettingsTold
from dashboard.api.shapes.activity import ActivityTold
from dashboard.api.shapes.beside import (
    ConnectorsTold,
    OffsetsTold,
    SubjectsTold,
    SubjectTold,
    WorkerTold,
)
from dashboard.api.shapes.changes import (
    AclRow,
    ActionsTold,
    AlertsTold,
    AuditTold,
    CopyTold,
    QuotaRow,
    ScramUserRow,
    TransactionsTold,
)
from dashboard.api.shapes.cluster import (
    ClusterRow,
    ClusterTold,
    GroupRow,
    HealthTold,
    HistoryTold,
    MessagesFile,
    MessagesTold,
    ShareGroupTold,
    TopicRow,
)
from dashboard.cluster.model import Group, Topic
from tracker.reports.sites import SiteRow

SHAPES: Final[dict[str, tuple[Any, ...]]] = {
    "/health": (HealthTold,),
    "/clusters": (list[ClusterRow],),
    "/cluster": (ClusterTold,),
    "/topics": (list[TopicRow],),
    "/topics/{name}": (Topic,),
    "/topics/{name}/messages": (MessagesTold,),
    "/topics/{name}/messages.json": (MessagesFile,),
    "/groups": (list[GroupRow],),
    "/groups/{name}": (Group, ShareGroupTold),
    "/history": (HistoryTold,),
    "/acls": (list[AclRow],),
    "/scram-users": (list[ScramUserRow],),
    "/quotas": (list[QuotaRow],),
    "/audit": (AuditTold,),
    "/copies": (list[CopyTold],),
    "/transactions": (TransactionsTold,),
    "/brokers/{name}": (BrokerTold,),
    "/pipeline": (PipelineTold,),
    "/settings": (SettingsTold,),
    "/connectors": (list[ConnectorsTold],),
    "/connectors/{name}/offsets": (OffsetsTold,),
    "/connect-workers/{name}": (WorkerTold,),
    "/subjects": (SubjectsTold,),
    "/subjects/{name}": (SubjectTold,),
    "/activity": (ActivityTold,),
    "/sites": (list[SiteRow],),
    "/alerts": (AlertsTold,),
    "/actions": (ActionsTold,),
    "/openapi.json": (dict[str, Any],),
}
"""By path: one of these. Files of CSV and streams are text."""
