"""The certificate of a data node or Sentinel, and the settings that name it to the server."""

from dataclasses import dataclass
from pathlib import Path

from exactly_once.client import Address


@dataclass(frozen=True, slots=True)
class Certificate:
    """The files NAME.pem and NAME.key of a process, and ca.pem of its authority: `path` is DIRECTORY/NAME."""

    path: Path

    @property
    def authority(self) -> Path:
        """The certificate of the authority."""
        return self.path.with_name("ca.pem")

    @property
    def certificate(self) -> Path:
        return self.path.with_name(f"{self.path.name}.pem")

    @property
    def key(self) -> Path:
        return self.path.with_name(f"{self.path.name}.key")


def listening(address: Address, certificate: Certificate | None) -> list[str]:
    """Return the lines of a server's configuration that make it listen at this address: by TLS alone where it has a
    certificate, and by TLS then with its primary, replicas and other Sentinels too. A client proves who it is by its
    password, not by a certificate."""
    if certificate is None:
        return [f"port {address.port}"]
    return [
        "port 0",
        f"tls-port {address.port}",
        f'tls-cert-file "{certificate.certificate}"',
        f'tls-key-file "{certificate.key}"',
        f'tls-ca-cert-file "{certificate.authority}"',
        "tls-auth-clients no",
        "tls-replication yes",
        'tls-protocols "TLSv1.2 TLSv1.3"',
    ]
