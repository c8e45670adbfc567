"""SCRAM credentials of users (RFC 5802): never a password, only what a proof is checked with.

A client sends the salted password; the broker keeps StoredKey and ServerKey, from which neither the
password nor the salted password can be told.
"""

import hashlib
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import partial

from broker.errors import ErrorCode, KafkaError
from broker.metadata.image import ClusterImage
from broker.metadata.records import (
    MetadataRecord,
    RemoveUserScramCredentialRecord,
    UserScramCredentialRecord,
)

ITERATIONS_MIN = 4096  # RFC 5802 section 5.1
ITERATIONS_MAX = 16_384  # Kafka's bound: every log-in costs the client that many HMACs


class ScramMechanism(IntEnum):
    """Kafka's numbers of the mechanisms."""

    SHA_256 = 1
    SHA_512 = 2

    @property
    def hash_name(self) -> str:
        return "sha256" if self is ScramMechanism.SHA_256 else "sha512"


@dataclass(frozen=True, slots=True)
class ScramCredential:
    """What a proof of a password is checked with."""

    salt: bytes = field(repr=False)
    stored_key: bytes = field(repr=False)
    server_key: bytes = field(repr=False)
    iterations: int


@dataclass(frozen=True, slots=True)
class ScramUpsertion:
    """A credential that is to be set."""

    user: str
    mechanism: int
    iterations: int
    salt: bytes = field(repr=False)
    salted_password: bytes = field(repr=False)


class Credentials:
    """Looks users up in the newest image."""

    def __init__(self, image: Callable[[], ClusterImage]) -> None:
        self._image = image

    def scram(self, user: str, mechanism: ScramMechanism) -> ScramCredential | None:
        """The credential of a user, or None when there is none of this mechanism."""
        record = self._image().scram.get((user, int(mechanism)))
        if record is None:
            return None
        return ScramCredential(record.salt, record.stored_key, record.server_key, record.iterations)


def keys_of(mechanism: ScramMechanism, salted_password: bytes) -> tuple[bytes, bytes]:
    """(StoredKey, ServerKey) of a salted password."""
    name = mechanism.hash_name
    client_key = hmac.digest(salted_password, b"Client Key", name)
    return hashlib.new(name, client_key).digest(), hmac.digest(salted_password, b"Server Key", name)


def salted(mechanism: ScramMechanism, password: bytes, salt: bytes, iterations: int) -> bytes:
    """SaltedPassword, which the client sends when it sets a password."""
    return hashlib.pbkdf2_hmac(mechanism.hash_name, password, salt, iterations)


def alter_scram(
    image: ClusterImage,
    deletions: Sequence[tuple[str, int]],
    upsertions: Sequence[ScramUpsertion],
) -> tuple[list[MetadataRecord], dict[str, KafkaError | None]]:
    """Records of changes, and by user the refusal or None. A user may stand there only once.

    What is wrong with the first wish is told rather than that there is a second, as in Kafka.
    """
    wanted = [(user, partial(_deletion, image, user, mechanism)) for user, mechanism in deletions]
    wanted += [(one.user, partial(_upsertion, one)) for one in upsertions]
    results: dict[str, KafkaError | None] = {}
    records: dict[str, MetadataRecord] = {}
    for user, decide in wanted:
        if results.get(user) is not None:
            continue
        try:
            if user in records:
                del records[user]
                raise KafkaError(
                    ErrorCode.DUPLICATE_RESOURCE,
                    "A user credential cannot be altered twice in the same request",
                )
            records[user] = decide()
            results[user] = None
        except KafkaError as refusal:
            results[user] = refusal
    return list(records.values()), results


def _deletion(image: ClusterImage, user: str, mechanism: int) -> MetadataRecord:
    _check(user, mechanism)
    if (user, mechanism) not in image.scram:
        raise KafkaError(
            ErrorCode.RESOURCE_NOT_FOUND,
            "Attempt to delete a user credential that does not exist",
        )
    return RemoveUserScramCredentialRecord(name=user, mechanism=mechanism)


def _upsertion(wanted: ScramUpsertion) -> MetadataRecord:
    mechanism = _check(wanted.user, wanted.mechanism)
    if wanted.iterations < ITERATIONS_MIN:
        raise KafkaError(ErrorCode.UNACCEPTABLE_CREDENTIAL, "Too few iterations")
    if wanted.iterations > ITERATIONS_MAX:
        raise KafkaError(ErrorCode.UNACCEPTABLE_CREDENTIAL, "Too many iterations")
    if not wanted.salted_password:
        raise KafkaError(ErrorCode.UNACCEPTABLE_CREDENTIAL, "Salted password must not be empty")
    stored_key, server_key = keys_of(mechanism, wanted.salted_password)
    return UserScramCredentialRecord(
        name=wanted.user,
        mechanism=mechanism,
        salt=wanted.salt,
        stored_key=stored_key,
        server_key=server_key,
        iterations=wanted.iterations,
    )


def _check(user: str, mechanism: int) -> ScramMechanism:
    if not user:
        raise KafkaError(ErrorCode.UNACCEPTABLE_CREDENTIAL, "Username must not be empty")
    if mechanism not in list(ScramMechanism):
        raise KafkaError(ErrorCode.UNSUPPORTED_SASL_MECHANISM, "Unknown SCRAM mechanism")
    return ScramMechanism(mechanism)
