"""deploy/autoscale with what decides and a Prometheus that runs: instances follow a load that rises and falls.

The instances are HTTP servers here that share a load; what scales them writes their number and the targets of
Prometheus, as deploy/scale does.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from configuration import ROOT
from devstack.temporary import free_port
from tests.capabilities import program, require
from tests.stack_fixtures import wait_until

MAX_INSTANCES = 4
FOLLOWS_WITHIN_S = 60.0
POLICY = {
    "EVERGREEN_AUTOSCALE_MAX": str(MAX_INSTANCES),
    "EVERGREEN_AUTOSCALE_REQUESTS": "3",
    "EVERGREEN_AUTOSCALE_UP_INTERVAL_S": "3",
    "EVERGREEN_AUTOSCALE_DOWN_INTERVAL_S": "2",
    "EVERGREEN_AUTOSCALE_STABILIZATION_S": "8",
    "EVERGREEN_AUTOSCALE_POLL_S": "1",
    "EVERGREEN_AUTOSCALE_WINDOW_S": "5",
}
SCALES = """#!/usr/bin/env bash
cd "$(dirname "$0")"
[ $# -gt 1 ] || { cat number && exit; }
echo "$2" >number.new && mv number.new number
{
  printf '['
  for place in $(seq "$2"); do
    [ "$place" = 1 ] || printf ','
    printf '{"targets": ["127.0.0.1:%s"], "labels": {"instance": "api-%s"}}' "$(sed -n "${place}p" ports)" "$place"
  done
  printf ']'
} >targets/api.json.new
mv targets/api.json.new targets/api.json
"""


class Shop:
    """Instances that share `requests`, of which the one at place `silent` has no metrics."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.requests, self.silent = directory, 0.0, -1
        self.servers = [ThreadingHTTPServer(("127.0.0.1", 0), self._handler(n)) for n in range(MAX_INSTANCES)]
        for server in self.servers:
            threading.Thread(target=server.serve_forever, daemon=True).start()
        ports = "".join(f"{server.server_port}\n" for server in self.servers)
        for name, text in {"ports": ports, "scale": SCALES, "settings.env": f"EVERGREEN_LOCAL={directory}\n"}.items():
            directory.joinpath(name).write_text(text)
        directory.joinpath("scale").chmod(0o755)
        directory.joinpath("targets").mkdir()
        subprocess.run([directory / "scale", "api", "2"], check=True)

    @property
    def number(self) -> int:
        return int((self.directory / "number").read_text())

    def close(self) -> None:
        for server in self.servers:
            server.shutdown()
            server.server_close()

    def _handler(self, place: int) -> type[BaseHTTPRequestHandler]:
        shop = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                share = shop.requests / shop.number
                text = (
                    f"evergreen_requests_in_work {min(share, 4.0)}\nevergreen_requests_waiting {max(share - 4, 0.0)}\n"
                )
                self.send_response(500 if shop.silent == place else 200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_: object) -> None:
                return

        return Handler


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    require("prometheus")
    found = Shop(tmp_path)
    yield found
    found.close()


@pytest.fixture
def prometheus(shop: Shop) -> Iterator[str]:
    """The URL of a Prometheus with the configuration of every way to run, which looks every second."""
    text = (ROOT / "monitoring" / "prometheus" / "prometheus.yml").read_text()
    text = text.replace("scrape_interval: 5s", "scrape_interval: 1s").replace(
        "scrape_timeout: 4s", "scrape_timeout: 1s"
    )
    shop.directory.joinpath("prometheus.yml").write_text(text)
    shop.directory.joinpath("password").write_text("none is asked for")
    port = free_port()
    words = (f"--config.file={shop.directory}/prometheus.yml", f"--storage.tsdb.path={shop.directory}/data")
    process = subprocess.Popen(
        [str(program("prometheus")), *words, f"--web.listen-address=127.0.0.1:{port}"], stderr=subprocess.DEVNULL
    )
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait(30)


@pytest.fixture
def log(shop: Shop, prometheus: str) -> Iterator[Callable[[str], list[dict[str, object]]]]:
    """Runs deploy/autoscale; returns its log lines of an event."""
    file = shop.directory / "autoscale.log"
    words = f"{sys.executable} -m operations.autoscale --prometheus {prometheus}"
    with file.open("w") as output:
        process = subprocess.Popen(
            [ROOT / "deploy" / "autoscale", "--scale", shop.directory / "scale", "--engine", words],
            env={
                **os.environ,
                **POLICY,
                "PYTHONPATH": str(ROOT),
                "EVERGREEN_ENV_FILE": str(shop.directory / "settings.env"),
            },
            stdout=output,
            stderr=output,
            start_new_session=True,
        )

        def events(name: str) -> list[dict[str, object]]:
            lines = [line for line in file.read_text().splitlines() if line.startswith("{")]
            return [event for event in map(json.loads, lines) if event["event"] == name]

        yield events
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0, file.read_text()


def test_instances_follow_a_load_and_no_missing_signal_removes_one(shop, log):
    began = time.monotonic()
    shop.requests = 20.0
    wait_until(lambda: shop.number == MAX_INSTANCES, FOLLOWS_WITHIN_S)
    print(f"rose in {time.monotonic() - began:.1f} s")
    shop.requests, shop.silent = 0.0, 1
    time.sleep(2 * float(POLICY["EVERGREEN_AUTOSCALE_STABILIZATION_S"]))
    assert shop.number == MAX_INSTANCES
    began, shop.silent = time.monotonic(), -1
    wait_until(lambda: shop.number == 2, FOLLOWS_WITHIN_S)
    print(f"fell in {time.monotonic() - began:.1f} s")
    wait_until(lambda: len(log("autoscale step carried out")) == 3)
    steps = [(event["direction"], event["desired"]) for event in log("autoscale decision")]
    assert steps == [("up", 4), ("down", 3), ("down", 2)]
