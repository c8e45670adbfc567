"""What each cluster has beside its poller: who is asked when somebody looks, and not before."""

from dataclasses import dataclass

from dashboard.cluster.broker_desk import BrokerDesk
from dashboard.cluster.browse import Browser
from dashboard.cluster.transactions import TransactionDesk
from dashboard.connect.client import ConnectDesk
from dashboard.security.desk import SecurityDesk
from dashboard.subjects.desk import RegistryDesk


@dataclass(frozen=True, slots=True)
class Beside:
    """One cluster's."""

    browser: Browser  # reads messages
    security: SecurityDesk
    connect: ConnectDesk
    brokers: BrokerDesk
    registry: RegistryDesk
    transactions: TransactionDesk

    def forget(self) -> None:
        """Ask anew next time: something was changed through us."""
        for part in (
            *(self.security, self.connect, self.brokers, self.registry, self.transactions),
        ):
            part.forget()

    def close(self) -> None:
        self.browser.close()
        self.security.close()
        self.transactions.close()
