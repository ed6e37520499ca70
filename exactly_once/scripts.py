"""The Lua scripts: one file per operation, `lua/<entity>_<verb>.lua`, its header the contract.

    -- purchase_place: what it does.
    -- KEYS: purchase user ...        the names by which the body knows its keys, in order
    -- ARGV: id at ...                the same for its arguments
    -- Uses: index_sets ...           the files of lua/parts that go before it, in order
    -- Replies:                       (scripts that write)
    --   PLACED purchase...           a tag and what comes behind it
    --   NOT_FOUND, not recorded      an answer that a repeat would look for anew

The locals are made from the header, so a header cannot lie about its body. A script that says `Replies:` writes, and
write.lua goes before it: that file makes every write happen once.
"""

import hashlib
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

from exactly_once.client import Command, Node, Replies
from exactly_once.server_errors import ScriptMissing, ServerFault
from shop import telemetry

Value = str | int | float

WRITE_PROLOGUE = resources.files("exactly_once") / "lua" / "write.lua"
_HEADER = re.compile(r"^-- (KEYS|ARGV|Uses): (.*)$", re.MULTILINE)
WRITE_KEYS = ("request", "fence")
WRITE_ARGV = ("fingerprint", "request_id", "remember")


@dataclass(frozen=True, kw_only=True, slots=True)
class Script:
    """A script as servers know it, and the names of what it takes."""

    name: str
    source: str
    sha: str
    keys: tuple[str, ...]
    argv: tuple[str, ...]
    is_write: bool

    def command(self, keys: Mapping[str, str], argv: Mapping[str, Value]) -> Command:
        """The command that runs it. Every key and argument of the header must be there, and no other.

        Raises:
            KeyError: one is missing.
        """
        if len(keys) != len(self.keys) or len(argv) != len(self.argv):
            raise KeyError(f"{self.name} takes {self.keys} and {self.argv}, not {tuple(keys)} and {tuple(argv)}")
        verb = "EVALSHA" if self.is_write else "EVALSHA_RO"
        return [verb, self.sha, len(self.keys), *(keys[k] for k in self.keys), *(argv[a] for a in self.argv)]


class Scripts:
    """All scripts, read once."""

    def __init__(self, folder: Traversable) -> None:
        texts, parts = _texts(folder), _texts(folder / "parts")
        once = WRITE_PROLOGUE.read_text(encoding="utf-8")
        self._scripts = {name: _script(name, text, once, parts) for name, text in texts.items()}

    def __getitem__(self, name: str) -> Script:
        return self._scripts[name]

    def run(self, node: Node, script: Script, *commands: Command, timeout: float) -> Replies:
        """The replies of commands of which one runs the script. A server that does not know it gets it, and is asked
        again: it had done nothing.

        Raises:
            ServerFault: as `Node.run` says.
        """
        started = time.perf_counter()
        try:
            replies = self._run(node, script, *commands, timeout=timeout)
        except ServerFault as fault:
            telemetry.script_ran(script.name, [fault.reason], time.perf_counter() - started)
            raise
        telemetry.script_ran(script.name, _outcomes(script, replies), time.perf_counter() - started)
        return replies

    def _run(self, node: Node, script: Script, *commands: Command, timeout: float) -> Replies:
        try:
            return node.run(*commands, timeout=timeout)
        except ScriptMissing:
            node.run(("SCRIPT", "LOAD", script.source), timeout=timeout)
            return node.run(*commands, timeout=timeout)


def _outcomes(script: Script, replies: Sequence[Any]) -> Sequence[str]:
    """The tags of a write's replies; behind them may be what a WAIT said. A read is read, or it fails."""
    if not script.is_write:
        return ("read",)
    return [reply[2].lower() for reply in replies if isinstance(reply, list) and len(reply) > 2]


def _texts(folder: Traversable) -> dict[str, str]:
    return {f.name[:-4]: f.read_text(encoding="utf-8") for f in folder.iterdir() if f.name.endswith(".lua")}


def _script(name: str, text: str, once: str, parts: Mapping[str, str]) -> Script:
    header = {kind: tuple(names.split()) for kind, names in _HEADER.findall(text)}
    is_write = "-- Replies:" in text
    keys = (*(WRITE_KEYS if is_write else ()), *header.get("KEYS", ()))
    argv = (*(WRITE_ARGV if is_write else ()), *header.get("ARGV", ()))
    before = [once if is_write else "", *(parts[part] for part in header.get("Uses", ()))]
    source = "\n".join((_locals("KEYS", keys), _locals("ARGV", argv), *before, text))
    sha = hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()
    return Script(name=name, source=source, sha=sha, keys=keys, argv=argv, is_write=is_write)


def _locals(array: str, names: tuple[str, ...]) -> str:
    if not names:
        return ""
    return f"local {', '.join(names)} = {', '.join(f'{array}[{place}]' for place in range(1, len(names) + 1))}"
