"""Key stores that Java's keytool made: in tests/broker/security/stores, good for a hundred years.

keytool -genkeypair -alias broker -keyalg EC -dname "CN=broker, O=Footfall" -ext
san=dns:localhost,ip:127.0.0.1 -validity 36500 -storetype JKS ...; -importkeystore made PKCS #12 of
it; -exportcert and -importcert made the trust stores, with that certificate as the authority.
"""

from pathlib import Path

STORES = Path(__file__).parent.parent / "broker" / "security" / "stores"
JKS, PKCS12 = STORES / "broker.jks", STORES / "broker.p12"
TRUST_JKS, TRUST_PKCS12 = STORES / "trust.jks", STORES / "trust.p12"
STORE_PASSWORD, KEY_PASSWORD = "store-password", "key-password"
TRUST_PASSWORD = "trust-password"
