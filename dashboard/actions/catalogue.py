"""Every action that changes a cluster: its name in the API, its body, and what guards it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from dashboard.actions import (
    connect,
    connect_wishes,
    copies,
    perform,
    schema_wishes,
    schemas,
    security,
    security_wishes,
    share,
    transactions,
    wishes,
)
from dashboard.actions.perform import Outcome, Scene
from dashboard.identity import Role


@dataclass(frozen=True, slots=True)
class Action:
    """POST /api/v1/actions/<name>."""

    name: str
    summary: str
    wish: type[wishes.Wish]
    run: Callable[[Scene, Any], Outcome]
    subject: str  # the field that names what is changed
    role: Role = Role.EDITOR
    confirmed: bool = True  # the object's name must be typed once more
    shows_messages: bool = False  # goes with the `messages` switch

    def is_dry(self, wish: wishes.Wish) -> bool:
        """Only says what it would do."""
        return bool(getattr(wish, "dry_run", False))


ACTIONS: Final = (
    Action(
        "create-topic",
        "Create a topic.",
        wishes.CreateTopic,
        perform.create_topic,
        "topic",
        confirmed=False,
    ),
    Action(
        "delete-topic",
        "Delete a topic with all its records.",
        wishes.DeleteTopic,
        perform.delete_topic,
        "topic",
    ),
    Action(
        "edit-config",
        "Change settings of a topic.",
        wishes.EditConfig,
        perform.edit_config,
        "topic",
    ),
    Action(
        "add-partitions",
        "Give a topic more partitions.",
        wishes.AddPartitions,
        perform.add_partitions,
        "topic",
    ),
    Action(
        "delete-records",
        "Delete the oldest records of a topic; a dry run unless told otherwise.",
        wishes.DeleteRecords,
        perform.delete_records,
        "topic",
    ),
    Action(
        "reset-offsets",
        "Move a group to other offsets; a dry run unless told otherwise.",
        wishes.ResetOffsets,
        perform.reset_offsets,
        "group",
    ),
    Action(
        "copy-topic",
        "Create a topic like another one, without its records.",
        wishes.CopyTopic,
        perform.copy_topic,
        "topic",
        confirmed=False,
    ),
    Action(
        "copy-records",
        "Copy the records of a topic, also into another cluster; a dry run unless told otherwise.",
        wishes.CopyRecords,
        copies.copy_records,
        "topic",
        shows_messages=True,
    ),
    Action(
        "resend-record",
        "Store one record again, also in another topic or cluster, byte for byte.",
        wishes.ResendRecord,
        copies.resend_record,
        "topic",
        confirmed=False,
        shows_messages=True,
    ),
    Action(
        "stop-copy",
        "Stop a copy of records that is running.",
        wishes.StopCopy,
        copies.stop_copy,
        "topic",
        confirmed=False,
    ),
    Action(
        "delete-offsets",
        "Delete the committed offsets of a group for a topic; a dry run unless told otherwise.",
        wishes.DeleteOffsets,
        perform.delete_offsets,
        "group",
    ),
    Action(
        "reset-share-offsets",
        "Move a share group to other offsets; a dry run unless told otherwise.",
        wishes.ResetShareOffsets,
        share.reset_offsets,
        "group",
    ),
    Action(
        "delete-share-offsets",
        "Delete the offsets of a share group for a topic; a dry run unless told otherwise.",
        wishes.DeleteShareOffsets,
        share.delete_offsets,
        "group",
    ),
    Action(
        "edit-broker-config",
        "Change settings of a broker while it runs; a dry run unless told otherwise.",
        wishes.EditBrokerConfig,
        perform.edit_broker_config,
        "broker",
        Role.ADMIN,
    ),
    Action(
        "end-transaction",
        "Abort an open transaction and fence its producer; a dry run unless told otherwise.",
        wishes.EndTransaction,
        transactions.end_transaction,
        "transactional_id",
        Role.ADMIN,
    ),
    Action(
        "delete-group",
        "Delete a group without members, and its commits.",
        wishes.DeleteGroup,
        perform.delete_group,
        "group",
    ),
    Action(
        "produce-message",
        "Store one record.",
        wishes.ProduceMessage,
        perform.produce,
        "topic",
        confirmed=False,
        shows_messages=True,
    ),
    Action(
        "create-acls",
        "Create access control entries; a dry run unless told otherwise.",
        security_wishes.CreateAcls,
        security.create_acls,
        "principal",
        Role.ADMIN,
    ),
    Action(
        "delete-acl",
        "Delete one access control entry.",
        security_wishes.DeleteAcl,
        security.delete_acl,
        "principal",
        Role.ADMIN,
    ),
    Action(
        "put-scram-user",
        "Add a SCRAM user, or give one another password.",
        security_wishes.PutScramUser,
        security.put_scram_user,
        "user",
        Role.ADMIN,
        confirmed=False,
    ),
    Action(
        "delete-scram-user",
        "Delete a SCRAM credential of a user.",
        security_wishes.DeleteScramUser,
        security.delete_scram_user,
        "user",
        Role.ADMIN,
    ),
    Action(
        "set-quota",
        "Set or remove limits of a user, client id or address; a dry run unless told otherwise.",
        security_wishes.SetQuota,
        security.set_quota,
        "who",
        confirmed=False,
    ),
    Action(
        "put-connector",
        "Create a connector or change its settings; a dry run unless told otherwise.",
        connect_wishes.PutConnector,
        connect.put,
        "connector",
    ),
    *(
        Action(name, summary, connect_wishes.OneConnector, run, "connector", confirmed=confirmed)
        for name, summary, run, confirmed in (
            ("pause-connector", "Pause a connector.", connect.pause, False),
            ("resume-connector", "Resume a connector.", connect.resume, False),
            ("stop-connector", "End the tasks of a connector.", connect.stop, True),
            ("delete-connector", "Delete a connector.", connect.delete, True),
        )
    ),
    Action(
        "restart-connector",
        "Restart a connector and its tasks.",
        connect_wishes.RestartConnector,
        connect.restart,
        "connector",
        confirmed=False,
    ),
    Action(
        "restart-task",
        "Restart one task of a connector.",
        connect_wishes.RestartTask,
        connect.restart_task,
        "connector",
        confirmed=False,
    ),
    Action(
        "alter-connector-offsets",
        "Set offsets of a connector that is stopped; a dry run unless told otherwise.",
        connect_wishes.AlterConnectorOffsets,
        connect.alter_offsets,
        "connector",
    ),
    Action(
        "reset-connector-offsets",
        "Forget the offsets of a connector that is stopped; a dry run unless told otherwise.",
        connect_wishes.ResetConnectorOffsets,
        connect.reset_offsets,
        "connector",
    ),
    Action(
        "set-connect-logger",
        "Set the level of a logger of a Connect cluster until its workers restart.",
        connect_wishes.SetConnectLogger,
        connect.set_logger,
        "logger",
        Role.ADMIN,
        confirmed=False,
    ),
    Action(
        "register-schema",
        "Register a schema under a subject, if it fits; a dry run unless told otherwise.",
        schema_wishes.RegisterSchema,
        schemas.register,
        "subject",
    ),
    Action(
        "set-subject-level",
        "Set the compatibility level of a subject; a dry run unless told otherwise.",
        schema_wishes.SetSubjectLevel,
        schemas.set_subject_level,
        "subject",
    ),
    Action(
        "set-registry-level",
        "Set the level of subjects without their own; a dry run unless told otherwise.",
        schema_wishes.SetRegistryLevel,
        schemas.set_registry_level,
        "level",
        Role.ADMIN,
    ),
    Action(
        "set-subject-mode",
        "Set the mode of a subject of the registry; a dry run unless told otherwise.",
        schema_wishes.SetSubjectMode,
        schemas.set_subject_mode,
        "subject",
        Role.ADMIN,
    ),
    Action(
        "set-registry-mode",
        "Set the mode of subjects without their own; a dry run unless told otherwise.",
        schema_wishes.SetRegistryMode,
        schemas.set_registry_mode,
        "mode",
        Role.ADMIN,
    ),
    Action(
        "delete-schema-version",
        "Delete a version of a subject, softly; a dry run unless told otherwise.",
        schema_wishes.DeleteSchemaVersion,
        schemas.delete_version,
        "subject",
    ),
    Action(
        "delete-subject",
        "Delete a subject with its versions, softly; a dry run unless told otherwise.",
        schema_wishes.DeleteSubject,
        schemas.delete_subject,
        "subject",
    ),
    Action(
        "erase-subject",
        "Permanently delete a subject that was deleted softly; a dry run unless told otherwise.",
        schema_wishes.EraseSubject,
        schemas.erase_subject,
        "subject",
        Role.ADMIN,
    ),
)
BY_NAME: Final = {action.name: action for action in ACTIONS}
