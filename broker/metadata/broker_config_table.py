"""Settings of a broker that Kafka has and that are not fields of BrokerConfig.

Tools ask for them, so they are told with the value that is true of this broker: one event loop, one
node, no tiered storage. None: no value of its own. What can be changed while it runs is in
broker_configs.
"""

from broker.config import INT64_MAX
from broker.metadata.config_definition import ConfigDefinition, ConfigType

_T = ConfigType
MAX64 = str(INT64_MAX)

Row = tuple[str, ConfigType, str | None, str]

_IDENTITY: tuple[Row, ...] = (
    ("broker.id", _T.INT, "-1", "Id of this broker in the cluster; the same as node.id."),
    ("process.roles", _T.LIST, "", "What this process is: it holds the metadata and the logs."),
    ("controller.quorum.voters", _T.LIST, "", "Other holders of the metadata: there are none."),
    ("controller.quorum.bootstrap.servers", _T.LIST, "", "As above, found by address."),
    ("inter.broker.listener.name", _T.STRING, None, "There are no other brokers to talk to."),
    ("security.inter.broker.protocol", _T.STRING, "PLAINTEXT", "As above."),
    ("log.dir", _T.LIST, "", "The first of log.dirs."),
    ("metadata.log.dir", _T.STRING, None, "Where the metadata lies; without it in log.dirs."),
    ("controlled.shutdown.enable", _T.BOOLEAN, "true", "A stop finishes what is in work."),
    ("auto.leader.rebalance.enable", _T.BOOLEAN, "false", "One node leads every partition."),
    ("replica.selector.class", _T.STRING, None, "Every read is answered by the leader."),
    ("remote.log.storage.system.enable", _T.BOOLEAN, "false", "There is no tiered storage."),
)

_THREADS: tuple[Row, ...] = (
    ("num.network.threads", _T.INT, "1", "One event loop serves all connections."),
    ("num.io.threads", _T.INT, "2", "Threads that write and sync, for each log directory."),
    ("num.recovery.threads.per.data.dir", _T.INT, "1", "Threads that open logs at the start."),
    ("num.replica.alter.log.dirs.threads", _T.INT, "1", "Partitions move one after another."),
    ("num.replica.fetchers", _T.INT, "1", "Nothing is copied from other brokers."),
    ("log.cleaner.enable", _T.BOOLEAN, "true", "Logs with compact in cleanup.policy are."),
    ("socket.listen.backlog.size", _T.INT, "1024", "Connections that may wait to be accepted."),
    ("socket.receive.buffer.bytes", _T.INT, "-1", "-1: as the operating system sets it."),
    ("socket.send.buffer.bytes", _T.INT, "-1", "-1: as the operating system sets it."),
    ("quota.window.num", _T.INT, "11", "Samples over which a rate is measured for quotas."),
    ("quota.window.size.seconds", _T.INT, "1", "Length of one such sample."),
    ("controller.quota.window.num", _T.INT, "11", "The same for changes of partitions."),
    ("controller.quota.window.size.seconds", _T.INT, "1", "The same for changes of partitions."),
    ("max.request.partition.size.limit", _T.INT, "2000", "Partitions in one page of topics."),
)

_LOGS: tuple[Row, ...] = (
    ("compression.gzip.level", _T.INT, "-1", "Effort of gzip when the broker compresses."),
    ("compression.lz4.level", _T.INT, "9", "Effort of lz4 when the broker compresses."),
    ("compression.zstd.level", _T.INT, "3", "Effort of zstd when the broker compresses."),
    ("log.flush.interval.messages", _T.LONG, MAX64, "Sync a log after so many records."),
    ("log.flush.interval.ms", _T.LONG, None, "Sync a log after so many milliseconds."),
    ("log.flush.scheduler.interval.ms", _T.LONG, MAX64, "The value of the one above, if none."),
    ("log.local.retention.bytes", _T.LONG, "-2", "With tiered storage: bytes kept on disk."),
    ("log.local.retention.ms", _T.LONG, "-2", "With tiered storage: time kept on disk."),
    ("log.preallocate", _T.BOOLEAN, "false", "Reserve the space of a segment when it is made."),
    ("log.retention.hours", _T.INT, "168", "Age at which records go, where no finer one is set."),
    ("log.retention.minutes", _T.INT, None, "Age at which records go, in minutes."),
    ("log.roll.hours", _T.INT, "168", "Age of a segment, where log.roll.ms is not set."),
    ("log.roll.jitter.hours", _T.INT, "0", "Random part taken off log.roll.hours."),
    ("log.roll.jitter.ms", _T.LONG, None, "Random part taken off log.roll.ms."),
    ("unclean.leader.election.enable", _T.BOOLEAN, "false", "Let a replica lead that lags."),
)

