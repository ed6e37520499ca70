"""Every benchmark, one after the other: what `make bench` runs."""

import subprocess
import sys

MODULES = ("benchmarks.catalogue", "benchmarks.requests", "benchmarks.failover", "benchmarks.overload")


def main() -> None:
    for module in MODULES:
        subprocess.run([sys.executable, "-m", module], check=True)


if __name__ == "__main__":
    main()
