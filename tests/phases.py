"""The phases of `make test` and `make prove`: what each runs, for about how long, and what it needs of the machine."""

import heapq
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

BIN = Path(sys.executable).parent
#: Of the machine on which `about_s` and `cores` were measured.
CORES = 2
#: A phase that takes so many times as long as it is expected to is ended, and none before so many seconds.
MAX_OVERRUN, MIN_LIMIT_S = 4, 240


@dataclass(frozen=True, kw_only=True, slots=True)
class Phase:
    """Commands that run side by side. `about_s` was measured on two cores; `needs` are names of capabilities. A phase
    that keeps one of the `cores` busy runs beside another such phase; what measures answers under load keeps all."""

    name: str
    what: str
    about_s: int
    commands: Sequence[Sequence[str]]
    needs: tuple[str, ...] = ()
    cores: int = CORES

    @property
    def limit_s(self) -> int:
        return max(MAX_OVERRUN * self.about_s, MIN_LIMIT_S)

    @property
    def is_pytest(self) -> bool:
        return "pytest" in self.commands[0]

    @property
    def second_try(self) -> Sequence[str]:
        """The command for what has failed, one test after the other; empty where nothing depends on the machine."""
        if not self.is_pytest or self.name == "unit":
            return ()
        return [*self.commands[0], "-n", "0", "--last-failed", "--last-failed-no-failures", "none"]


def _program(name: str, *words: str) -> Sequence[str]:
    return [str(BIN / name), *words]


def _pytest(*words: str, workers: int, dist: str = "loadscope") -> Sequence[Sequence[str]]:
    """With no workers the tests run one after the other, in a process that prints at once. With workers and `loadscope`
    a module stays on one of them, so that its servers are started once; tests/conftest.py orders the modules."""
    side_by_side = ["-n", str(workers), "--dist", dist, "--no-loadscope-reorder"] if workers else []
    return [[sys.executable, "-m", "pytest", "-q", *side_by_side, *words]]


