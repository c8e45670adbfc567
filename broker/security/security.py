"""All that protects the broker, over one image of the cluster."""

from collections.abc import Callable
from dataclasses import dataclass

from broker.clock import Clock
from broker.config import BrokerConfig
from broker.metadata.image import ClusterImage
from broker.security.authorizer import Authorizer
from broker.security.credentials import Credentials
from broker.security.delegation_tokens import DelegationTokens, TokenSettings
from broker.security.throttle import ClientQuotas


@dataclass(frozen=True, slots=True)
class Security:
    """Who may do what, who is who, and how much."""

    authorizer: Authorizer | None
    """None: everybody may do everything."""
    credentials: Credentials
    quotas: ClientQuotas
    tokens: DelegationTokens


def build_security(
    config: BrokerConfig, image: Callable[[], ClusterImage], clock: Clock
) -> Security:
    """What the settings ask for; `image` gives the newest image."""
    authorizer = None
    if config.authorizer_enabled:
        authorizer = Authorizer(
            image,
            (name.strip() for name in config.super_users.split(";") if name.strip()),
            allow_if_no_acl=config.allow_everyone_if_no_acl_found,
        )
    return Security(
        authorizer=authorizer,
        credentials=Credentials(image),
        quotas=ClientQuotas(image, clock),
        tokens=DelegationTokens(
            image,
            TokenSettings(
                config.delegation_token_secret_key,
                config.delegation_token_max_lifetime_ms,
                config.delegation_token_expiry_time_ms,
            ),
        ),
    )
