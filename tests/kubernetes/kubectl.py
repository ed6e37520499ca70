"""A kubectl for the scripts of deploy/kubernetes: passes its words on to a Cluster, and ends as that says."""

import sys
from multiprocessing.connection import Client
from pathlib import Path

from tests.architecture.sources import ROOT


def install(directory: Path, socket: Path) -> None:
    """Write a program of this name."""
    directory.mkdir()
    program = directory / "kubectl"
    words = f"{sys.executable} -m tests.kubernetes.kubectl {socket}"
    program.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {words} "$@"\n')
    program.chmod(0o755)


def main(socket: str, *words: str) -> int:
    # Before the call: the Cluster answers one after the other.
    text = sys.stdin.read() if "-" in words else ""
    with Client(socket, "AF_UNIX") as connection:
        connection.send((words, text))
        status, text = connection.recv()
    print(text, end="")
    return int(status)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
