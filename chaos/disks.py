"""Small file systems in place of directories, and full ones. They take root."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from devstack import supervision
from devstack.layout import Layout

BLOCK = bytes(2**20)
FILLER = "filler"


def is_limited(directory: Path) -> bool:
    """Whether the directory is a file system of its own."""
    return os.path.ismount(directory)


def limit(directory: Path, size: str) -> None:
    """Put the directory, with what is in it, onto a file system of this size. No process may use it meanwhile."""
    copy = directory.with_name(f"{directory.name}.copy")
    try:
        shutil.copytree(directory, copy, symlinks=True, ignore=_sockets)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", str(directory)], check=True)
        shutil.copytree(copy, directory, symlinks=True, dirs_exist_ok=True)
    finally:
        shutil.rmtree(copy, ignore_errors=True)


def release(directory: Path) -> None:
    """Take the file system away again, also where it is in use."""
    if is_limited(directory):
        subprocess.run(["umount", "--lazy", str(directory)], check=True)


def release_all(layout: Layout) -> None:
    """End what uses the file systems of a topology, and take them away. That of everything hides those of the nodes,
    where they are older."""
    directories = (layout.run, *map(layout.directory, layout.redis))
    if any(map(is_limited, directories)):
        with contextlib.suppress(supervision.NotRunning):
            supervision.stop(layout)
    for directory in directories:
        release(directory)


@contextmanager
def full(directory: Path) -> Iterator[None]:
    """Fill the file system of this directory, to the last byte, while the block runs."""
    filler = directory / FILLER
    try:
        for block in (BLOCK, b"0"):
            with contextlib.suppress(OSError), filler.open("ab", buffering=0) as file:
                while True:
                    file.write(block)
        yield
    finally:
        filler.unlink()


def _sockets(directory: str, names: list[str]) -> list[str]:
    return [name for name in names if Path(directory, name).is_socket()]
