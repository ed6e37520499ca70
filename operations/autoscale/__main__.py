"""Decides how many API instances there should be, and writes each new number as a line to standard output.

`deploy/autoscale` starts it, carries the numbers out, and reports to its standard input; docs/autoscaling.md.
"""

import argparse
import os
import signal
import sys

import configuration
from configuration import ConfigurationError, Scope, shop
from configuration import autoscale as variables
from evergreen import logs
from exactly_once.client import Address
from operations.autoscale.engine import Engine
from operations.autoscale.loop import Lines, Loop
from operations.autoscale.policy import policy
from operations.autoscale.prometheus import Prometheus
from operations.autoscale.telemetry import Telemetry
from operations.exporter import server

STDIN, STDOUT = 0, 1


def main() -> None:
    """Run until it is ended, or standard input is."""
    given = _arguments()
    try:
        values = configuration.read(Scope.AUTOSCALE, os.environ)
    except ConfigurationError as error:
        sys.exit(str(error))
    logs.configure({"version": 1, "disable_existing_loggers": False})
    password = values[shop.MONITORING_PASSWORD]
    engine = Engine(policy(values))
    telemetry = Telemetry(engine.policy)
    loop = Loop(
        engine,
        Prometheus(given.prometheus or values[variables.PROMETHEUS], password, values[variables.WINDOW_S]),
        telemetry,
        lines=Lines(STDIN),
        hand_on=_hand_on,
        poll_s=values[variables.POLL_S],
        is_dry_run=given.dry_run,
    )
    if given.listen:
        try:
            server.start(given.listen, telemetry.registry, password)
        except OSError as error:
            sys.exit(f"It cannot listen at {given.listen}: {error}")
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: loop.stop())
    loop.run()


def _hand_on(desired: int) -> None:
    os.write(STDOUT, f"{desired}\n".encode())


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m operations.autoscale", description=__doc__)
    parser.add_argument(
        "--prometheus",
        metavar="URL",
        help=f"which Prometheus to ask; by default {variables.PROMETHEUS.name}, or {variables.PROMETHEUS.default}",
    )
    parser.add_argument("--listen", type=_address, metavar="HOST:PORT", help="serve /metrics and /livez here")
    parser.add_argument("--dry-run", action="store_true", help="log decisions, and hand no number on")
    return parser.parse_args()


def _address(text: str) -> Address:
    try:
        return Address.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no address: write host:port") from error


if __name__ == "__main__":
    main()