#: What is installed, and what runs beside it.
SHIPPED = (
    *("configuration", "exactly_once", "shop", "operations", "agents", "devstack", "evergreen", "monitoring"),
    *("deploy/gunicorn.conf.py", "manage.py"),
)
#: Load for a whole machine, whose answers may come too late where another load is beside it.
ALONE = ("tests/system/test_races.py", "tests/system/test_chaos.py")
FAULT_TABLE = (
    "tests/system/test_fault_table.py",
    "tests/system/test_fault_table_nodes.py",
    "tests/system/test_fault_table_everything.py",
    "tests/system/test_fault_table_root.py",
)
CONTAINER_FAULTS = "tests/compose/test_chaos.py"
#: Rows of a swarm that take too long for a suite of an hour: docs/swarm.md has what they found.
LONG_SWARM_ROWS = (
    *("managers-lost", "api-rolled", "api-scaled", "redis-rolled", "machine-drained"),
    *("nodes-scaled", "sentinels-scaled"),
)
#: A swarm that loses everything, and is restored: docs/swarm.md has what it took.
SWARM_BACKUP = "tests/swarm/test_swarm_backup.py"
#: Minutes of Pods that are replaced one by one: docs/kubernetes.md has what it found.
SCALED_PODS = "tests/kubernetes/test_scaled_pods.py"
#: It compares answers under load: docs/autoscaling.md.
CONTAINERS_AUTOSCALED = "tests/compose/test_autoscale.py"
TEST = (
    Phase(
        name="static",
        what="style, types, import rules",
        about_s=30,
        commands=[
            _program("mypy", "--num-workers", str(CORES)),
            _program("ruff", "check", "."),
            _program("ruff", "format", "--check", "."),
            _program("lint-imports"),
            _program("bandit", "--quiet", "--recursive", "--configfile", "pyproject.toml", *SHIPPED),
        ],
    ),
    Phase(
        name="unit",
        what="pure code, the API in memory, rules of the repository",
        about_s=150,
        commands=_pytest("tests/unit", "tests/architecture", workers=2, dist="worksteal"),
    ),
    Phase(
        name="contract",
        what="each port in memory and on real servers",
        about_s=110,
        commands=_pytest("tests/contract", workers=2, dist="worksteal"),
    ),
    Phase(
        name="integration",
        what="repositories and commands on real servers",
        about_s=170,
        commands=_pytest("tests/integration", "-m", "not prove and redis_stack", workers=3),
    ),
    Phase(
        name="topologies",
        what="failovers, node roles, migrations, restored backups and nginx, each on servers of its own",
        about_s=160,
        commands=_pytest("tests/integration", "-m", "not prove and not redis_stack", workers=3),
    ),
    Phase(
        name="system",
        what="everything together, through nginx and in a browser; the documentation site",
        about_s=360,
        commands=_pytest("tests/system", *(f"--ignore={path}" for path in ALONE), "-m", "not prove", workers=2),
        needs=("chromium",),
    ),
    Phase(
        name="faults",
        what="many at once; the short rows of the fault table: one load, one check",
        about_s=100,
        commands=_pytest(*ALONE, workers=0),
    ),
)
#: Those that keep all cores busy, then those that keep one busy, the longest first: the last ones end together.
PROVE = (
    Phase(
        name="fault table",
        what="every row of the fault table",
        about_s=480,
        # One group of rows after the other: beside another load more requests are in work at once than instances have
        # places, and rows fail that pass alone.
        commands=_pytest(*FAULT_TABLE, workers=0),
        needs=("root",),
    ),
    Phase(
        name="numbers",
        what="data nodes and Sentinels added and removed; rows of the fault table with other numbers of them",
        about_s=190,
        commands=_pytest("tests/integration/test_scaling.py", "tests/system/test_fault_table_of_numbers.py", workers=0),
    ),
    Phase(
        name="drills",
        what="the supervisor killed and frozen, full disks, clogged logs: requests counted",
        about_s=160,
        commands=_pytest("tests/system/test_stack_faults.py", workers=2, dist="load"),
        needs=("root",),
    ),
    Phase(
        name="cold starts",
        what="everything started at once, with torn files or without the Sentinels' own",
        about_s=60,
        # They wait for Sentinels most of the time, and each begins with a whole store.
        commands=_pytest(
            "tests/integration/test_cold_starts.py", "tests/system/test_power_cuts.py", workers=4, dist="load"
        ),
    ),
    Phase(
        name="fuzz",
        what="every operation with many values, and with costly ones; faults in the shop that must be found",
        about_s=210,
        commands=_pytest(
            "tests/system/test_openapi_long.py",
            "tests/system/test_openapi_walks.py",
            "tests/system/test_planted_faults.py",
            "tests/integration/test_cost_search.py",
            workers=2,
        ),
        needs=("root",),
    ),
    Phase(
        name="large store",
        what="a store of 20,000 products: seeded, and its primary killed; a user of 50,000 purchases erased",
        about_s=130,
        # Latencies are compared, and seeding must delay no node: with nothing beside it.
        commands=_pytest("tests/system/test_large_store.py", "tests/system/test_large_erasure.py", workers=0),
    ),
    Phase(
        name="first minutes",
        what="the package in an environment of its own; the demonstration; gunicorn's own threads",
        about_s=60,
        commands=_pytest(
            "tests/system/test_wheel.py", "tests/system/test_demo.py", "tests/system/test_workers.py", workers=2
        ),
    ),
    Phase(
        name="pages",
        what="pages in the other colour scheme and at the other width, for axe-core",
        about_s=120,
        commands=_pytest(
            "tests/system/test_landing.py",
            "tests/system/test_browser.py",
            "tests/system/test_office_sales.py",
            "tests/system/test_office_commerce.py",
            *("-m", "prove"),
            workers=2,
        ),
        needs=("chromium",),
    ),
    Phase(
        name="containers",
        what="the deployment in containers: what comes up, restarts, changes under load",
        about_s=630,
        # Two deployments of a dozen containers each. Beside another phase, starts and health checks came too late.
        commands=_pytest(
            "tests/compose", f"--ignore={CONTAINER_FAULTS}", f"--ignore={CONTAINERS_AUTOSCALED}", workers=2
        ),
        needs=("docker",),
    ),
    Phase(
        name="swarm",
        what="the shop on three engines: deployed from nothing, scaled by its load, a machine killed",
        about_s=390,
        commands=_pytest(
            "tests/swarm", f"--ignore={SWARM_BACKUP}", "-k", f"not ({' or '.join(LONG_SWARM_ROWS)})", workers=0
        ),
        needs=("docker", "swarm"),
    ),
    Phase(
        name="container faults",
        what="rows of the fault table on containers",
        about_s=210,
        commands=_pytest(CONTAINER_FAULTS, workers=0),
        needs=("docker",),
    ),
    Phase(
        name="kubernetes",
        what="the manifests: valid for three versions, and what they mean; their Pods sell, and lose the primary",
        about_s=180,
        commands=_pytest("tests/kubernetes", "--ignore", SCALED_PODS, workers=0),
        needs=("root", "docker", "podman"),
    ),
    Phase(
        name="monitoring",
        what="alerts, dashboards and mails of a shop that Prometheus watches",
        about_s=140,
        cores=1,
        commands=_pytest("tests/monitoring", workers=0),
        needs=("prometheus",),
    ),
    Phase(
        name="benchmarks",
        what="the short form of `make bench`: every workload on every side",
        about_s=50,
        cores=1,
        commands=_pytest("tests/system/test_benchmarks.py", "tests/system/test_benchmarks_of_carts.py", workers=0),
    ),
    Phase(
        name="clients",
        what="linters of the OpenAPI document; clients generated from it, in Python and TypeScript, that go shopping",
        about_s=60,
        cores=1,
        commands=_pytest("tests/clients", workers=0),
        needs=("node",),
    ),
    Phase(
        name="payments",
        what="payments and refunds by a simulated Stripe, while every instance is killed",
        about_s=40,
        cores=1,
        commands=_pytest("tests/system/test_stripe.py", "-m", "prove", workers=0),
    ),
    Phase(
        name="tls",
        what="TLS between all tiers: a failover, and certificates renewed under load",
        about_s=30,
        cores=1,
        commands=_pytest("tests/system/test_internal_tls.py", workers=0),
        needs=("tls",),
    ),
)
#: Seconds after which a suite is ended. The same machine was more than twice as slow on some days as when the phases
#: were measured, and second tries take time too.
LIMITS_S = {"test": 44 * 60, "prove": 80 * 60}
SUITES = {"test": TEST, "prove": PROVE}


def rotated(phases: Sequence[Phase], number: int) -> Sequence[Phase]:
    """The phases in the order for a run that may have no time for all of them. Those on containers come first; then
    those that keep all cores busy, and the others, each group beginning with another one at each number: what is left
    out is not always the same."""
    contained = [phase for phase in phases if "docker" in phase.needs]
    others = [phase for phase in phases if "docker" not in phase.needs]
    groups = ([each for each in others if (each.cores == CORES) is keeps_all] for keeps_all in (True, False))
    return [*contained, *(each for group in groups for each in _from(group, number))]


def _from(phases: Sequence[Phase], number: int) -> Sequence[Phase]:
    first = number % max(len(phases), 1)
    return [*phases[first:], *phases[:first]]


def planned_s(phases: Sequence[Phase]) -> float:
    """Seconds that these phases take together: each begins as soon as its cores are free, in this order."""
    now, free, ends = 0.0, CORES, list[tuple[float, int]]()
    for phase in phases:
        while free < phase.cores:
            now, cores = heapq.heappop(ends)
            free += cores
        free -= phase.cores
        heapq.heappush(ends, (now + phase.about_s, phase.cores))
    return max((end for end, _ in ends), default=0.0)
