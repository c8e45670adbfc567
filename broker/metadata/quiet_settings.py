"""Settings that Apache Kafka 4.2 has and that mean nothing to this broker, each with the reason.

Tools that ask for all settings of a broker are told of them, with Kafka's types and defaults. Those
of DYNAMIC can be given a value while the broker runs, as in Kafka; it changes nothing here.
"""

from broker.metadata.config_definition import ConfigDefinition, ConfigType

_T = ConfigType

Row = tuple[str, ConfigType, str | None]

_QUORUM: tuple[Row, ...] = (
    ("broker.heartbeat.interval.ms", _T.INT, "2000"),
    ("broker.session.timeout.ms", _T.INT, "9000"),
    ("controller.quorum.append.linger.ms", _T.INT, "25"),
    ("controller.quorum.auto.join.enable", _T.BOOLEAN, "false"),
    ("controller.quorum.election.backoff.max.ms", _T.INT, "1000"),
    ("controller.quorum.election.timeout.ms", _T.INT, "1000"),
    ("controller.quorum.fetch.timeout.ms", _T.INT, "2000"),
    ("controller.quorum.request.timeout.ms", _T.INT, "2000"),
    ("controller.quorum.retry.backoff.ms", _T.INT, "20"),
    ("controller.socket.timeout.ms", _T.INT, "30000"),
    ("initial.broker.registration.timeout.ms", _T.INT, "60000"),
    ("metadata.max.idle.interval.ms", _T.INT, "500"),
)

_REPLICAS: tuple[Row, ...] = (
    ("alter.log.dirs.replication.quota.window.num", _T.INT, "11"),
    ("alter.log.dirs.replication.quota.window.size.seconds", _T.INT, "1"),
    ("early.start.listeners", _T.LIST, None),
    ("leader.imbalance.check.interval.seconds", _T.LONG, "300"),
    ("log.dir.failure.timeout.ms", _T.LONG, "30000"),
    ("replica.fetch.backoff.ms", _T.INT, "1000"),
    ("replica.fetch.max.bytes", _T.INT, "1048576"),
    ("replica.fetch.min.bytes", _T.INT, "1"),
    ("replica.fetch.response.max.bytes", _T.INT, "10485760"),
    ("replica.fetch.wait.max.ms", _T.INT, "500"),
    ("replica.high.watermark.checkpoint.interval.ms", _T.LONG, "5000"),
    ("replica.lag.time.max.ms", _T.LONG, "30000"),
    ("replica.socket.receive.buffer.bytes", _T.INT, "65536"),
    ("replica.socket.timeout.ms", _T.INT, "30000"),
    ("replication.quota.window.num", _T.INT, "11"),
    ("replication.quota.window.size.seconds", _T.INT, "1"),
    ("request.timeout.ms", _T.INT, "30000"),
    ("socket.connection.setup.timeout.max.ms", _T.LONG, "30000"),
    ("socket.connection.setup.timeout.ms", _T.LONG, "10000"),
)

_TIERED: tuple[Row, ...] = (
    ("remote.fetch.max.wait.ms", _T.INT, "500"),
    ("remote.list.offsets.request.timeout.ms", _T.LONG, "30000"),
    ("remote.log.index.file.cache.total.size.bytes", _T.LONG, "1073741824"),
    ("remote.log.manager.copier.thread.pool.size", _T.INT, "10"),
    ("remote.log.manager.copy.max.bytes.per.second", _T.LONG, "9223372036854775807"),
    ("remote.log.manager.copy.quota.window.num", _T.INT, "11"),
    ("remote.log.manager.copy.quota.window.size.seconds", _T.INT, "1"),
    ("remote.log.manager.expiration.thread.pool.size", _T.INT, "10"),
    ("remote.log.manager.fetch.max.bytes.per.second", _T.LONG, "9223372036854775807"),
    ("remote.log.manager.fetch.quota.window.num", _T.INT, "11"),
    ("remote.log.manager.fetch.quota.window.size.seconds", _T.INT, "1"),
    ("remote.log.manager.follower.thread.pool.size", _T.INT, "2"),
    ("remote.log.manager.task.interval.ms", _T.LONG, "30000"),
    ("remote.log.manager.thread.pool.size", _T.INT, "2"),
    ("remote.log.metadata.custom.metadata.max.bytes", _T.INT, "128"),
    (
        "remote.log.metadata.manager.class.name",
        _T.STRING,
        "org.apache.kafka.server.log.remote.metadata.storage.TopicBasedRemoteLogMetadataManager",
    ),
    ("remote.log.metadata.manager.class.path", _T.STRING, None),
    ("remote.log.metadata.manager.impl.prefix", _T.STRING, "rlmm.config."),
    ("remote.log.metadata.manager.listener.name", _T.STRING, None),
    ("remote.log.reader.max.pending.tasks", _T.INT, "100"),
    ("remote.log.reader.threads", _T.INT, "10"),
    ("remote.log.storage.manager.class.name", _T.STRING, None),
    ("remote.log.storage.manager.class.path", _T.STRING, None),
    ("remote.log.storage.manager.impl.prefix", _T.STRING, "rsm.config."),
)

