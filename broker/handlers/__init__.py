"""The table of APIs, by api key: what stands here is what the broker serves and advertises."""

from broker.handlers import (
    add_offsets_to_txn,
    add_partitions_to_txn,
    add_raft_voter,
    alter_client_quotas,
    alter_configs,
    alter_partition_reassignments,
    alter_replica_log_dirs,
    alter_share_group_offsets,
    alter_user_scram_credentials,
    api_versions,
    consumer_group_describe,
    consumer_group_heartbeat,
    create_acls,
    create_delegation_token,
    create_partitions,
    create_topics,
    delete_acls,
    delete_groups,
    delete_records,
    delete_share_group_offsets,
    delete_share_group_state,
    delete_topics,
    describe_acls,
    describe_client_quotas,
    describe_cluster,
    describe_configs,
    describe_delegation_token,
    describe_groups,
    describe_log_dirs,
    describe_producers,
    describe_quorum,
    describe_share_group_offsets,
    describe_topic_partitions,
    describe_transactions,
    describe_user_scram_credentials,
    elect_leaders,
    end_txn,
    expire_delegation_token,
    fetch,
    find_coordinator,
    get_telemetry_subscriptions,
    heartbeat,
    incremental_alter_configs,
    init_producer_id,
    initialize_share_group_state,
    join_group,
    leave_group,
    list_config_resources,
    list_groups,
    list_offsets,
    list_partition_reassignments,
    list_transactions,
    metadata,
    offset_commit,
    offset_delete,
    offset_fetch,
    offset_for_leader_epoch,
    produce,
    push_telemetry,
    read_share_group_state,
    read_share_group_state_summary,
    remove_raft_voter,
    renew_delegation_token,
    sasl_authenticate,
    sasl_handshake,
    share_acknowledge,
    share_fetch,
    share_group_describe,
    share_group_heartbeat,
    streams_group_describe,
    streams_group_heartbeat,
    sync_group,
    txn_offset_commit,
    unregister_broker,
    update_features,
    write_share_group_state,
    write_txn_markers,
)
from broker.handlers.handler import Handler

HANDLERS: tuple[Handler, ...] = (
    produce.HANDLER,  # 0
    fetch.HANDLER,  # 1
    list_offsets.HANDLER,  # 2
    metadata.HANDLER,  # 3
    offset_commit.HANDLER,  # 8
    offset_fetch.HANDLER,  # 9
    find_coordinator.HANDLER,  # 10
    join_group.HANDLER,  # 11
    heartbeat.HANDLER,  # 12
    leave_group.HANDLER,  # 13
    sync_group.HANDLER,  # 14
    describe_groups.HANDLER,  # 15
    list_groups.HANDLER,  # 16
    sasl_handshake.HANDLER,  # 17
    api_versions.HANDLER,  # 18
    create_topics.HANDLER,  # 19
    delete_topics.HANDLER,  # 20
    delete_records.HANDLER,  # 21
    init_producer_id.HANDLER,  # 22
    offset_for_leader_epoch.HANDLER,  # 23
    add_partitions_to_txn.HANDLER,  # 24
    add_offsets_to_txn.HANDLER,  # 25
    end_txn.HANDLER,  # 26
    write_txn_markers.HANDLER,  # 27
    txn_offset_commit.HANDLER,  # 28
    describe_acls.HANDLER,  # 29
    create_acls.HANDLER,  # 30
    delete_acls.HANDLER,  # 31
    describe_configs.HANDLER,  # 32
    alter_configs.HANDLER,  # 33
    alter_replica_log_dirs.HANDLER,  # 34
    describe_log_dirs.HANDLER,  # 35
    sasl_authenticate.HANDLER,  # 36
    create_partitions.HANDLER,  # 37
    create_delegation_token.HANDLER,  # 38
    renew_delegation_token.HANDLER,  # 39
    expire_delegation_token.HANDLER,  # 40
    describe_delegation_token.HANDLER,  # 41
    delete_groups.HANDLER,  # 42
    elect_leaders.HANDLER,  # 43
    incremental_alter_configs.HANDLER,  # 44
    alter_partition_reassignments.HANDLER,  # 45
    list_partition_reassignments.HANDLER,  # 46
    offset_delete.HANDLER,  # 47
    describe_client_quotas.HANDLER,  # 48
    alter_client_quotas.HANDLER,  # 49
    describe_user_scram_credentials.HANDLER,  # 50
    alter_user_scram_credentials.HANDLER,  # 51
    describe_quorum.HANDLER,  # 55
    update_features.HANDLER,  # 57
    describe_cluster.HANDLER,  # 60
    describe_producers.HANDLER,  # 61
    unregister_broker.HANDLER,  # 64
    describe_transactions.HANDLER,  # 65
    list_transactions.HANDLER,  # 66
    consumer_group_heartbeat.HANDLER,  # 68
    consumer_group_describe.HANDLER,  # 69
    get_telemetry_subscriptions.HANDLER,  # 71
    push_telemetry.HANDLER,  # 72
    list_config_resources.HANDLER,  # 74
    describe_topic_partitions.HANDLER,  # 75
    share_group_heartbeat.HANDLER,  # 76
    share_group_describe.HANDLER,  # 77
    share_fetch.HANDLER,  # 78
    share_acknowledge.HANDLER,  # 79
    add_raft_voter.HANDLER,  # 80
    remove_raft_voter.HANDLER,  # 81
    initialize_share_group_state.HANDLER,  # 83
    read_share_group_state.HANDLER,  # 84
    write_share_group_state.HANDLER,  # 85
    delete_share_group_state.HANDLER,  # 86
    read_share_group_state_summary.HANDLER,  # 87
    streams_group_heartbeat.HANDLER,  # 88
    streams_group_describe.HANDLER,  # 89
    describe_share_group_offsets.HANDLER,  # 90
    alter_share_group_offsets.HANDLER,  # 91
    delete_share_group_offsets.HANDLER,  # 92
)
