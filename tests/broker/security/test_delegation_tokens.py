"""Until when a token lives: to the last of its milliseconds, by whatever period was asked for."""

import pytest

from broker.errors import ErrorCode, KafkaError
from broker.metadata.image import ClusterImage
from broker.metadata.records import DelegationTokenRecord
from broker.security.delegation_tokens import DelegationTokens, TokenSettings, TokenWish

NOW_MS = 1_700_000_000_000
LIFETIME_MS, EXPIRY_MS = 1_000, 100
OWNER, RENEWER = "User:ann", "User:bob"


class Made:
    """One token of ann's, which bob may renew, in an image."""

    def __init__(self, lifetime_ms: int = -1) -> None:
        self.image = ClusterImage()
        settings = TokenSettings("a secret", LIFETIME_MS, EXPIRY_MS)
        self.tokens = DelegationTokens(lambda: self.image, settings)
        wish = TokenWish(OWNER, OWNER, [RENEWER], lifetime_ms)
        records, self.token = self.tokens.create(wish, "id-1", NOW_MS)
        self.image = self.image.apply(records)
        self.proof = self.tokens.hmac("id-1")

    def renewed_ms(self, period_ms: int, after_ms: int = 0) -> int:
        """For how long from then on."""
        now_ms = NOW_MS + after_ms
        _, until_ms = self.tokens.renew(self.image, self.proof, RENEWER, period_ms, now_ms)
        return until_ms - now_ms


@pytest.mark.parametrize(
    ("wished_ms", "max_ms", "expiry_ms"),
    [(-1, 1_000, 100), (0, 1_000, 100), (1, 1, 1), (400, 400, 100), (5_000, 1_000, 100)],
)
def test_a_new_token_lives_as_wished_within_the_bounds(
    wished_ms: int, max_ms: int, expiry_ms: int
) -> None:
    token = Made(wished_ms).token

    assert token.max_timestamp - NOW_MS == max_ms
    assert token.expiration_timestamp - NOW_MS == expiry_ms


@pytest.mark.parametrize(
    ("period_ms", "lives_ms"), [(-1, 100), (0, 100), (1, 1), (99, 99), (101, 100)]
)
def test_a_period_of_nothing_is_the_longest_one(period_ms: int, lives_ms: int) -> None:
    assert Made().renewed_ms(period_ms) == lives_ms


def test_no_renewal_goes_beyond_the_life_of_a_token() -> None:
    assert Made(lifetime_ms=150).renewed_ms(100, after_ms=90) == 60


def test_a_token_lives_to_its_last_millisecond() -> None:
    made = Made()

    last, late = NOW_MS + EXPIRY_MS, NOW_MS + EXPIRY_MS + 1

    assert made.tokens.expired(made.image, last) == []
    assert len(made.tokens.expired(made.image, late)) == 1
    assert made.renewed_ms(1, after_ms=EXPIRY_MS) == 1
    with pytest.raises(KafkaError) as refused:
        made.renewed_ms(1, after_ms=EXPIRY_MS + 1)
    assert refused.value.code is ErrorCode.DELEGATION_TOKEN_EXPIRED


def test_without_a_key_of_the_broker_a_token_is_not_renewed_nor_ended() -> None:
    made = Made()
    disabled = DelegationTokens(lambda: made.image, TokenSettings("", LIFETIME_MS, EXPIRY_MS))

    for change in (disabled.renew, disabled.expire):
        with pytest.raises(KafkaError) as refused:
            change(made.image, made.proof, OWNER, 1, NOW_MS)
        assert refused.value.code is ErrorCode.DELEGATION_TOKEN_AUTH_DISABLED


def test_a_period_of_0_ends_a_token_now_and_one_below_removes_it() -> None:
    made = Made()

    (ended,), until_ms = made.tokens.expire(made.image, made.proof, OWNER, 0, NOW_MS + 5)
    (removed,), removed_ms = made.tokens.expire(made.image, made.proof, OWNER, -1, NOW_MS + 5)

    assert isinstance(ended, DelegationTokenRecord)
    assert ended.expiration_timestamp == until_ms == removed_ms == NOW_MS + 5
    assert not isinstance(removed, DelegationTokenRecord)


@pytest.mark.parametrize("renewer", ["Group:ops", "user:bob", "bob", ""])
def test_only_users_renew(renewer: str) -> None:
    made = Made()

    with pytest.raises(KafkaError) as refused:
        made.tokens.create(TokenWish(OWNER, OWNER, [RENEWER, renewer], -1), "id-2", NOW_MS)

    assert refused.value.code is ErrorCode.INVALID_PRINCIPAL_TYPE


def test_a_proof_of_another_token_and_a_stranger_are_refused() -> None:
    made = Made()

    with pytest.raises(KafkaError) as wrong:
        made.tokens.renew(made.image, made.tokens.hmac("id-2"), OWNER, 1, NOW_MS)
    with pytest.raises(KafkaError) as stranger:
        made.tokens.renew(made.image, made.proof, "User:eve", 1, NOW_MS)

    assert wrong.value.code is ErrorCode.DELEGATION_TOKEN_NOT_FOUND
    assert stranger.value.code is ErrorCode.DELEGATION_TOKEN_OWNER_MISMATCH
