"""What runs the shop on this machine, as the commands of this package see it. Its runner registers here."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from operations.certificates import Subject
from operations.doctor.diagnosis import Diagnosis, Level


class DeploymentMisconfigured(Exception):
    """A setting of the deployment cannot be used; the text says which, and what it should be."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ProcessStatus:
    """One process of the deployment. `pid` is 0 while it does not run; `role` is that of a data node."""

    name: str
    address: str
    pid: int
    state: str
    role: str


@dataclass(frozen=True, kw_only=True, slots=True)
class LogDirectory:
    """A directory with one log for each process, as NAME.log. `upstreams` are the names of the API instances by the
    addresses at which nginx calls them."""

    path: Path
    upstreams: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class CertificateDirectory:
    """A directory of certificates, and who has one. `reload` has the processes use renewed ones, without an
    interruption, and returns their names."""

    path: Path
    subjects: Sequence[Subject]
    reload: Callable[[], Sequence[str]] = tuple


class Deployment(Protocol):
    """A runner of the shop, as far as operators ask it about its processes."""

    def serving_processes(self) -> Sequence[ProcessStatus]:
        """nginx and the API instances; none where they are not run from here."""

    def diagnose(self) -> Iterator[Diagnosis]:
        """What is right and what is not with the processes on this machine."""

    def log_directory(self) -> LogDirectory | None:
        """Where the processes log; None where there are no such files."""

    def certificates(self) -> CertificateDirectory | None:
        """The certificates of the processes; None where they are not made here."""


class NoDeployment:
    """The shop runs elsewhere, as in containers."""

    def serving_processes(self) -> Sequence[ProcessStatus]:
        return ()

    def diagnose(self) -> Iterator[Diagnosis]:
        yield Diagnosis(level=Level.UNKNOWN, check="processes", finding="nothing on this machine runs the shop")

    def log_directory(self) -> LogDirectory | None:
        return None

    def certificates(self) -> CertificateDirectory | None:
        return None


_find: Callable[[], Deployment] = NoDeployment


def register(find: Callable[[], Deployment]) -> None:
    """Let `find` return the deployment from now on. It may raise DeploymentMisconfigured."""
    global _find
    _find = find


def current() -> Deployment:
    """The deployment that is registered, as the environment configures it now. Raises DeploymentMisconfigured."""
    return _find()
