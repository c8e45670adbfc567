from broker.errors import ErrorCode
from broker.protocol.messages.elect_leaders import (
    ElectLeadersRequest,
    ElectLeadersResponse,
    TopicPartitions,
)
from tests.support.raw_client import RawClient
from tests.support.topic_calls import make_topic


async def test_the_only_replica_leads_already(client: RawClient) -> None:
    await make_topic(client, "pages")
    wanted = [TopicPartitions("pages", [0, 5])]

    response = await client.ask(ElectLeadersRequest(0, wanted), 2, ElectLeadersResponse)

    results = response.replica_election_results[0].partition_result
    assert [result.error_code for result in results] == [
        ErrorCode.ELECTION_NOT_NEEDED,
        ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    ]
    assert results[1].error_message == "No such partition as pages-5"


async def test_an_unknown_topic_is_named_in_the_answer(client: RawClient) -> None:
    wanted = [TopicPartitions("nowhere", [0])]

    response = await client.ask(ElectLeadersRequest(0, wanted), 2, ElectLeadersResponse)

    (result,) = response.replica_election_results[0].partition_result
    assert result.error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert result.error_message == "No such topic as nowhere"


async def test_all_partitions_need_no_election(client: RawClient) -> None:
    response = await client.ask(ElectLeadersRequest(0, None), 2, ElectLeadersResponse)

    assert (response.error_code, response.replica_election_results) == (ErrorCode.NONE, [])


async def test_an_unknown_kind_of_election_is_an_invalid_request(client: RawClient) -> None:
    response = await client.ask(ElectLeadersRequest(7, None), 2, ElectLeadersResponse)

    assert response.error_code == ErrorCode.INVALID_REQUEST
