"""The certificates of the stack: who gets one, and when they are made."""

from datetime import UTC, datetime

from devstack.layout import Layout
from operations import certificates
from operations.certificates import Subject

PROMETHEUS = "prometheus"


def subjects(layout: Layout) -> tuple[Subject, ...]:
    """Every process that gets a certificate."""
    exporter = layout.monitors["exporter-redis"].host
    return (Subject(name="exporter-redis", addresses=(exporter,)), Subject(name=PROMETHEUS))


def ensure(layout: Layout) -> None:
    """Make the certificates that are missing, and renew those that end soon."""
    certificates.ensure(layout.certificates, subjects(layout), datetime.now(UTC))