_LOGIN: tuple[Row, ...] = (
    ("sasl.client.callback.handler.class", _T.CLASS, None),
    ("sasl.login.callback.handler.class", _T.CLASS, None),
    ("sasl.login.class", _T.CLASS, None),
    ("sasl.login.connect.timeout.ms", _T.INT, None),
    ("sasl.login.read.timeout.ms", _T.INT, None),
    ("sasl.login.refresh.buffer.seconds", _T.SHORT, "300"),
    ("sasl.login.refresh.min.period.seconds", _T.SHORT, "60"),
    ("sasl.login.refresh.window.factor", _T.DOUBLE, "0.8"),
    ("sasl.login.refresh.window.jitter", _T.DOUBLE, "0.05"),
    ("sasl.login.retry.backoff.max.ms", _T.LONG, "10000"),
    ("sasl.login.retry.backoff.ms", _T.LONG, "100"),
    ("sasl.mechanism.controller.protocol", _T.STRING, "GSSAPI"),
    ("sasl.mechanism.inter.broker.protocol", _T.STRING, "GSSAPI"),
    ("sasl.oauthbearer.assertion.algorithm", _T.STRING, "RS256"),
    ("sasl.oauthbearer.assertion.claim.aud", _T.STRING, None),
    ("sasl.oauthbearer.assertion.claim.exp.seconds", _T.INT, "300"),
    ("sasl.oauthbearer.assertion.claim.iss", _T.STRING, None),
    ("sasl.oauthbearer.assertion.claim.jti.include", _T.BOOLEAN, "false"),
    ("sasl.oauthbearer.assertion.claim.nbf.seconds", _T.INT, "60"),
    ("sasl.oauthbearer.assertion.claim.sub", _T.STRING, None),
    ("sasl.oauthbearer.assertion.file", _T.STRING, None),
    ("sasl.oauthbearer.assertion.private.key.file", _T.STRING, None),
    ("sasl.oauthbearer.assertion.private.key.passphrase", _T.PASSWORD, None),
    ("sasl.oauthbearer.assertion.template.file", _T.STRING, None),
    ("sasl.oauthbearer.client.credentials.client.id", _T.STRING, None),
    ("sasl.oauthbearer.client.credentials.client.secret", _T.PASSWORD, None),
    (
        "sasl.oauthbearer.jwt.retriever.class",
        _T.CLASS,
        "org.apache.kafka.common.security.oauthbearer.DefaultJwtRetriever",
    ),
    ("sasl.oauthbearer.scope", _T.STRING, None),
    ("sasl.oauthbearer.token.endpoint.url", _T.STRING, None),
)

_CLASSES: tuple[Row, ...] = (
    ("config.providers", _T.LIST, ""),
    (
        "principal.builder.class",
        _T.CLASS,
        "org.apache.kafka.common.security.authenticator.DefaultKafkaPrincipalBuilder",
    ),
    (
        "sasl.oauthbearer.jwt.validator.class",
        _T.CLASS,
        "org.apache.kafka.common.security.oauthbearer.DefaultJwtValidator",
    ),
    ("sasl.server.callback.handler.class", _T.CLASS, None),
    ("security.providers", _T.STRING, None),
)

_TLS: tuple[Row, ...] = (
    ("ssl.endpoint.identification.algorithm", _T.STRING, "https"),
    ("ssl.engine.factory.class", _T.CLASS, None),
    ("ssl.keymanager.algorithm", _T.STRING, "SunX509"),
    ("ssl.provider", _T.STRING, None),
    ("ssl.secure.random.implementation", _T.STRING, None),
    ("ssl.trustmanager.algorithm", _T.STRING, "PKIX"),
)

_PURGATORIES: tuple[Row, ...] = (
    ("delete.records.purgatory.purge.interval.requests", _T.INT, "1"),
    ("fetch.purgatory.purge.interval.requests", _T.INT, "1000"),
    ("producer.purgatory.purge.interval.requests", _T.INT, "1000"),
    ("queued.max.requests", _T.INT, "500"),
    ("share.fetch.purgatory.purge.interval.requests", _T.INT, "1000"),
)

_METRICS: tuple[Row, ...] = (
    ("kafka.metrics.polling.interval.secs", _T.INT, "10"),
    ("kafka.metrics.reporters", _T.LIST, ""),
    ("metrics.num.samples", _T.INT, "2"),
    ("metrics.recording.level", _T.STRING, "INFO"),
    ("metrics.sample.window.ms", _T.LONG, "30000"),
)

