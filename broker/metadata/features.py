"""Features of the cluster (KIP-584): the levels this broker can do, and those of a new cluster."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

from broker.errors import ErrorCode, KafkaError, StorageError
from broker.metadata.records import FeatureLevelRecord, MetadataRecord

METADATA_VERSION = "metadata.version"
KRAFT_VERSION = "kraft.version"
GROUP_VERSION = "group.version"
SHARE_VERSION = "share.version"
STREAMS_VERSION = "streams.version"
TRANSACTION_VERSION = "transaction.version"
ELIGIBLE_LEADER_REPLICAS = "eligible.leader.replicas.version"

SUPPORTED_FEATURES: Mapping[str, tuple[int, int]] = {
    METADATA_VERSION: (7, 29),  # 3.3-IV3 to 4.2-IV1, the range of Apache Kafka 4.2
    KRAFT_VERSION: (0, 1),  # KIP-853
    TRANSACTION_VERSION: (0, 2),  # 2: KIP-890
    GROUP_VERSION: (0, 1),  # 1: KIP-848
    SHARE_VERSION: (0, 1),  # 1: KIP-932
    STREAMS_VERSION: (0, 1),  # 1: KIP-1071
    ELIGIBLE_LEADER_REPLICAS: (0, 1),  # KIP-966
}

BOOTSTRAP_FEATURES: Mapping[str, int] = {
    METADATA_VERSION: 29,
    ELIGIBLE_LEADER_REPLICAS: 1,
    GROUP_VERSION: 1,
    TRANSACTION_VERSION: 2,
    SHARE_VERSION: 1,
    STREAMS_VERSION: 1,
}
"""Levels of a cluster at its first start; the others are at 0 until UpdateFeatures raises them."""

OLDEST_SAFE_METADATA = 23
"""Below it records had another form: Apache Kafka goes back no further either."""


def refuse_unknown_level(name: str, level: int) -> None:
    """StorageError for a level in the log that only a newer broker can have set: what else stands
    there may mean more than this one knows. Apache Kafka ends its start there, too."""
    _, high = SUPPORTED_FEATURES.get(name, (0, 0))
    if level > high:
        raise StorageError(
            f"feature {name} is at level {level}, this broker knows {high} at most: a newer one"
            " wrote this log, start that one"
        )


class UpgradeType(IntEnum):
    """What UpdateFeatures may do to a level."""

    UNKNOWN = 0
    UPGRADE = 1
    SAFE_DOWNGRADE = 2
    UNSAFE_DOWNGRADE = 3


@dataclass(frozen=True, slots=True)
class FeatureUpdate:
    """One feature and the level that it is to have; 0 switches it off."""

    name: str
    level: int
    upgrade_type: int


def update_features(
    levels: Mapping[str, int], updates: Sequence[FeatureUpdate], node_id: int
) -> list[MetadataRecord]:
    """Records that bring the features from `levels` to what is wanted; all of them or none."""
    records: list[MetadataRecord] = []
    for update in updates:
        current = levels.get(update.name, 0)
        if reason := _refusal(update, current, node_id):
            raise KafkaError(
                ErrorCode.INVALID_UPDATE_VERSION,
                "The update failed for all features since the following feature had an error: "
                f"{reason}",
            )
        if update.level != current:
            records.append(FeatureLevelRecord(name=update.name, feature_level=update.level))
    return records


def _refusal(update: FeatureUpdate, current: int, node_id: int) -> str:
    """Why a level cannot be had, in Kafka's words; empty when it can."""
    reason = ""
    if update.upgrade_type not in list(UpgradeType)[1:]:
        reason = "The controller does not support the given upgrade type."
    elif update.name not in SUPPORTED_FEATURES and not update.level:
        reason = f"Feature {update.name} not found."
    elif update.name not in SUPPORTED_FEATURES:
        reason = f"Local controller {node_id} does not support this feature."
    elif update.level < 0:
        reason = "A feature version cannot be less than 0."
    elif not _supports(update):
        low, high = SUPPORTED_FEATURES[update.name]
        reason = f"Local controller {node_id} only supports versions {low}-{high}"
    elif update.level < current and update.upgrade_type == UpgradeType.UPGRADE:
        reason = (
            "Can't downgrade the version of this feature without setting the upgrade type to either"
            " safe or unsafe downgrade."
        )
    elif update.name == KRAFT_VERSION and update.level < current:
        reason = "Can't downgrade the version of this feature."
    elif update.name == METADATA_VERSION and update.level < min(current, OLDEST_SAFE_METADATA):
        return _lossy(update, current)
    if not reason:
        return ""
    return f"Invalid update version {update.level} for feature {update.name}. {reason}"


def _supports(update: FeatureUpdate) -> bool:
    low, high = SUPPORTED_FEATURES[update.name]
    return low <= update.level <= high


def _lossy(update: FeatureUpdate, current: int) -> str:
    start = f"Unsupported {METADATA_VERSION} downgrade from {current} to {update.level}."
    if update.upgrade_type == UpgradeType.SAFE_DOWNGRADE:
        return (
            f"{start} Refusing to perform the requested downgrade because it might delete metadata"
            " information."
        )
    return f"{start} Unsafe metadata downgrade is not supported in this version."
