"""Exclusions: which replicas cannot be elected while the primary lives, as the lag agent beside the primary guarantees.

An exclusion is a subscription of that agent on the primary, so it ends with the agent, with its connection and with the
primary. The agent withdraws it, and has the replica catch up with everything written before, ahead of making the
replica electable again: what was acknowledged without an excluded replica is never lost by electing it. ADR 22.
"""

from collections.abc import Iterable

from exactly_once.client import Address, Command

_PREFIX = "exactly_once:excluded:"
#: The channel that the lag agent beside a data node subscribes to on it, and the command that counts its subscribers.
AGENT_CHANNEL = "exactly_once:lag-agent"
AGENT_QUERY: Command = ("PUBSUB", "NUMSUB", AGENT_CHANNEL)
#: Asks a primary for the channels of its exclusions.
QUERY: Command = ("PUBSUB", "CHANNELS", f"{_PREFIX}*")


def channel_of(replica: Address) -> str:
    """The channel whose subscription excludes this replica."""
    return f"{_PREFIX}{replica}"


def parse_channels(channels: Iterable[str]) -> frozenset[Address]:
    """The replicas that these channels, the reply to `QUERY`, exclude. A channel that names no address is skipped: any
    client may subscribe to one."""
    return frozenset(replica for channel in channels if (replica := _parse(channel)))


def _parse(channel: str) -> Address | None:
    try:
        return Address.parse(channel.removeprefix(_PREFIX))
    except ValueError:
        return None