_METADATA_LOG: tuple[Row, ...] = (
    ("metadata.log.max.record.bytes.between.snapshots", _T.LONG, "20971520"),
    ("metadata.log.max.snapshot.interval.ms", _T.LONG, "3600000"),
    ("metadata.log.segment.bytes", _T.INT, "1073741824"),
    ("metadata.log.segment.ms", _T.LONG, "604800000"),
    ("metadata.max.retention.bytes", _T.LONG, "104857600"),
    ("metadata.max.retention.ms", _T.LONG, "604800000"),
)

_CLEANER: tuple[Row, ...] = (
    ("log.cleaner.dedupe.buffer.size", _T.LONG, "134217728"),
    ("log.cleaner.io.buffer.load.factor", _T.DOUBLE, "0.9"),
    ("log.cleaner.io.buffer.size", _T.INT, "524288"),
    ("log.cleaner.io.max.bytes.per.second", _T.DOUBLE, "1.7976931348623157E308"),
)

_COORDINATORS: tuple[Row, ...] = (
    ("add.partitions.to.txn.retry.backoff.max.ms", _T.INT, "100"),
    ("add.partitions.to.txn.retry.backoff.ms", _T.INT, "20"),
    ("background.threads", _T.INT, "10"),
    ("group.coordinator.append.linger.ms", _T.INT, "-1"),
    ("group.coordinator.threads", _T.INT, "1"),
    ("log.flush.start.offset.checkpoint.interval.ms", _T.INT, "60000"),
    ("log.initial.task.delay.ms", _T.LONG, "30000"),
    ("offsets.commit.timeout.ms", _T.INT, "5000"),
    ("offsets.load.buffer.size", _T.INT, "5242880"),
    ("share.coordinator.append.linger.ms", _T.INT, "-1"),
    ("share.coordinator.load.buffer.size", _T.INT, "5242880"),
    ("share.coordinator.state.topic.compression.codec", _T.INT, "0"),
    ("share.coordinator.threads", _T.INT, "1"),
    ("share.coordinator.write.timeout.ms", _T.INT, "5000"),
    ("transaction.state.log.load.buffer.size", _T.INT, "5242880"),
)

_REASONS: tuple[tuple[str, tuple[Row, ...]], ...] = (
    ("One node is the whole quorum: there is nobody to wait for.", _QUORUM),
    ("Nothing is copied from or to other brokers.", _REPLICAS),
    ("There is no tiered storage.", _TIERED),
    ("This broker logs in nowhere.", _LOGIN),
    ("There are no plugins, and no Java classes to name.", _CLASSES),
    ("TLS is OpenSSL's, and not Java's.", _TLS),
    ("Who waits here is let go at once, and not looked for from time to time.", _PURGATORIES),
    ("Metrics are read from /metrics.", _METRICS),
    (
        "The metadata is small: its log is written anew when it has grown, and not by these.",
        _METADATA_LOG,
    ),
    ("Compaction takes what memory its keys need, and as much of the disk as is free.", _CLEANER),
    ("Coordinators share the event loop, and write with the appends of its turns.", _COORDINATORS),
)

_LOWEST = {
    "background.threads": 1,
    "log.cleaner.io.buffer.size": 0,
    "remote.fetch.max.wait.ms": 1,
    "remote.list.offsets.request.timeout.ms": 1,
    "remote.log.index.file.cache.total.size.bytes": 1,
    "remote.log.manager.copier.thread.pool.size": 1,
    "remote.log.manager.copy.max.bytes.per.second": 1,
    "remote.log.manager.expiration.thread.pool.size": 1,
    "remote.log.manager.fetch.max.bytes.per.second": 1,
    "remote.log.manager.follower.thread.pool.size": 1,
    "remote.log.reader.threads": 1,
}

QUIET = tuple(
    ConfigDefinition(name, kind, default, reason, low=_LOWEST.get(name))
    for reason, rows in _REASONS
    for name, kind, default in rows
)
"""All of them."""

DYNAMIC = frozenset(
    (
        "background.threads",
        "config.providers",
        "log.cleaner.dedupe.buffer.size",
        "log.cleaner.io.buffer.load.factor",
        "log.cleaner.io.buffer.size",
        "log.cleaner.io.max.bytes.per.second",
        "remote.fetch.max.wait.ms",
        "remote.list.offsets.request.timeout.ms",
        "remote.log.index.file.cache.total.size.bytes",
        "remote.log.manager.copier.thread.pool.size",
        "remote.log.manager.copy.max.bytes.per.second",
        "remote.log.manager.expiration.thread.pool.size",
        "remote.log.manager.fetch.max.bytes.per.second",
        "remote.log.manager.follower.thread.pool.size",
        "remote.log.reader.threads",
        "sasl.login.refresh.buffer.seconds",
        "sasl.login.refresh.min.period.seconds",
        "sasl.login.refresh.window.factor",
        "sasl.login.refresh.window.jitter",
        "sasl.mechanism.inter.broker.protocol",
    )
)
"""Those that can be given another value while the broker runs."""
