"""Features of the cluster (KIP-584): the levels this broker can do, and those of a new cluster."""

from collections.abc import Mapping

METADATA_VERSION = "metadata.version"
GROUP_VERSION = "group.version"
SHARE_VERSION = "share.version"
STREAMS_VERSION = "streams.version"
TRANSACTION_VERSION = "transaction.version"

SUPPORTED_FEATURES: Mapping[str, tuple[int, int]] = {
    METADATA_VERSION: (7, 27),  # 3.3-IV3 to 4.1-IV1, the range of Apache Kafka 4.1
    "kraft.version": (0, 1),  # KIP-853
    TRANSACTION_VERSION: (0, 2),  # 2: KIP-890
    GROUP_VERSION: (0, 1),  # 1: KIP-848
    SHARE_VERSION: (0, 1),  # 1: KIP-932
    STREAMS_VERSION: (0, 1),  # 1: KIP-1071
    "eligible.leader.replicas.version": (0, 1),  # KIP-966
}

BOOTSTRAP_FEATURES: Mapping[str, int] = {
    METADATA_VERSION: 27,
    GROUP_VERSION: 1,
    TRANSACTION_VERSION: 2,
    SHARE_VERSION: 1,
    STREAMS_VERSION: 1,
}
"""Levels of a cluster at its first start; the others are at 0 until UpdateFeatures raises them."""
