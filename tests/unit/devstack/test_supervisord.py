import sys
from pathlib import Path

from supervisor import supervisord as original  # type: ignore[import-untyped]

from devstack import supervisord


def test_a_line_that_cannot_be_written_does_not_end_the_supervisor(monkeypatch):
    with Path("/dev/full").open("wb", buffering=0) as full:
        monkeypatch.setattr(supervisord, "STDOUT", full.fileno())
        monkeypatch.setattr(supervisord, "STDERR", full.fileno())
        monkeypatch.setattr(sys, "stdout", sys.stdout)
        monkeypatch.setattr(sys, "stderr", sys.stderr)
        written = []

        def log() -> None:
            for stream in (sys.stdout, sys.stderr):
                stream.write("a line\n")
                stream.flush()
                written.append(stream)

        monkeypatch.setattr(original, "main", log)
        supervisord.main()
    assert len(written) == 2
