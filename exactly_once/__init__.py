"""Exactly-once writes on Redis or Valkey under Sentinel, acknowledged only when no single fault can take them back.

README.md in this folder shows how to use it in 40 lines; docs/architecture.md explains how it works.
"""

from exactly_once.cluster import Cluster
from exactly_once.declarations import Reply, WriteCall, WriteDeclaration, fails, refuses, returns
from exactly_once.durability import Durability
from exactly_once.errors import (
    OutcomeErased,
    OutcomeUnknown,
    RateLimited,
    Refusal,
    SchemaFault,
    StoreUnavailable,
    Unavailable,
)
from exactly_once.migrations import Migrator
from exactly_once.namespace import Namespace
from exactly_once.rate_limits import RateLimit, RateState
from exactly_once.reads import Consistency
from exactly_once.requests import WriteRequest, WriteResult
from exactly_once.revision import Revision
from exactly_once.schema import Migration, Schema, Step
from exactly_once.scripts import Scripts
from exactly_once.store import Store

__all__ = [
    "Cluster",
    "Consistency",
    "Durability",
    "Migration",
    "Migrator",
    "Namespace",
    "OutcomeErased",
    "OutcomeUnknown",
    "RateLimit",
    "RateLimited",
    "RateState",
    "Refusal",
    "Reply",
    "Revision",
    "Schema",
    "SchemaFault",
    "Scripts",
    "Step",
    "Store",
    "StoreUnavailable",
    "Unavailable",
    "WriteCall",
    "WriteDeclaration",
    "WriteRequest",
    "WriteResult",
    "fails",
    "refuses",
    "returns",
]
