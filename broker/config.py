"""The broker's settings: Kafka's own names with underscores, Kafka's defaults where they fit."""

from dataclasses import dataclass

from footfall.settings import setting

INT32_MAX = 2**31 - 1
INT64_MAX = 2**63 - 1
HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class CommonConfig:
    """Section [footfall], shared by every role."""

    data_dir: str = setting("./data", "directory that holds all state of the appliance")
    log_level: str = setting(
        "INFO", "least severe level that is logged", choices=("DEBUG", "INFO", "WARNING", "ERROR")
    )


@dataclass(frozen=True, slots=True)
class BrokerConfig:
    """Section [broker]. Times in milliseconds, sizes in bytes, as the names say."""

    # Listening
    host: str = setting("127.0.0.1", "address the broker listens on")
    port: int = setting(9092, "port the broker listens on; 0 takes a free one", low=0, high=65535)
    advertised_host: str = setting("", "host name given to clients; empty: same as host")
    advertised_port: int = setting(0, "port given to clients; 0: same as port", low=0)
    listeners: tuple[str, ...] = setting(
        (), "several listeners, such as SASL_SSL://0.0.0.0:9093; empty: PLAINTEXT on host and port"
    )
    advertised_listeners: tuple[str, ...] = setting(
        (), "address given to clients of each listener, such as SASL_SSL://kafka.example.org:9093"
    )
    listener_settings: tuple[str, ...] = setting(
        (),
        "of single listeners: listener.name.NAME.SETTING=VALUE, SETTING of ssl.* or sasl.*",
        secret=True,
    )
    listener_security_protocol_map: tuple[str, ...] = setting(
        (), "protocols of listeners with names of their own, as INSIDE:SASL_PLAINTEXT"
    )
    controller_listener_names: tuple[str, ...] = setting(
        (), "listeners that answer tools as a controller does, such as CONTROLLER; empty: none"
    )
    metrics_host: str = setting("127.0.0.1", "address of the broker's own /metrics and /health")
    metrics_port: int = setting(9101, "port of /metrics; 0: a free one, -1: off", low=-1)
    max_connections: int = setting(10_000, "connections open at once; more wait", low=1)
    max_connections_per_ip: int = setting(INT32_MAX, "connections open at once from one IP", low=0)
    max_connections_per_ip_overrides: tuple[str, ...] = setting(
        (), "addresses with a bound of their own: 10.0.0.7:200"
    )
    max_connection_creation_rate: int = setting(
        INT32_MAX, "new connections a second, over all listeners; more wait, 30 s at most", low=1
    )
    connections_max_idle_ms: int = setting(
        600_000, "an idle connection is closed after this; negative: never"
    )
    socket_request_max_bytes: int = setting(104_857_600, "largest request frame accepted", low=1024)
    queued_max_request_bytes: int = setting(
        268_435_456, "bytes of requests that may wait in memory over all connections", low=1024
    )

    # Identity and disk
    node_id: int = setting(1, "id of this broker in the cluster", low=0)
    broker_rack: str = setting("", "rack of this broker, given to clients; empty: none")
    log_dirs: tuple[str, ...] = setting((), "directories of the logs; empty: <data_dir>/broker")
    log_flush: str = setting(
        "sync",
        "sync: acks=all answers after fdatasync; os: after the write, as Apache Kafka does",
        choices=("sync", "os"),
    )
    log_flush_offset_checkpoint_interval_ms: int = setting(
        60_000, "how often recovery points are written", low=100
    )
    log_retention_check_interval_ms: int = setting(
        300_000, "how often to check for old segments, at most a tenth of the time", low=1
    )
    log_cleaner_backoff_ms: int = setting(15_000, "pause between passes of compaction", low=10)
    log_cleaner_threads: int = setting(1, "logs that are compacted at once", low=1, high=64)
    producer_id_expiration_ms: int = setting(
        86_400_000, "an idle producer's sequence numbers are forgotten after this", low=1
    )
    producer_id_expiration_check_interval_ms: int = setting(
        600_000, "how often to check for idle producers", low=1
    )

    # Topics
    auto_create_topics_enable: bool = setting(True, "a request for an unknown topic creates it")
    delete_topic_enable: bool = setting(True, "topics may be deleted")
    num_partitions: int = setting(1, "partitions of a topic made without a count", low=1)
    default_replication_factor: int = setting(1, "replicas of a topic made without a count", low=1)
    min_insync_replicas: int = setting(1, "in-sync replicas that acks=all needs", low=1)
    create_topic_policy_max_partitions: int = setting(
        100_000, "partitions the broker holds at most", low=1
    )

    # Defaults of topic settings
    compression_type: str = setting(
        "producer",
        "codec of stored batches; producer: as sent",
        choices=("producer", "uncompressed", "gzip", "snappy", "lz4", "zstd"),
    )
    message_max_bytes: int = setting(1_048_588, "largest record batch, with its 12 byte head")
    log_cleanup_policy: str = setting(
        "delete", "delete, compact, or both with a comma: what happens to old records"
    )
    log_segment_bytes: int = setting(1_073_741_824, "a segment file is rolled at this size")
    log_roll_ms: int = setting(604_800_000, "a segment file is rolled at this age", low=1)
    log_index_size_max_bytes: int = setting(10_485_760, "largest index of a segment", low=4)
    log_index_interval_bytes: int = setting(4096, "log bytes between two index entries", low=0)
    log_retention_ms: int = setting(
        604_800_000, "age at which records are deleted; -1: never", low=-1
    )
    log_retention_bytes: int = setting(
        -1, "size at which a partition loses old segments; -1: never"
    )
    log_segment_delete_delay_ms: int = setting(60_000, "time before deleted files go", low=0)
    log_cleaner_delete_retention_ms: int = setting(86_400_000, "how long tombstones stay", low=0)
    log_cleaner_min_compaction_lag_ms: int = setting(0, "age before a record may be compacted")
    log_cleaner_max_compaction_lag_ms: int = setting(INT64_MAX, "age when it must be", low=1)
    log_cleaner_min_cleanable_ratio: float = setting(
        0.5, "share of a log that is dirty before it is compacted", low=0, high=1
    )
    log_message_timestamp_type: str = setting(
        "CreateTime", "whose clock stamps records", choices=("CreateTime", "LogAppendTime")
    )
    log_message_timestamp_before_max_ms: int = setting(INT64_MAX, "oldest stamp accepted", low=0)
    log_message_timestamp_after_max_ms: int = setting(HOUR_MS, "furthest future stamp", low=0)

    # Fetch
    fetch_max_bytes: int = setting(57_671_680, "most bytes in one fetch answer", low=1024)
    max_incremental_fetch_session_cache_slots: int = setting(1000, "fetch sessions kept", low=0)

    # Groups
    offsets_topic_num_partitions: int = setting(50, "partitions of __consumer_offsets", low=1)
    offsets_topic_segment_bytes: int = setting(
        104_857_600, "segment size of __consumer_offsets", low=1_048_576
    )
    offsets_retention_minutes: int = setting(
        10_080, "offsets of an empty group expire after this", low=1
    )
    offsets_retention_check_interval_ms: int = setting(600_000, "how often to check for that")
    offset_metadata_max_bytes: int = setting(4096, "longest metadata of a committed offset", low=0)
    group_min_session_timeout_ms: int = setting(6000, "shortest session a member may ask for")
    group_max_session_timeout_ms: int = setting(1_800_000, "longest session a member may ask for")
    group_initial_rebalance_delay_ms: int = setting(3000, "wait for more members of a new group")
    group_max_size: int = setting(INT32_MAX, "members of one group at most", low=1)
    group_coordinator_rebalance_protocols: tuple[str, ...] = setting(
        ("classic", "consumer", "streams"), "enabled group protocols; classic always is"
    )
    group_consumer_session_timeout_ms: int = setting(45_000, "session of a KIP-848 member", low=1)
    group_consumer_heartbeat_interval_ms: int = setting(5000, "heartbeat of a KIP-848 member")
    group_consumer_max_size: int = setting(INT32_MAX, "members of one KIP-848 group", low=1)
    group_consumer_min_session_timeout_ms: int = setting(45_000, "shortest a group may set", low=1)
    group_consumer_max_session_timeout_ms: int = setting(60_000, "longest a group may set", low=1)
    group_consumer_min_heartbeat_interval_ms: int = setting(5000, "shortest a group may set", low=1)
    group_consumer_max_heartbeat_interval_ms: int = setting(15_000, "longest a group may set")
    group_consumer_migration_policy: str = setting(
        "bidirectional",
        "whether groups with members change between classic and KIP-848",
        choices=("disabled", "upgrade", "downgrade", "bidirectional"),
    )

    # Share groups
    group_share_session_timeout_ms: int = setting(45_000, "session of a share consumer", low=1)
    group_share_min_session_timeout_ms: int = setting(45_000, "shortest a group may set", low=1)
    group_share_max_session_timeout_ms: int = setting(60_000, "longest a group may set", low=1)
    group_share_heartbeat_interval_ms: int = setting(5000, "heartbeat of a share consumer", low=1)
    group_share_min_heartbeat_interval_ms: int = setting(5000, "shortest a group may set", low=1)
    group_share_max_heartbeat_interval_ms: int = setting(15_000, "longest a group may set", low=1)
    group_share_record_lock_duration_ms: int = setting(
        30_000, "how long a record belongs to the consumer it was given to", low=1
    )
    group_share_min_record_lock_duration_ms: int = setting(15_000, "shortest a group may set")
    group_share_max_record_lock_duration_ms: int = setting(60_000, "longest a group may set")
    group_share_delivery_count_limit: int = setting(
        5, "a record given so often without success is given up", low=2, high=10
    )
    group_share_partition_max_record_locks: int = setting(
        2000, "records of one partition in flight in one share group", low=100, high=10_000
    )
    group_share_max_size: int = setting(200, "members of one share group", low=1, high=1000)
    group_share_max_share_sessions: int = setting(2000, "fetch sessions of share consumers", low=1)
    group_streams_session_timeout_ms: int = setting(
        45_000, "session of a Kafka Streams client", low=1
    )
    group_streams_min_session_timeout_ms: int = setting(45_000, "shortest a group may set", low=1)
    group_streams_max_session_timeout_ms: int = setting(60_000, "longest a group may set", low=1)
    group_streams_heartbeat_interval_ms: int = setting(
        5000, "heartbeat of a Kafka Streams client", low=1
    )
    group_streams_min_heartbeat_interval_ms: int = setting(5000, "shortest a group may set", low=1)
    group_streams_max_heartbeat_interval_ms: int = setting(15_000, "longest a group may set", low=1)
    group_streams_max_size: int = setting(2**31 - 1, "members of one streams group", low=1)
    group_streams_num_standby_replicas: int = setting(0, "copies of each task's state", low=0)
    group_streams_max_standby_replicas: int = setting(2, "most copies a group may set", low=0)
    group_streams_initial_rebalance_delay_ms: int = setting(
        3000, "a streams group that begins waits so long for more members", low=0
    )
    share_coordinator_state_topic_num_partitions: int = setting(
        50, "partitions of __share_group_state", low=1
    )
    share_coordinator_state_topic_segment_bytes: int = setting(
        104_857_600, "its segment size", low=1_048_576
    )
    share_coordinator_snapshot_update_records_per_snapshot: int = setting(
        500, "updates of a share partition's state before a new snapshot", low=0
    )

    # Metrics that clients push (KIP-714)
    telemetry_max_bytes: int = setting(1_048_576, "largest push of a client's metrics", low=1)
    telemetry_series_max: int = setting(
        2000, "values that clients pushed and /metrics shows, all clients together", low=0
    )

    # Transactions
    transaction_state_log_num_partitions: int = setting(
        50, "partitions of __transaction_state", low=1
    )
    transaction_state_log_segment_bytes: int = setting(
        104_857_600, "its segment size", low=1_048_576
    )
    transaction_max_timeout_ms: int = setting(900_000, "longest transaction a producer may ask for")
    transactional_id_expiration_ms: int = setting(
        604_800_000, "idle transactional ids expire after this"
    )
    transaction_abort_timed_out_transaction_cleanup_interval_ms: int = setting(
        10_000, "how often to check for transactions past their timeout", low=10
    )
    transaction_remove_expired_transaction_cleanup_interval_ms: int = setting(
        3_600_000, "how often to check for idle transactional ids", low=1
    )

    # Security
    authorizer_enabled: bool = setting(False, "check access control entries")
    super_users: str = setting("", "principals that may do everything, such as User:a;User:b")
    allow_everyone_if_no_acl_found: bool = setting(
        False, "everybody may use what has no access control entry"
    )
    delegation_token_secret_key: str = setting(
        "",
        "signs delegation tokens; empty: there are none. Better set in the environment",
        secret=True,
    )
    delegation_token_max_lifetime_ms: int = setting(604_800_000, "longest life of a token", low=1)
    delegation_token_expiry_time_ms: int = setting(
        86_400_000, "a token that is not renewed ends after so long", low=1
    )
    delegation_token_expiry_check_interval_ms: int = setting(
        3_600_000, "how often tokens that ended are removed", low=10
    )

    # TLS of the listeners SSL and SASL_SSL (stores: PEM, PKCS #12 or JKS)
    ssl_keystore_type: str = setting(
        "JKS", "PKCS12 or JKS, for either; PEM: texts in the settings. Files of PEM need no type"
    )
    ssl_keystore_location: str = setting(
        "", "certificate chain of the broker, with or without key, or its key store"
    )
    ssl_keystore_password: str = setting("", "opens a key store that is not PEM", secret=True)
    ssl_keystore_certificate_chain: str = setting(
        "", "with type PEM, in place of the file: certificates, the broker's first", secret=True
    )
    ssl_keystore_key: str = setting("", "their private key (PKCS #8)", secret=True)
    ssl_key_location: str = setting(
        "", "private key of the broker, PEM; empty: in ssl_keystore_location"
    )
    ssl_key_password: str = setting(
        "", "opens the private key; empty: it is not encrypted, or as the store", secret=True
    )
    ssl_truststore_type: str = setting("JKS", "as ssl_keystore_type")
    ssl_truststore_location: str = setting("", "authorities that client certificates must be from")
    ssl_truststore_password: str = setting(
        "", "says whether a trust store that is not PEM is whole", secret=True
    )
    ssl_truststore_certificates: str = setting(
        "", "with type PEM, in place of the file: certificates of authorities", secret=True
    )
    ssl_client_auth: str = setting(
        "none",
        "whether clients of listener SSL show a certificate",
        choices=("none", "requested", "required"),
    )
    ssl_principal_mapping_rules: str = setting(
        "DEFAULT", "from the subject of a certificate to a user name, in Kafka's RULE: syntax"
    )
    ssl_allow_dn_changes: bool = setting(
        False, "a new certificate may have another subject while the broker runs"
    )
    ssl_allow_san_changes: bool = setting(False, "and may lack names that the old one has")
    ssl_enabled_protocols: tuple[str, ...] = setting(
        ("TLSv1.2", "TLSv1.3"), "versions of TLS that clients may use"
    )
    ssl_cipher_suites: str = setting(
        "", "suites by IANA's names with commas between, as in Kafka, or OpenSSL's list"
    )

    # Log-in on the listeners SASL_PLAINTEXT and SASL_SSL
    sasl_enabled_mechanisms: tuple[str, ...] = setting(
        ("SCRAM-SHA-256", "SCRAM-SHA-512"), "also PLAIN and OAUTHBEARER"
    )
    sasl_plain_users_file: str = setting("", "users of PLAIN, a line each user:password, mode 0600")
    sasl_oauthbearer_jwks_endpoint_url: str = setting(
        "", "where the public keys that sign tokens are fetched (JWKS), https"
    )
    sasl_oauthbearer_jwks_endpoint_refresh_ms: int = setting(
        3_600_000, "they are fetched again after so long", low=1
    )
    sasl_oauthbearer_jwks_endpoint_retry_backoff_ms: int = setting(
        100, "pause after the first try that failed; each is twice as long as the last", low=1
    )
    sasl_oauthbearer_jwks_endpoint_retry_backoff_max_ms: int = setting(
        10_000, "after so long the tries end", low=1
    )
    sasl_oauthbearer_jwks_file: str = setting("", "the same in a file, read at the start")
    sasl_oauthbearer_secret_file: str = setting("", "shared secret that signs tokens, mode 0600")
    sasl_oauthbearer_expected_issuer: str = setting("", "iss of tokens; empty: any")
    sasl_oauthbearer_expected_audience: tuple[str, ...] = setting(
        (), "aud of tokens; empty: for tokens that name none"
    )
    sasl_oauthbearer_sub_claim_name: str = setting("sub", "the claim that names the user")
    sasl_oauthbearer_scope_claim_name: str = setting(
        "scope", "the claim that names scopes: asked for nothing, but blank ones are refused"
    )
    sasl_oauthbearer_clock_skew_seconds: int = setting(
        30, "by which clocks may differ", low=0, high=INT32_MAX
    )
    sasl_oauthbearer_unsecured: bool = setting(
        False, "trust tokens that nobody has signed: for tests only"
    )
    sasl_server_max_receive_size: int = setting(
        524_288,
        "largest request before a client is authenticated, bytes",
        low=1024,
        high=INT32_MAX,
    )
    connections_max_reauth_ms: int = setting(
        0, "a log-in must be renewed after so long; 0: never", low=0, high=INT64_MAX
    )
    connection_failed_authentication_delay_ms: int = setting(
        100, "a failed log-in is answered at once; its connection is closed after this", low=0
    )
    authentication_timeout_ms: int = setting(
        30_000, "a client that has not finished TLS and log-in by then is cut off", low=10
    )
