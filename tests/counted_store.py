"""A store of one server, for the repositories: what each script costs there is counted."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from exactly_once import WriteCall, WriteDeclaration, WriteRequest, WriteResult
from exactly_once.admissions import settle
from exactly_once.client import Command, Node
from exactly_once.declarations import Reply, Value, VersionConflict
from exactly_once.errors import NotExecuted
from exactly_once.rate_limits import RateLimit
from exactly_once.reads import Consistency
from exactly_once.scripts import Script, Scripts
from shop.repositories.keys import Keys

T = TypeVar("T")
TIMEOUT_S, MAX_ATTEMPTS = 30.0, 200
#: A write that the server has refused to begin is sent again so often, after a pause in seconds.
MAX_REFUSALS, PAUSE_S = 20, 0.5
# A script with a `redis.call` that counts the commands, the elements of their replies, and the bytes of texts; and with
# a `struct.unpack` that counts the values.
_COUNTED = """
local server, commands, elements, bytes, unpacked = redis, 0, 0, 0, 0
local function counted(call)
  return function(...)
    local reply = call(...)
    commands = commands + 1
    elements = elements + (type(reply) == 'table' and #reply or 0)
    bytes = bytes + (type(reply) == 'string' and #reply or 0)
    return reply
  end
end
local redis = {call = counted(server.call), pcall = counted(server.pcall), sha1hex = server.sha1hex}
local unpack_text = struct.unpack
local function counted_values(...)
  unpacked = unpacked + select('#', ...)
  return ...
end
local struct = {pack = struct.pack, unpack = function(...) return counted_values(unpack_text(...)) end}
local function script()
%s
end
local reply = script()
return {commands, elements, bytes, unpacked, reply}
"""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a run of a script cost: commands, elements of their replies, bytes of replies that are one text (a bitmap,
    a column), values that were unpacked from such texts, and seconds on the way there and back."""

    commands: int
    elements: int
    bytes: int
    unpacked: int
    seconds: float


@dataclass(kw_only=True)
class CountedStore:
    """Reads and writes as a Store does, at one server and without replicas. `costs` has every run, by script."""

    node: Node
    keys: Keys
    scripts: Scripts
    costs: dict[str, list[Cost]] = field(default_factory=dict)

    def read(self, command: Command, consistency: Consistency = Consistency.LINEARIZABLE) -> Any:
        return self.node.run(command, timeout=TIMEOUT_S)[0]

    def read_script(
        self,
        name: str,
        *,
        keys: Mapping[str, str],
        args: Mapping[str, Value],
        consistency: Consistency = Consistency.LINEARIZABLE,
    ) -> Any:
        return self._run(self.scripts[name], keys, args)

    def read_limited(
        self, name: str, *, keys: Mapping[str, str], args: Mapping[str, Value], limit: RateLimit
    ) -> Sequence[Any]:
        rate: dict[str, Value] = {
            "rate_prefix": self.keys.rate(limit.key),
            "rate_interval_us": limit.interval_us,
            "rate_burst": limit.burst,
        }
        state, *values = self._run(self.scripts[name], keys, {**args, **rate}, charges=limit.interval_us > 0)
        settle([limit], [state])
        return values

    def admit(self, limits: Sequence[RateLimit], idempotency_key: str = "") -> None:
        listed = [[self.keys.rate(limit.key), limit.interval_us, limit.burst] for limit in limits]
        keys, args = {"request": self.keys.request(idempotency_key)}, {"limits": json.dumps(listed)}
        settle(limits, self._run(self.scripts["rate_admit"], keys, args, charges=True))

    def write(self, call: WriteCall[T]) -> WriteResult[T]:
        request, entry = call.request, call.journal_entry()
        keys = {
            "request": self.keys.request(request.idempotency_key),
            "revision": self.keys.revision,
            "epoch": self.keys.epoch,
            "schema": self.keys.schema,
            "refusals": self.keys.refusals(request.caller),
            "rate": self.keys.rate(request.rate_limit.key),
            **call.keys,
        }
        args: dict[str, Value] = {
            "fingerprint": request.fingerprint,
            "caller_fingerprint": request.caller_fingerprint,
            "request_id": request.id,
            "ttl_s": request.ttl_s,
            "max_refusals": request.max_refusals,
            "outcomes_prefix": self.keys.outcomes_prefix,
            "schema_version": "",
            "primary_epoch": f"1 {self.node.address}",
            "rate_interval_us": request.rate_limit.interval_us,
            "rate_burst": request.rate_limit.burst,
            "journal": self.keys.journal,
            "journal_entry": entry.text,
            "journal_seal": entry.seal,
            "events": self.keys.events,
            **call.args,
        }
        _, origin, tag, *values = self._run(self.scripts[call.declaration.script], keys, args)
        reply = Reply(tag=tag, values=values, origin_request_id=origin, about=call.about, args=call.args)
        return call.declaration.interpret(reply)

    def write_all(self, calls: Sequence[WriteCall[T]]) -> Sequence[WriteResult[T] | Exception]:
        return [self.write(call) for call in calls]

    def write_optimistic(
        self, declaration: WriteDeclaration[T], request: WriteRequest, prepare: Callable[[], WriteCall[T]]
    ) -> WriteResult[T]:
        for _ in range(MAX_ATTEMPTS):
            try:
                return self.write(self._replay(declaration, request) or prepare())
            except VersionConflict:
                continue
        raise AssertionError("too many others change the same record")

    def _replay(self, declaration: WriteDeclaration[T], request: WriteRequest) -> WriteCall[T] | None:
        if not self.read(("EXISTS", self.keys.request(request.idempotency_key))):
            return None
        replay = WriteDeclaration(script="request_replay", keys=(), args=(), replies=declaration.replies)
        return replay.call(request, keys={}, args={})

    def _run(self, script: Script, keys: Mapping[str, str], args: Mapping[str, Value], *, charges: bool = False) -> Any:
        _, _, *words = script.command(keys, args)
        verb = "EVAL" if script.is_write or charges else "EVAL_RO"
        command = (verb, _COUNTED.replace("%s", script.source), *words)
        for _ in range(MAX_REFUSALS):
            try:
                return self._counted(script.name, command)
            except NotExecuted:
                # Long scripts keep a primary from hearing its replicas, and it refuses writes until it does.
                time.sleep(PAUSE_S)
        return self._counted(script.name, command)

    def _counted(self, name: str, command: Command) -> Any:
        began = time.perf_counter()
        commands, elements, read, unpacked, *reply = self.node.run(command, timeout=TIMEOUT_S)[0]
        seconds = time.perf_counter() - began
        cost = Cost(commands=commands, elements=elements, bytes=read, unpacked=unpacked, seconds=seconds)
        self.costs.setdefault(name, []).append(cost)
        return reply[0] if reply else None
