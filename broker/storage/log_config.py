"""Settings of one log: those of its topic, under Kafka's names with underscores."""

from dataclasses import dataclass, replace
from zlib import crc32

from broker.records.compression import Codec
from broker.records.validate import TIMESTAMP_UNBOUNDED_MS, ProduceLimits

UNLIMITED = -1
FLUSH_NEVER = (1 << 63) - 1  # only for acks, rolls and checkpoints
COMPACT = "compact"
DELETE = "delete"
PRODUCER_COMPRESSION = "producer"
LOG_APPEND_TIME = "LogAppendTime"
CREATE_TIME = "CreateTime"
DAY_MS = 24 * 60 * 60 * 1000


@dataclass(frozen=True, slots=True)
class LogConfig:
    """Defaults are Kafka 4's; -1 means without limit where Kafka says so."""

    segment_bytes: int = 1073741824
    segment_ms: int = 7 * DAY_MS
    segment_index_bytes: int = 10485760
    index_interval_bytes: int = 4096
    retention_ms: int = 7 * DAY_MS
    retention_bytes: int = UNLIMITED
    cleanup_policy: frozenset[str] = frozenset({DELETE})
    max_message_bytes: int = 1048588
    message_timestamp_type: str = CREATE_TIME
    message_timestamp_before_max_ms: int = TIMESTAMP_UNBOUNDED_MS
    message_timestamp_after_max_ms: int = 3600000
    compression_type: str = PRODUCER_COMPRESSION
    compression_gzip_level: int = -1
    compression_lz4_level: int = 9
    compression_zstd_level: int = 3
    segment_jitter_ms: int = 0
    flush_messages: int = FLUSH_NEVER
    flush_ms: int = FLUSH_NEVER
    file_delete_delay_ms: int = 60000
    delete_retention_ms: int = DAY_MS
    min_compaction_lag_ms: int = 0
    max_compaction_lag_ms: int = TIMESTAMP_UNBOUNDED_MS
    min_cleanable_dirty_ratio: float = 0.5
    producer_id_expiration_ms: int = DAY_MS

    @property
    def compacts(self) -> bool:
        return COMPACT in self.cleanup_policy

    @property
    def deletes(self) -> bool:
        return DELETE in self.cleanup_policy

    @property
    def roll_ms(self) -> int:
        """Age at which a segment ends: what must be compacted may not stay in the active one."""
        return (
            min(self.segment_ms, self.max_compaction_lag_ms) if self.compacts else self.segment_ms
        )

    def jittered(self, name: str) -> "LogConfig":
        """With the part taken off segment.ms that the log of this name has for its own."""
        bound = min(self.segment_jitter_ms, self.segment_ms)
        if not bound:
            return self
        return replace(self, segment_ms=self.segment_ms - crc32(name.encode()) % bound)

    def level_of(self, codec: Codec) -> int | None:
        """How hard the broker tries when it compresses; None: the codec has no such setting."""
        levels = {
            Codec.GZIP: self.compression_gzip_level,
            Codec.LZ4: self.compression_lz4_level,
            Codec.ZSTD: self.compression_zstd_level,
        }
        return levels.get(codec)

    @property
    def log_append_time(self) -> bool:
        return self.message_timestamp_type == LOG_APPEND_TIME

    def produce_limits(self) -> ProduceLimits:
        """What a batch of a client must keep to."""
        return ProduceLimits(
            max_message_bytes=self.max_message_bytes,
            message_timestamp_before_max_ms=self.message_timestamp_before_max_ms,
            message_timestamp_after_max_ms=self.message_timestamp_after_max_ms,
            create_time=not self.log_append_time,
            keys_required=self.compacts,
        )
