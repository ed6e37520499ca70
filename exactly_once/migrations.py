"""From one schema of a store to the next, batch by batch, by one process at a time.

A batch is one script. The first thing it does is to compare the lock: it belongs to this process, and so many batches
have run under it. A failover that loses a batch loses the count with it, so the next batch does nothing, and the
migration begins anew; it does so too after a process was killed, by the process that comes next. So a batch must be
harmless where it runs twice. From the claim on, write.lua refuses the writes of every other version.
"""

import secrets
import time
from collections.abc import Callable, Sequence
from typing import Any

from exactly_once.client import Address, Command
from exactly_once.cluster import Cluster
from exactly_once.durability import Durability
from exactly_once.errors import SchemaOutdated, ServerError, StoreUnavailable
from exactly_once.failover_safety import FailoverSafetyCheck
from exactly_once.namespace import Namespace
from exactly_once.schema import Schema, Step

#: Seconds after which another process may go on where this one has stopped.
LOCK_S = 30
#: Seconds that a server may take for a batch; milliseconds that replicas may take to confirm it.
BATCH_TIMEOUT_S, WAIT_MS = 5.0, 1000
#: Seconds between two looks at a lock that another process holds, or at a primary that does not answer.
RETRY_PAUSE_S = 0.2

_CLAIM = """
local schema, lock, version, token, lock_s = KEYS[1], KEYS[2], tonumber(ARGV[1]), ARGV[2], ARGV[3]
local stored = redis.call('GET', schema)
if not stored then
  if redis.call('EXISTS', unpack(KEYS, 3)) == 0 then
    return {'EMPTY', ''}
  end
  stored = '1'
end
local from, to = string.match(stored, '^(%d+)>?(%d*)$')
if stored == ARGV[1] or tonumber(from) > version or (tonumber(to) or 0) > version then
  return {'SETTLED', stored}
end
local holder = redis.call('HGET', lock, 'token')
if holder and holder ~= token then
  return {'HELD', stored}
end
redis.call('DEL', lock)
redis.call('HSET', lock, 'token', token, 'batches', 0)
redis.call('EXPIRE', lock, lock_s)
redis.call('SET', schema, from .. '>' .. version)
return {'CLAIMED', from}
"""
_PROLOGUE = """
local lock = KEYS[1]
local held = redis.call('HMGET', lock, 'token', 'batches')
if held[1] ~= ARGV[1] or held[2] ~= ARGV[2] then
  return {'LOST'}
end
redis.call('HINCRBY', lock, 'batches', 1)
redis.call('EXPIRE', lock, ARGV[3])
local tag, cursor = ARGV[4], ARGV[5]
local function done_until(next_cursor, changes)
  return {'DONE', next_cursor, changes}
end
"""
# The revision of a store that is served advances: a replica that lacks a part of the migration is behind the others,
# and serves no reads.
_FINISH = """
redis.call('SET', KEYS[2], ARGV[6])
if KEYS[3] then
  redis.call('INCR', KEYS[3])
end
return done_until('0', 1)
"""
# Written once more, so that a WAIT behind it waits for everything before it.
_CONFIRM = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return {'LOST'}
end
redis.call('SET', KEYS[1], ARGV[1])
return {'DONE'}
"""
_RELEASE = """
return redis.call('HGET', KEYS[1], 'token') == ARGV[1] and redis.call('DEL', KEYS[1])
"""


class Migrator:
    """Brings the store of a namespace to the schema of this process."""

    def __init__(
        self,
        cluster: Cluster,
        namespace: Namespace,
        schema: Schema,
        *,
        durability: Durability = Durability.REPLICATED,
    ) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._schema = schema
        self._durability = durability
        self._safety = FailoverSafetyCheck(cluster.sentinels, cluster.nodes, cluster.replicas)
        self._found: int | None = None

    def migrate(self, timeout_s: float, watch: Callable[[str], None] = lambda text: None) -> int | None:
        """The version that the store had; None where it is empty. Afterwards it has the schema of this process, or is
        still empty, and no single fault can take that back. `watch` receives a line about each step.

        Raises:
            SchemaTooNew: the store is of a later version; nothing was done.
            SchemaOutdated: another process was still migrating it when the time was over.
            StoreUnavailable: there was no primary that finished within the time; what is left will be done by the
            next call.
        """
        deadline, token = time.monotonic() + timeout_s, secrets.token_hex(8)
        self._found = None
        fault: Exception | None = None
        topology = self._cluster.topology
        _ = topology.view  # starts the thread that waits for another primary
        while time.monotonic() < deadline:
            primary = topology.refresh().primary or topology.wait_for_primary(deadline)
            if primary is None:
                break
            try:
                return self._attempt(primary, token, watch)
            except (ServerError, _Unfinished) as error:
                fault = error
                time.sleep(RETRY_PAUSE_S)
        if isinstance(fault, _Held):
            raise SchemaOutdated("Another process is migrating the store: wait until it has finished.")
        raise StoreUnavailable(f"The store was not migrated in time: {fault or 'there is no primary'}.")

    def _attempt(self, primary: Address, token: str, watch: Callable[[str], None]) -> int | None:
        node = self._cluster.nodes[primary]
        waits = self._durability.wait_commands(max(self._cluster.topology.view.following, 1), WAIT_MS)

        def run(command: Command) -> Sequence[Any]:
            return node.run(command, *waits, timeout=BATCH_TIMEOUT_S)

        attempt = _Attempt(run, self._namespace, self._schema, token, watch)
        version = attempt.run()
        # An attempt that set the version, and was not acknowledged, is followed by one that finds it set.
        self._found = version if version is None or self._found is None else min(self._found, version)
        if version is not None and not self._is_acknowledged(primary, attempt.confirm()):
            raise _Unfinished("the replicas did not confirm the version")
        attempt.release()
        return self._found

    def _is_acknowledged(self, primary: Address, waited: Sequence[Any]) -> bool:
        if self._durability is Durability.MEMORY:
            return True
        count = self._durability.acknowledgements(waited)
        return count >= self._cluster.replicas or (count > 0 and self._safety.is_failover_safe(primary, count))


def migrate_copy(run: Callable[[Command], Any], namespace: Namespace, schema: Schema) -> None:
    """Bring a copy of a store to this schema, on a server that no other process uses. `run` sends it one command.

    Raises:
        SchemaTooNew: the copy is of a later version.
    """
    attempt = _Attempt(lambda command: [run(command)], namespace, schema, secrets.token_hex(8), lambda text: None)
    attempt.run(is_served=False)
    attempt.release()


class _Unfinished(Exception):
    """This attempt came to nothing, and the next one may not."""


class _Held(_Unfinished):
    """Another process has the lock."""


class _Attempt:
    """One run of everything on one server."""

    def __init__(
        self,
        send: Callable[[Command], Sequence[Any]],
        namespace: Namespace,
        schema: Schema,
        token: str,
        watch: Callable[[str], None],
    ) -> None:
        self._send = send
        self._namespace = namespace
        self._schema = schema
        self._token = token
        self._watch = watch
        self._lock_key = namespace.migration
        self._batches = 0

    def run(self, *, is_served: bool = True) -> int | None:
        state, stored = self._claim()
        if state == "HELD":
            raise _Held(stored)
        if state == "EMPTY":
            return None
        if state == "SETTLED":
            fault = self._schema.fault(stored)
            if fault:
                raise fault
            return self._schema.version
        for migration in self._schema.after(int(stored)):
            for step in migration.steps:
                self._watch(f"Schema {migration.version}: {step.name}, {self._step(step):,} changes.")
        revision = (self._namespace.revision,) if is_served else ()
        self._batch(_FINISH, "0", [str(self._schema.version)], self._namespace.schema, *revision)
        return int(stored)

    def confirm(self) -> Sequence[Any]:
        """What waiting for replicas came to, behind a write of the version that follows everything else."""
        reply, *waited = self._send(("EVAL", _CONFIRM, 1, self._namespace.schema, str(self._schema.version)))
        if reply[0] != "DONE":
            raise _Unfinished("a failover came between")
        return waited

    def release(self) -> None:
        """Give the lock up."""
        self._send(("EVAL", _RELEASE, 1, self._lock_key, self._token))

    def _claim(self) -> tuple[str, str]:
        namespace, schema = self._namespace, self._schema
        keys = (namespace.schema, self._lock_key, namespace.revision, *schema.unversioned_keys)
        state, stored = self._send(("EVAL", _CLAIM, len(keys), *keys, str(schema.version), self._token, LOCK_S))[0]
        return state, stored

    def _step(self, step: Step) -> int:
        places = ", ".join(f"ARGV[{place}]" for place in range(6, 6 + len(step.args)))
        body = f"local {', '.join(step.args)} = {places}\n{step.body}" if step.args else step.body
        cursor, changes = self._batch(body, "0", list(step.args.values()))
        while cursor != "0":
            cursor, more = self._batch(body, cursor, list(step.args.values()))
            changes += more
        return changes

    def _batch(self, body: str, cursor: str, args: Sequence[str], *further_keys: str) -> tuple[str, int]:
        """The cursor for the next batch, and the number of changes."""
        keys = (self._lock_key, *further_keys)
        own = (self._token, str(self._batches), LOCK_S, self._namespace.key(""), cursor)
        reply = self._send(("EVAL", _PROLOGUE + body, len(keys), *keys, *own, *args))[0]
        if reply[0] == "LOST":
            raise _Unfinished("a failover or another process came between")
        self._batches += 1
        return reply[1], int(reply[2])
