"""The Lua scripts of an application: one file per operation, whose header is its contract.

    -- purchase_place: what it does.
    -- KEYS: purchase user ...        the names by which the body knows its keys, in order
    -- ARGV: id at ...                the same for its arguments
    -- Uses: index_sets ...           the files of lua/parts that precede it, in order
    -- Subject: buyer                 whose personal data a recorded outcome holds
    -- Replies:                       (scripts that write)
    --   PLACED purchase...           a tag and the values behind it
    --   NOT_FOUND, not recorded      a reply that is not recorded: a repeat looks anew

The locals are made from the header, so a header cannot lie about its body. A script that says `Replies:` writes, and
journal.lua, events.lua and write.lua precede it: they make every write happen once. A part is looked up in the
application's own parts, then in the engine's.
"""

import hashlib
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

from exactly_once.client import Command, Node, Replies
from exactly_once.declarations import CHANGED, Value, WriteCall, WriteDeclaration
from exactly_once.errors import ScriptMissing, ServerError
from exactly_once.observer import Observer

ENGINE_LUA = resources.files("exactly_once") / "lua"
_HEADER = re.compile(r"^-- (KEYS|ARGV|Uses|Subject): (.*)$", re.MULTILINE)
_REPLY = re.compile(r"^--   ([A-Z_]+)(.*)$", re.MULTILINE)
WRITE_KEYS = ("request", "revision", "epoch", "schema", "refusals", "rate")
WRITE_ARGV = (
    "fingerprint",
    "caller_fingerprint",
    "request_id",
    "ttl_s",
    "max_refusals",
    "outcomes_prefix",
    "schema_version",
    "primary_epoch",
    "rate_interval_us",
    "rate_burst",
    "journal",
    "journal_entry",
    "journal_seal",
    "events",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Script:
    """A script as servers know it, and what its header says. `replies` tells of each tag whether it is recorded."""

    name: str
    source: str
    sha: str
    keys: tuple[str, ...]
    args: tuple[str, ...]
    subject: str
    replies: Mapping[str, bool]
    is_write: bool

    def command(self, keys: Mapping[str, str], args: Mapping[str, Value], *, charges: bool = False) -> Command:
        """The command that runs it; one that charges a rate limit writes, where its node takes writes. Every key and
        argument of the header must be given, and no other.

        Raises:
            KeyError: one is missing, or one too many is given.
        """
        if len(keys) != len(self.keys) or len(args) != len(self.args):
            raise KeyError(f"{self.name} takes {self.keys} and {self.args}, not {tuple(keys)} and {tuple(args)}")
        verb = "EVALSHA" if self.is_write or charges else "EVALSHA_RO"
        return [verb, self.sha, len(self.keys), *map(keys.__getitem__, self.keys), *map(args.__getitem__, self.args)]

    def write_command(self, call: WriteCall[Any], keys: Sequence[str], args: Sequence[Value]) -> Command:
        """The command that runs this script for a call, with the keys and arguments that every write has, in their
        order. Every key and argument of the header must be given, and no other.

        Raises:
            KeyError: one is missing, or one too many is given.
        """
        own_keys, own_args = self.keys[len(keys) :], self.args[len(args) :]
        if len(call.keys) != len(own_keys) or len(call.args) != len(own_args):
            raise KeyError(f"{self.name} takes {own_keys} and {own_args}, not {(*call.keys,)} and {(*call.args,)}")
        own = (*map(call.keys.__getitem__, own_keys), *args, *map(call.args.__getitem__, own_args))
        return ["EVALSHA", self.sha, len(self.keys), *keys, *own]

    def differences(self, declaration: WriteDeclaration[Any]) -> Iterator[str]:
        """What this header and a declaration do not agree on."""
        pairs = (
            ("keys", self.keys[len(WRITE_KEYS) :], declaration.keys),
            ("arguments", self.args[len(WRITE_ARGV) :], declaration.args),
            ("subject", self.subject, declaration.subject),
            ("replies", dict(self.replies), _declared_replies(declaration)),
        )
        for what, in_header, declared in pairs:
            if in_header != declared:
                yield f"{self.name}: its header has the {what} {in_header}, its declaration {declared}"


def _declared_replies(declaration: WriteDeclaration[Any]) -> dict[str, bool]:
    replies = {tag: outcome.is_recorded for tag, outcome in declaration.replies.items()}
    return {**replies, CHANGED: False} if declaration.is_optimistic else replies


class Scripts:
    """The scripts of a folder, read once. Its `parts` folder has what several of them share."""

    def __init__(self, folder: Traversable) -> None:
        parts = {**_texts(ENGINE_LUA / "parts"), **_texts(folder / "parts")}
        engine = _texts(ENGINE_LUA)
        prologue = "\n".join((parts["rate_limit"], engine["journal"], engine["events"], engine["write"]))
        texts = {"request_replay": _REPLAY, "rate_admit": engine["rate_admit"], **_texts(folder)}
        self._scripts = {name: _script(name, text, prologue, parts) for name, text in texts.items()}

    def __getitem__(self, name: str) -> Script:
        return self._scripts[name]

    def __iter__(self) -> Iterator[Script]:
        return iter(self._scripts.values())

    def run(self, node: Node, script: Script, *commands: Command, timeout: float, observer: Observer) -> Replies:
        """The replies of a server to commands of which one runs the script. Raises as `run_by`."""
        return self.run_by(
            partial(node.run, *commands, timeout=timeout), script, partial(node.load, timeout=timeout), observer
        )

    def run_by(
        self, send: Callable[[], Replies], script: Script, load: Callable[[str], object], observer: Observer
    ) -> Replies:
        """The replies of `send`, which sends commands of which one runs the script. Where the server does not know it,
        it had done nothing: `load` gives it the source, and it is asked again.

        Raises:
            ServerError: as `Node.run` says.
        """
        started = time.perf_counter()
        try:
            replies = self._run(script, send, load)
        except ServerError as error:
            observer.script_ran(script.name, [error.reason], time.perf_counter() - started)
            raise
        observer.script_ran(script.name, _outcomes(script, replies), time.perf_counter() - started)
        return replies

    def _run(self, script: Script, send: Callable[[], Replies], load: Callable[[str], object]) -> Replies:
        try:
            return send()
        except ScriptMissing:
            load(script.source)
            return send()


# The recorded outcome of a request, where the caller knows that there is one.
_REPLAY = """-- request_replay: returns the recorded outcome of a request.
-- Replies:
--   EXPIRED, not recorded      the record has expired since
return reply('EXPIRED')
"""


def _outcomes(script: Script, replies: Sequence[Any]) -> Sequence[str]:
    """The tags of a write's replies; behind them may be the replies of a WAIT. A read is read, or it fails."""
    if not script.is_write:
        return ("read",)
    return [reply[2].lower() for reply in replies if isinstance(reply, list) and len(reply) > 2]


def _texts(folder: Traversable) -> dict[str, str]:
    if not folder.is_dir():
        return {}
    return {f.name[:-4]: f.read_text(encoding="utf-8") for f in folder.iterdir() if f.name.endswith(".lua")}


def _script(name: str, text: str, prologue: str, parts: Mapping[str, str]) -> Script:
    header = {kind: tuple(names.split()) for kind, names in _HEADER.findall(text)}
    is_write = "-- Replies:" in text
    keys = (*(WRITE_KEYS if is_write else ()), *header.get("KEYS", ()))
    args = (*(WRITE_ARGV if is_write else ()), *header.get("ARGV", ()))
    before = [prologue if is_write else "", *(parts[part] for part in header.get("Uses", ()))]
    source = "\n".join((_locals("KEYS", keys), _locals("ARGV", args), *before, text))
    return Script(
        name=name,
        source=source,
        sha=hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest(),
        keys=keys,
        args=args,
        subject=" ".join(header.get("Subject", ())),
        replies={tag: not rest.startswith(", not recorded") for tag, rest in _REPLY.findall(_head(text))},
        is_write=is_write,
    )


def _head(text: str) -> str:
    lines = text.splitlines()
    end = next((place for place, line in enumerate(lines) if not line.startswith("--")), len(lines))
    return "\n".join(lines[:end])


def _locals(array: str, names: tuple[str, ...]) -> str:
    if not names:
        return ""
    return f"local {', '.join(names)} = {', '.join(f'{array}[{place}]' for place in range(1, len(names) + 1))}"
