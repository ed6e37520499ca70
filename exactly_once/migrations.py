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

from exactly_once.client import Address, Node
from exactly_once.cluster import Cluster
from exactly_once.durability import Durability
from exactly_once.errors import SchemaOutdated, ServerError, StoreUnavailable
from exactly_once.failover_safety import FailoverSafetyCheck
from exactly_once.namespace import Namespace
from exactly_once.schema import Migration, Schema, Step

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
_FINISH = """
redis.call('SET', KEYS[2], ARGV[6])
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
        watch: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._schema = schema
        self._durability = durability
        self._watch = watch
        self._lock_key = namespace.key("migration")
        self._safety = FailoverSafetyCheck(cluster.sentinels, cluster.nodes, cluster.replicas)

    def migrate(self, timeout_s: float) -> int | None:
        """The version that the store had; None where it is empty. Afterwards it has the schema of this process, or is
        still empty, and no single fault can take that back.

        Raises:
            SchemaTooNew: the store is of a later version; nothing was done.
            SchemaOutdated: another process was still migrating it when the time was over.
            StoreUnavailable: there was no primary that finished within the time; what is left will be done by the
            next call.
        """
        deadline, token = time.time() + timeout_s, secrets.token_hex(8)
        fault: Exception | None = None
        while time.time() < deadline:
            primary = self._cluster.topology.refresh().primary or self._cluster.topology.wait_for_primary(deadline)
            if primary is None:
                break
            try:
                return _Attempt(self, primary, token).run()
            except (ServerError, _Unfinished) as error:
                fault = error
                time.sleep(RETRY_PAUSE_S)
        if isinstance(fault, _Held):
            raise SchemaOutdated("Another process is migrating the store: wait until it has finished.")
        raise StoreUnavailable(f"The store was not migrated in time: {fault or 'there is no primary'}.")


class _Unfinished(Exception):
    """This attempt came to nothing, and the next one may not."""


class _Held(_Unfinished):
    """Another process has the lock."""


class _Attempt:
    """One run of everything on one primary."""

    def __init__(self, migrator: Migrator, primary: Address, token: str) -> None:
        self._migrator = migrator
        self._primary = primary
        self._node: Node = migrator._cluster.nodes[primary]
        self._token = token
        self._batches = 0

    def run(self) -> int | None:
        migrator = self._migrator
        state, stored = self._claim()
        if state == "HELD":
            raise _Held(stored)
        if state == "EMPTY":
            return None
        if state == "SETTLED":
            fault = migrator._schema.fault(stored)
            if fault:
                raise fault
            self._confirm()
            return migrator._schema.version
        for migration in migrator._schema.after(int(stored)):
            self._migrate(migration)
        self._finish()
        return int(stored)

    def _claim(self) -> tuple[str, str]:
        schema, namespace = self._migrator._schema, self._migrator._namespace
        keys = (namespace.schema, self._migrator._lock_key, namespace.revision, *schema.unversioned_keys)
        args = (str(schema.version), self._token, LOCK_S)
        state, stored = self._node.run(("EVAL", _CLAIM, len(keys), *keys, *args), timeout=BATCH_TIMEOUT_S)[0]
        return state, stored

    def _migrate(self, migration: Migration) -> None:
        for step in migration.steps:
            changes = self._step(step)
            self._migrator._watch(f"Schema {migration.version}: {step.name}, {changes:,} changes.")

    def _step(self, step: Step) -> int:
        changes, cursor = 0, ""
        names, values = list(step.args), list(step.args.values())
        places = ", ".join(f"ARGV[{place}]" for place in range(6, 6 + len(names)))
        body = f"local {', '.join(names)} = {places}\n{step.body}" if names else step.body
        while cursor != "0":
            replies = self._batch(body, cursor or "0", values)
            cursor, changes = replies[0][1], changes + int(replies[0][2])
        return changes

    def _finish(self) -> None:
        migrator = self._migrator
        self._batch(_FINISH, "0", [str(migrator._schema.version)], migrator._namespace.schema)
        self._confirm()
        self._node.run(("EVAL", _RELEASE, 1, migrator._lock_key, self._token), timeout=BATCH_TIMEOUT_S)

    def _confirm(self) -> None:
        """Return when no single fault can take back the version, and all that came before it."""
        command = ("EVAL", _CONFIRM, 1, self._migrator._namespace.schema, str(self._migrator._schema.version))
        reply, *waited = self._node.run(command, *self._waits(), timeout=BATCH_TIMEOUT_S)
        if reply[0] != "DONE" or not self._is_acknowledged(waited):
            raise _Unfinished("the replicas did not confirm the version")

    def _batch(self, body: str, cursor: str, args: Sequence[str], *further_keys: str) -> list[Any]:
        keys = (self._migrator._lock_key, *further_keys)
        own = (self._token, str(self._batches), LOCK_S, self._migrator._namespace.key(""), cursor)
        command = ("EVAL", _PROLOGUE + body, len(keys), *keys, *own, *args)
        replies = self._node.run(command, *self._waits(), timeout=BATCH_TIMEOUT_S)
        if replies[0][0] == "LOST":
            raise _Unfinished("a failover or another process came between")
        self._batches += 1
        return replies

    def _waits(self) -> Sequence[Any]:
        replicas = max(self._migrator._cluster.topology.view.following, 1)
        return self._migrator._durability.wait_commands(replicas, WAIT_MS)

    def _is_acknowledged(self, waited: Sequence[Any]) -> bool:
        migrator = self._migrator
        if migrator._durability is Durability.MEMORY:
            return True
        count = migrator._durability.acknowledgements(waited)
        if count >= migrator._cluster.replicas:
            return True
        return count > 0 and migrator._safety.is_failover_safe(self._primary, count)
