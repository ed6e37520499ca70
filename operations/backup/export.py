"""Keys of a snapshot as the commands that write them.

Not DUMP and RESTORE: what one make of server dumps another refuses (Valkey 9 calls the format version 80, which Redis 8
does not know). Plain commands are understood by all.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from exactly_once.client import Command
from operations.backup.snapshot import Snapshot

#: Keys that are read together.
BATCH = 200
#: Entries of a large key that are written by one command, so that the server is busy with none for long.
MAX_ENTRIES = 1000


class UnexportableKey(Exception):
    """The snapshot has a key of a type that the shop does not use."""


_READING: Mapping[bytes, Callable[[str], Command]] = {
    b"string": lambda key: ("GET", key),
    b"hash": lambda key: ("HGETALL", key),
    b"set": lambda key: ("SMEMBERS", key),
    b"zset": lambda key: ("ZRANGE", key, 0, -1, "WITHSCORES"),
    b"stream": lambda key: ("XRANGE", key, "-", "+"),
}


def export_commands(snapshot: Snapshot, names: Sequence[str]) -> Iterator[Command]:
    """The commands that make these keys, each as it is in the snapshot, where there is none of them yet. What expires
    does so at the same instant.

    Raises:
        UnexportableKey.
    """
    rest = iter(names)
    while some := list(islice(rest, BATCH)):
        yield from _some(snapshot, some)


def _some(snapshot: Snapshot, names: Sequence[str]) -> Iterator[Command]:
    kinds = list(snapshot.replies(("TYPE", name) for name in names))
    expiries = list(snapshot.replies(("PEXPIRETIME", name) for name in names))
    values = snapshot.replies(_reading(name, kind) for name, kind in zip(names, kinds, strict=True))
    for name, kind, value, expiry in zip(names, kinds, values, expiries, strict=True):
        yield from _making(name, kind, value)
        if expiry > 0:
            yield "PEXPIREAT", name, expiry


def _reading(name: str, kind: bytes) -> Command:
    if kind == b"none":  # it has expired since it was listed
        return ("GET", name)
    if kind not in _READING:
        raise UnexportableKey(f"{name} is a {kind.decode()}, and the shop has none of that type")
    return _READING[kind](name)


def _making(name: str, kind: bytes, value: Any) -> Iterator[Command]:
    if value is None:
        return
    if kind == b"string":
        yield "SET", name, value
    elif kind == b"zset":
        # It is read as member and score, and written as score and member.
        turned = [part for place in range(0, len(value), 2) for part in (value[place + 1], value[place])]
        yield from _entries("ZADD", name, turned)
    elif kind == b"stream":
        yield from (("XADD", name, id, *fields) for id, fields in value)
    else:
        yield from _entries("HSET" if kind == b"hash" else "SADD", name, value)


def _entries(verb: str, name: str, entries: Sequence[bytes]) -> Iterator[Command]:
    # An even number: no field is parted from its value.
    for place in range(0, len(entries), 2 * MAX_ENTRIES):
        yield verb, name, *entries[place : place + 2 * MAX_ENTRIES]
