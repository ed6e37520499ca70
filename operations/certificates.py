"""Certificates for the connections between the tiers: an authority of the deployment's own, and a certificate for each
process, valid for its address and name alone.

Files in the directory, PEM, readable for their owner only: ca.pem, ca.key; NAME.pem and NAME.key for each process. Each
is replaced whole, key before certificate, so a process that reads both at once may have to read again.
"""

import ipaddress
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY = "ca"
AUTHORITY_DAYS, CERTIFICATE_DAYS = 3650, 90
#: A start renews certificates with less left than the first; `check` and the alert complain of less than the second.
RENEWAL_DAYS, WARNING_DAYS = 30, 14
#: Clocks of machines differ.
BACKDATED = timedelta(hours=1)
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """A process that gets a certificate: its name, the addresses at which it listens, and further names."""

    name: str
    addresses: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()

    @classmethod
    def parse(cls, name: str, addresses: str) -> "Subject":
        """Return the subject with these addresses, separated by commas. Raises ValueError where one is none, or the
        name could be no file's."""
        if not _NAME.fullmatch(name) or name == AUTHORITY:
            raise ValueError(name)
        parts = tuple(filter(None, addresses.split(",")))
        return cls(name=name, addresses=tuple(str(ipaddress.ip_address(part)) for part in parts))


@dataclass(frozen=True, kw_only=True, slots=True)
class Expiry:
    """When a certificate of the directory ends."""

    name: str
    at: datetime

    def days_left(self, now: datetime) -> float:
        """Return the days until it ends; negative where it has ended."""
        return (self.at - now) / timedelta(days=1)


def authority(directory: Path) -> Path:
    """Return the file of the authority's certificate."""
    return directory / f"{AUTHORITY}.pem"


def files(directory: Path, name: str) -> tuple[Path, Path]:
    """Return the files of this process: its certificate and its key."""
    return directory / f"{name}.pem", directory / f"{name}.key"


def create(directory: Path, subjects: Iterable[Subject], now: datetime) -> list[str]:
    """Make the authority and the certificates of these subjects, as far as they are missing. Return what was made."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    directory.chmod(0o700)
    made = []
    if not authority(directory).exists():
        _make_authority(directory, now)
        made.append(AUTHORITY)
    missing = [subject for subject in subjects if not _is_of(directory, subject)]
    return made + renew(directory, missing, now)


def renew(directory: Path, subjects: Iterable[Subject], now: datetime) -> list[str]:
    """Give each of these subjects a new key and certificate, of the same authority. Return their names."""
    renewed = []
    for subject in subjects:
        key = ec.generate_private_key(ec.SECP256R1())
        _write(directory, subject.name, _certificate(directory, subject, key, now), key)
        renewed.append(subject.name)
    return renewed


def ensure(directory: Path, subjects: Sequence[Subject], now: datetime) -> list[str]:
    """Make what is missing, and renew what ends within RENEWAL_DAYS. Return the names of what was made."""
    made = create(directory, subjects, now)
    ending = {each.name for each in expiries(directory) if each.days_left(now) < RENEWAL_DAYS}
    return made + renew(directory, [subject for subject in subjects if subject.name in ending], now)


def expiries(directory: Path) -> Iterator[Expiry]:
    """Yield when each certificate of the directory ends."""
    for path in sorted(directory.glob("*.pem")):
        yield Expiry(name=path.stem, at=_read(path).not_valid_after_utc)


def _make_authority(directory: Path, now: datetime) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("Evergreen internal authority")
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    builder = (
        _builder(name, name, key.public_key(), now, AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    _write(directory, AUTHORITY, builder.sign(key, hashes.SHA256()), key)


def _certificate(directory: Path, subject: Subject, key: ec.EllipticCurvePrivateKey, now: datetime) -> x509.Certificate:
    issuer = _read(authority(directory))
    issuer_key = serialization.load_pem_private_key((directory / f"{AUTHORITY}.key").read_bytes(), None)
    if not isinstance(issuer_key, ec.EllipticCurvePrivateKey):
        raise ValueError(
            f"{directory}/{AUTHORITY}.key is no key of this project: remove the directory, and create anew."
        )
    usages = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
    return (
        _builder(_name(subject.name), issuer.subject, key.public_key(), now, CERTIFICATE_DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(_names(subject)), critical=False)
        .add_extension(usages, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
        .sign(issuer_key, hashes.SHA256())
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + timedelta(days=days))
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _names(subject: Subject) -> list[x509.GeneralName]:
    addresses = [x509.IPAddress(ipaddress.ip_address(address)) for address in subject.addresses]
    return [*map(x509.DNSName, (subject.name, *subject.aliases)), *addresses]


def _is_of(directory: Path, subject: Subject) -> bool:
    """Whether the directory has a certificate and a key of this subject, with its addresses."""
    certificate, key = files(directory, subject.name)
    if not (certificate.exists() and key.exists()):
        return False
    names = _read(certificate).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return list(names) == _names(subject)


def _read(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def _write(directory: Path, name: str, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    certificate_file, key_file = files(directory, name)
    _replace(key_file, private)
    _replace(certificate_file, certificate.public_bytes(serialization.Encoding.PEM))


def _replace(path: Path, content: bytes) -> None:
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    draft.replace(path)