_COORDINATORS: tuple[Row, ...] = (
    ("group.consumer.assignors", _T.LIST, "uniform,range", "Who deals out partitions (KIP-848)."),
    ("group.share.assignors", _T.LIST, "simple", "Who deals out partitions to share consumers."),
    ("offsets.topic.replication.factor", _T.SHORT, "1", "Copies of __consumer_offsets."),
    ("offsets.topic.compression.codec", _T.INT, "0", "Codec of __consumer_offsets; 0: none."),
    ("transaction.state.log.replication.factor", _T.SHORT, "1", "Copies of __transaction_state."),
    ("transaction.state.log.min.isr", _T.INT, "1", "In-sync copies of it that a write needs."),
    (
        "transaction.partition.verification.enable",
        _T.BOOLEAN,
        "true",
        "Writes of a transaction to a partition that it did not add are refused.",
    ),
    ("transaction.two.phase.commit.enable", _T.BOOLEAN, "false", "KIP-939 is not there."),
    (
        "share.coordinator.state.topic.replication.factor",
        _T.SHORT,
        "1",
        "Copies of __share_group_state.",
    ),
    ("share.coordinator.state.topic.min.isr", _T.SHORT, "1", "In-sync copies a write needs."),
)

_POLICIES: tuple[Row, ...] = (
    ("alter.config.policy.class.name", _T.CLASS, None, "There are no plugins."),
    ("authorizer.class.name", _T.STRING, "", "Who may do what; see authorizer.enabled."),
    ("client.quota.callback.class", _T.CLASS, None, "There are no plugins."),
    ("create.topic.policy.class.name", _T.CLASS, None, "There are no plugins."),
    ("metric.reporters", _T.LIST, "", "Metrics are read from /metrics."),
    ("sasl.jaas.config", _T.PASSWORD, None, "Log-in is set up by the sasl settings."),
    ("ssl.protocol", _T.STRING, "TLSv1.3", "Newest version of TLS."),
)

HIDDEN = frozenset(
    (
        "advertised.host",
        "advertised.port",
        "allow.everyone.if.no.acl.found",
        "authentication.timeout.ms",
        "authorizer.enabled",
        "create.topic.policy.max.partitions",
        "host",
        "listener.settings",
        "log.flush",
        "log.initial.task.delay.ms",
        "metrics.host",
        "metrics.port",
        "port",
        "producer.id.expiration.check.interval.ms",
        "sasl.oauthbearer.jwks.file",
        "sasl.oauthbearer.secret.file",
        "sasl.oauthbearer.unsecured",
        "sasl.plain.users.file",
        "ssl.key.location",
        "super.users",
        "telemetry.series.max",
    )
)
"""Kafka has no such settings, or hides them: they are told only when they were given a value."""

THROTTLES = tuple(
    ConfigDefinition(name, _T.LONG, None, documentation, low=0)
    for name, documentation in (
        ("leader.replication.throttled.rate", "Bytes a second copied to slowed replicas."),
        ("follower.replication.throttled.rate", "Bytes a second copied by slowed replicas."),
        (
            "replica.alter.log.dirs.io.max.bytes.per.second",
            "Bytes a second copied between log directories of this broker.",
        ),
    )
)
"""Told only while they have a value, as in Kafka."""

KERBEROS = tuple(
    ConfigDefinition(name, kind, default, "Nobody signs in with Kerberos here; kept for tools.")
    for name, kind, default in (
        ("sasl.kerberos.kinit.cmd", _T.STRING, "/usr/bin/kinit"),
        ("sasl.kerberos.min.time.before.relogin", _T.LONG, "60000"),
        ("sasl.kerberos.principal.to.local.rules", _T.LIST, "DEFAULT"),
        ("sasl.kerberos.service.name", _T.STRING, None),
        ("sasl.kerberos.ticket.renew.jitter", _T.DOUBLE, "0.05"),
        ("sasl.kerberos.ticket.renew.window.factor", _T.DOUBLE, "0.8"),
    )
)
"""As in Kafka they can be changed at any time; without Kerberos they do nothing there either."""

_ROWS = (*_IDENTITY, *_THREADS, *_LOGS, *_COORDINATORS, *_POLICIES)
OTHER_DEFINITIONS = (*(ConfigDefinition(*row) for row in _ROWS), *KERBEROS)
