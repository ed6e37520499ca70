"""The launcher of a data node: asks which role the node may take before the server starts, and gives it that after.

What may be done is decided in roles.py; this module sees and acts.
"""

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from agents import damage
from agents.launch import become, is_running, say, write_private
from agents.observe import NOWHERE_PORT, Node, State, Verdict, ask_sentinels, look, look_at
from agents.roles import SILENCE_PATIENCE, Action, Step, may_set_aside, may_start, next_step
from agents.wire import Address, ErrorReply, Unreachable, ask

LOOK_EVERY = 0.1
#: Between two looks of a node with damaged files; and before a server that did not start is started again.
EXAMINE_EVERY_S, RETRY_S = 0.5, 1.0
PRIORITY = "100"


@dataclass(frozen=True, kw_only=True, slots=True)
class Launch:
    """What a data node is started with. `configuration` is what all nodes share, `directory` is this node's own;
    `nodes` are all data nodes, this one among them; `maxmemory` and `appendfsync` are as the server takes them."""

    server: Path
    configuration: Path
    directory: Path
    me: Address
    nodes: tuple[Address, ...]
    sentinels: tuple[Address, ...]
    primary_name: str
    revision_key: str
    maxmemory: str = "0"
    appendfsync: str = "everysec"

    @property
    def peers(self) -> tuple[Address, ...]:
        """The other data nodes."""
        return tuple(node for node in self.nodes if node != self.me)

    @property
    def own_configuration(self) -> Path:
        """The file that the server is started with, and in which it writes down whom it follows."""
        return self.directory / "redis.conf"

    @property
    def loading(self) -> Path:
        """The file that is there from a server's start until it has loaded its data."""
        return self.directory / "loading"


def main(words: Sequence[str] | None = None) -> None:
    """Becomes the server of the node that these words, or the command line, describe."""
    launch = _parse(words)
    try:
        launch.directory.mkdir(parents=True, exist_ok=True)
        _hold_back(launch)
        _prepare(launch)
    except OSError as fault:
        say(f"{launch.directory} cannot be used: {fault.strerror}. Make room, or correct its owner", "error")
        time.sleep(RETRY_S)
        sys.exit(1)
    become(_command(launch), lambda server: _accompany(launch, server))


def _command(launch: Launch) -> list[str]:
    return [str(launch.server), str(launch.own_configuration)]


def _prepare(launch: Launch) -> None:
    """Write what the server is started with, and set files that are damaged aside where another node has all."""
    _write_configuration(launch)
    # The last server did not get through its files: it was killed, or could not load them.
    if launch.loading.exists():
        failure = damage.examine(_command(launch), launch.directory)
        if failure and failure.file:
            _replace_damaged(launch, failure)
        elif failure:
            say(f"the server does not start: {failure.reason}", "error")
            time.sleep(RETRY_S)
    launch.loading.touch()


def _write_configuration(launch: Launch) -> None:
    write_private(launch.own_configuration, configuration(launch, last_followed(launch)))


def _replace_damaged(launch: Launch, failure: damage.LoadFailure) -> None:
    say(
        f"{launch.directory}/{failure.file} is damaged: {failure.reason.rstrip('.')}. Waiting until another data node "
        "is primary and has the data, to set this directory aside and copy it. Where all nodes are damaged, restore a "
        "backup (docs/backup.md)",
        "error",
    )
    while not may_set_aside(launch.me, _verdict(launch), _peers(launch)):
        time.sleep(EXAMINE_EVERY_S)
    aside = damage.set_aside(launch.directory, datetime.now(UTC))
    say(f"the damaged files are in {aside}: delete them once the store is whole. Copying from the primary", "warning")
    _write_configuration(launch)


def last_followed(launch: Launch) -> str:
    """The host whose data this node has: the primary that it followed last, or itself when it was that."""
    try:
        lines = launch.own_configuration.read_text().splitlines()
    except FileNotFoundError:
        return launch.me.host
    hosts = [line.split()[1] for line in lines if line.startswith(("replicaof ", "slaveof "))]
    return hosts[-1] if hosts else launch.me.host


