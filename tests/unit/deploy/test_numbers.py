"""The steps of deploy/numbers.sh in their order, with Compose and with Swarm: what carries out a step is replaced here.
ADR 60 has the reasons for the order."""

import subprocess

import pytest

from configuration import ROOT

#: Each step writes its name. An interrupt is a step that fails.
SCRIPT = r"""
set -euo pipefail
. "$1/deploy/numbers.sh"
say() { :; }
step() { echo "$*"; [ "$*" != "${INTERRUPTED_AT:-}" ]; }
node_count() { echo "$COUNT"; }
sentinel_count() { echo "$COUNT"; }
data_address() { echo "host-$1:6379"; }
as_operator() { shift 2; step "$@"; [ "$1" != failover ] || PRIMARY=redis-1; }
primary() { echo "$PRIMARY"; }
for name in count_nodes name_sentinels start_sentinel remove_service renew_nodes renew_callers renew_monitoring; do
  eval "$name() { step $name \"\$@\"; }"
done
"$2" "$3"
"""
LAST_OF_NODES = ("renew_callers", "topology --forget-stale", "renew_monitoring")


def steps(function: str, count: int, to: int, primary: str = "redis-1", interrupted_at: str = "") -> tuple[str, ...]:
    environment = {"COUNT": str(count), "PRIMARY": primary, "INTERRUPTED_AT": interrupted_at, "PATH": "/usr/bin:/bin"}
    answer = subprocess.run(
        ["bash", "-c", SCRIPT, "bash", str(ROOT), function, str(to)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (answer.returncode != 0) == bool(interrupted_at), answer.stderr
    return tuple(answer.stdout.splitlines())


def test_an_added_data_node_is_announced_and_counted_before_it_starts():
    added = ("topology --announce host-4:6379", "count_nodes 4")
    assert steps("scale_redis", 3, 4) == (*added, "renew_nodes 3", *LAST_OF_NODES)


def test_a_removed_data_node_hands_over_and_is_found_down_before_it_is_not_counted():
    assert steps("scale_redis", 5, 3, primary="redis-5") == (
        "failover",
        *("resize_step spare host-5:6379", "remove_service redis 5", "resize_step down host-5:6379", "count_nodes 4"),
        *("resize_step spare host-4:6379", "remove_service redis 4", "resize_step down host-4:6379", "count_nodes 3"),
        "renew_nodes 5",
        *LAST_OF_NODES,
    )


def test_each_added_sentinel_waits_until_all_know_the_one_before():
    assert steps("scale_sentinel", 3, 5) == (
        "name_sentinels 5",
        *("resize_step agreed --first 3", "start_sentinel 4", "resize_step agreed --first 4", "start_sentinel 5"),
        *("resize_step agreed", "resize_step quorum 5"),
        *("renew_callers", "topology --forget-stale", "renew_nodes 3", "renew_monitoring"),
    )


def test_sentinels_are_removed_only_when_no_caller_asks_them():
    assert steps("scale_sentinel", 5, 3) == (
        *("resize_step quorum 3 --first 5", "name_sentinels 3", "renew_callers"),
        *("remove_service sentinel 5", "remove_service sentinel 4"),
        *("topology --forget-stale", "renew_nodes 5", "renew_monitoring"),
    )


@pytest.mark.parametrize(
    ("function", "count", "to", "interrupted_at"),
    [
        ("scale_redis", 3, 4, "topology --announce host-4:6379"),
        ("scale_redis", 4, 3, "resize_step spare host-4:6379"),
        ("scale_redis", 4, 3, "resize_step down host-4:6379"),
        ("scale_sentinel", 3, 5, "resize_step agreed --first 4"),
    ],
)
def test_nothing_follows_a_step_that_fails(function: str, count: int, to: int, interrupted_at: str):
    assert steps(function, count, to, interrupted_at=interrupted_at)[-1] == interrupted_at
