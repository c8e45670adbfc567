"""What is refused before any cluster is asked."""

import pytest

from tracker.config import KafkaConfig
from tracker.kafka.changes import Refused
from tracker.kafka.security import Acl, SecurityAdmin


def test_an_operation_without_a_code_is_refused_and_no_silence_of_the_cluster() -> None:
    acl = Acl("User:ann", "TOPIC", "events", "LITERAL", "99", "ALLOW")

    with pytest.raises(Refused, match="99"):
        SecurityAdmin(KafkaConfig(bootstrap_servers="127.0.0.1:1"), 1.0).delete_acls([acl])
