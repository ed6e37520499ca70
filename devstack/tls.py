"""The certificates of the stack: who gets one, and when they are made."""

from collections.abc import Iterator
from datetime import UTC, datetime

from devstack.layout import INSTANCES, NGINX, Layout
from operations import certificates
from operations.certificates import Subject

PROMETHEUS, OPERATOR = "prometheus", "operator"
#: The name that every instance has beside its own, by which nginx knows them.
INSTANCE = "api"


def subjects(layout: Layout) -> Iterator[Subject]:
    """Yield every process that gets a certificate, whether TLS is on or not."""
    for name, address in (layout.redis | layout.sentinels).items():
        yield Subject(name=name, addresses=(address.host,))
    for name in INSTANCES:
        yield Subject(name=name, aliases=(INSTANCE,))
    for name in (NGINX, PROMETHEUS, OPERATOR):
        yield Subject(name=name)
    yield Subject(name="exporter-redis", addresses=(layout.monitors["exporter-redis"].host,))


def ensure(layout: Layout) -> None:
    """Make the certificates that are missing, and renew those that end soon."""
    certificates.ensure(layout.certificates, tuple(subjects(layout)), datetime.now(UTC))
