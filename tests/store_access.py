"""Calls of data nodes and Sentinels by tests, as the operator of whichever temporary stack an address belongs to."""

from typing import Any

from devstack.temporary import operator_of
from exactly_once import client
from exactly_once.client import Address, Command, Replies


def run_once(address: Address, *commands: Command, **options: Any) -> Replies:
    """As `exactly_once.client.run_once`, as the operator."""
    return client.run_once(address, *commands, credentials=operator_of(address), **options)


def operator_node(address: Address) -> client.Node:
    """A node that is called as the operator."""
    return client.Node(address, credentials=operator_of(address))
