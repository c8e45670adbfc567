"""What bounds a group now: its own settings (resource type 32), or else those of the broker."""

from collections.abc import Callable

from broker.config import BrokerConfig
from broker.coordinator.group.classic.group import GroupLimits
from broker.coordinator.group.consumer.messages import ConsumerLimits
from broker.coordinator.group.share.messages import ShareLimits
from broker.coordinator.group.streams.messages import StreamsLimits
from broker.errors import ErrorCode, KafkaError
from broker.metadata.features import GROUP_VERSION, STREAMS_VERSION
from broker.metadata.group_configs import (
    CONSUMER_HEARTBEAT,
    CONSUMER_SESSION,
    SHARE_HEARTBEAT,
    SHARE_SESSION,
    STREAMS_DELAY,
    STREAMS_HEARTBEAT,
    STREAMS_SESSION,
    STREAMS_STANDBYS,
    group_config,
)
from broker.metadata.image import ClusterImage

_FEATURES = {"consumer": GROUP_VERSION, "streams": STREAMS_VERSION}
"""By protocol of groups: the feature of the cluster that it needs. Share groups ask their own."""


class GroupSettings:
    """Asked each time anew: a setting that is changed counts from the next heartbeat on."""

    def __init__(self, config: BrokerConfig, image: Callable[[], ClusterImage]) -> None:
        self._config = config
        self._image = image
        self.classic = GroupLimits(
            session_timeout_ms_min=config.group_min_session_timeout_ms,
            session_timeout_ms_max=config.group_max_session_timeout_ms,
            initial_rebalance_delay_ms=config.group_initial_rebalance_delay_ms,
            members_max=config.group_max_size,
        )

    def require_protocol(self, kind: str) -> None:
        """UNSUPPORTED_VERSION unless the broker's setting and the cluster's feature have it on."""
        feature = _FEATURES[kind]
        is_set = kind in self._config.group_coordinator_rebalance_protocols
        if not is_set or self._image().features.get(feature, 0) < 1:
            raise KafkaError(
                ErrorCode.UNSUPPORTED_VERSION, f"the {kind} protocol or {feature} is off"
            )

    @property
    def may_upgrade(self) -> bool:
        """Whether a classic group with members becomes a KIP-848 group when one joins."""
        return self._config.group_consumer_migration_policy in ("upgrade", "bidirectional")

    @property
    def may_downgrade(self) -> bool:
        """Whether a KIP-848 group becomes classic when only classic members are left."""
        return self._config.group_consumer_migration_policy in ("downgrade", "bidirectional")

    def of(self, group_id: str, name: str) -> str:
        """One setting of the group, as text."""
        return group_config(self._image(), self._config, group_id, name)

    def consumer(self, group_id: str) -> ConsumerLimits:
        """What bounds the members of a KIP-848 group."""
        return ConsumerLimits(
            session_timeout_ms=int(self.of(group_id, CONSUMER_SESSION)),
            heartbeat_interval_ms=int(self.of(group_id, CONSUMER_HEARTBEAT)),
            members_max=self._config.group_consumer_max_size,
        )

    def share(self, group_id: str) -> ShareLimits:
        """What bounds the members of a share group."""
        return ShareLimits(
            session_timeout_ms=int(self.of(group_id, SHARE_SESSION)),
            heartbeat_interval_ms=int(self.of(group_id, SHARE_HEARTBEAT)),
            members_max=self._config.group_share_max_size,
        )

    def streams(self, group_id: str) -> StreamsLimits:
        """What bounds a streams group."""
        return StreamsLimits(
            session_timeout_ms=int(self.of(group_id, STREAMS_SESSION)),
            heartbeat_interval_ms=int(self.of(group_id, STREAMS_HEARTBEAT)),
            members_max=self._config.group_streams_max_size,
            standby_replicas=int(self.of(group_id, STREAMS_STANDBYS)),
            initial_rebalance_delay_ms=int(self.of(group_id, STREAMS_DELAY)),
        )