def configuration(launch: Launch, followed: str) -> str:
    """The text of the node's own configuration: it follows nobody yet, and cannot be elected."""
    return "\n".join(
        [
            "# Written anew at each start. The server adds whom it follows, which the launcher reads at the next one.",
            f'include "{launch.configuration}"',
            f"bind {launch.me.host}",
            f"bind-source-addr {launch.me.host}",
            f"port {launch.me.port}",
            f"replica-announce-ip {launch.me.host}",
            f'dir "{launch.directory}"',
            f"maxmemory {launch.maxmemory}",
            f"appendfsync {launch.appendfsync}",
            "replica-priority 0",
            f"replicaof {followed} {NOWHERE_PORT}",
            "",
        ]
    )


def _parse(words: Sequence[str] | None) -> Launch:
    parser = argparse.ArgumentParser(prog="python -m agents.node", description=__doc__)
    parser.add_argument("--server", type=Path, required=True)
    parser.add_argument("--configuration", type=Path, required=True)
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--me", type=Address.parse, required=True)
    parser.add_argument("--nodes", type=Address.parse_all, required=True)
    parser.add_argument("--sentinels", type=Address.parse_all, required=True)
    parser.add_argument("--primary-name", required=True)
    parser.add_argument("--revision-key", required=True)
    parser.add_argument("--maxmemory", default="0")
    parser.add_argument("--appendfsync", default="everysec")
    return Launch(**vars(parser.parse_args(words)))


def _hold_back(launch: Launch) -> None:
    began = time.monotonic()
    held_for, held = 0.0, False
    while not may_start(launch.me, _verdict(launch), _peers(launch), held_for):
        if not held:
            say("the Sentinels call this node primary, and another one lives: waiting until they have elected it")
        held = True
        time.sleep(LOOK_EVERY)
        held_for = time.monotonic() - began


def _accompany(launch: Launch, server: int) -> None:
    began, is_reported = time.monotonic(), False
    step = Step(action=Action.WAIT)
    while step.action is not Action.FINISH:
        time.sleep(LOOK_EVERY)
        if not is_running(server):
            return
        me = look(launch.me, launch.revision_key)
        if me.state is State.READY:
            launch.loading.unlink(missing_ok=True)
        peers = _peers(launch)
        step = next_step(me, _verdict(launch), peers, time.monotonic() - began)
        if not (is_reported or any(peer.answers for peer in peers)) and time.monotonic() - began > SILENCE_PATIENCE:
            is_reported = True
            say("no other data node answers: waiting for one, because alone this one could take no write", "warning")
        with _patience():
            _act(launch, step)
    while not _remembered(launch):
        time.sleep(LOOK_EVERY)
        if not is_running(server):
            return


def _act(launch: Launch, step: Step) -> None:
    if step.action is Action.FOLLOW and step.node:
        say(f"following {step.node}")
        _order(launch.me, "REPLICAOF", step.node.host, str(step.node.port))
    elif step.action is Action.COPY and step.node:
        say(f"{step.node} has more: copying it before leading")
        _order(step.node, "REPLICAOF", "NO", "ONE")
        _order(launch.me, "REPLICAOF", step.node.host, str(step.node.port))
    elif step.action is Action.LEAD:
        say("nobody has more: leading")
        _order(launch.me, "REPLICAOF", "NO", "ONE")
    elif step.action in (Action.STAND_FOR_ELECTION, Action.FINISH):
        _order(launch.me, "CONFIG", "SET", "replica-priority", PRIORITY)


def _remembered(launch: Launch) -> bool:
    """Writes down whom the node follows, once its file holds what it copied: the next start believes that line."""
    with _patience():
        (information,) = ask(launch.me, ("INFO", "persistence"))
        settled = ("aof_rewrite_in_progress:0", "aof_rewrite_scheduled:0", "aof_last_bgrewrite_status:ok")
        if set(settled) <= set(information.splitlines()):
            _order(launch.me, "CONFIG", "REWRITE")
            return True
    return False


@contextmanager
def _patience() -> Iterator[None]:
    """A node that does not answer now is asked again at the next look."""
    try:
        yield
    except (Unreachable, ErrorReply) as fault:
        say(f"not now: {fault}")


def _order(node: Address, *words: str) -> None:
    ask(node, words)


def _verdict(launch: Launch) -> Verdict:
    return ask_sentinels(launch.sentinels, launch.primary_name)


def _peers(launch: Launch) -> list[Node]:
    return look_at(launch.peers, launch.revision_key)


if __name__ == "__main__":
    main()
