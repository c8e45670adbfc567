"""Apache Kafka's console tools for share groups (KIP-932), unchanged."""

import secrets

import pytest

from tests.support.java_tools import JavaTools, call

pytestmark = [pytest.mark.wire, pytest.mark.timeout(240)]


def test_a_share_group_takes_each_record_once_and_is_described(java: JavaTools) -> None:
    name = f"share-{secrets.token_hex(4)}"
    java.succeeds("ConsoleProducer", f"--topic {name}", stdin="a\nb\nc\n")
    java.succeeds(
        "ConfigCommand",
        f"--alter --entity-type groups --entity-name {name}"
        " --add-config share.auto.offset.reset=earliest",
    )

    taken = java.succeeds(
        "ConsoleShareConsumer", f"--topic {name} --group {name} --max-messages 3 --timeout-ms 20000"
    )
    listed, offsets = java.run_all(
        call("ShareGroupCommand", "--list"),
        call("ShareGroupCommand", f"--describe --group {name}"),
    )

    assert sorted(taken) == ["a", "b", "c"]
    assert name in listed.lines
    assert offsets.lines[1].startswith(f"{name} {name} 0 ")
