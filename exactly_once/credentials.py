"""As which user a process calls data nodes and Sentinels, and whether by TLS."""

from dataclasses import dataclass
from pathlib import Path

from redis.credentials import CredentialProvider
from redis.exceptions import ConnectionError as Disconnected

#: Of a password file: a longer one holds no password of ours.
MAX_PASSWORD_BYTES = 512


@dataclass(frozen=True, slots=True)
class Credentials(CredentialProvider):
    """A user of the servers' access control lists, and the file that holds the password.

    The file is read for each new connection, so that a password is rotated without a restart: connections that are open
    stay so, and later ones have the new password."""

    username: str
    password_file: Path
    #: The file of the authority whose certificates servers must have; without one, connections are not encrypted.
    authority: Path | None = None

    def get_credentials(self) -> tuple[str, str]:
        """The user's name and password. Raises redis's ConnectionError where the file cannot be read: without it there
        is no connection."""
        try:
            with self.password_file.open() as file:
                return self.username, file.read(MAX_PASSWORD_BYTES).strip()
        except (OSError, UnicodeDecodeError) as error:
            raise Disconnected(f"{self.password_file} holds no password of {self.username}: {error}") from error

    @classmethod
    def where_named(cls, username: str, password_file: str, authority: str = "") -> "Credentials | None":
        """The credentials of this user; None where no user is named, and servers are called without authentication."""
        return cls(username, Path(password_file), Path(authority) if authority else None) if username else None
