"""Faults of API instances, of nginx, and by clients."""

import time
from functools import partial

from chaos.faults.kinds import INSTANCES, MOMENT_S, WORKERS, Fault, freeze
from chaos.target import FaultInjector

#: By which the clock of an instance is wrong.
CLOCK_SHIFT_S = 120.0
#: Clients that hang up, and in how many parts they come, so that none of them is load to speak of.
CLIENTS, PARTS = 400, 20
#: How often a worker is killed.
WORKER_KILLS = 4
#: For which a hostile client attacks, and before which the others are measured: 500 purchases at 100 requests a second.
ATTACK_S = 27.0


def _instance_killed(target: FaultInjector, seconds: float) -> None:
    for instance in INSTANCES:
        target.kill(instance)
        time.sleep(MOMENT_S)
        target.heal()


def _instance_frozen(target: FaultInjector, seconds: float) -> None:
    freeze(target, seconds, "api-1")


def _worker_killed(target: FaultInjector, seconds: float) -> None:
    for instance in INSTANCES:
        target.kill_worker(instance)
        time.sleep(MOMENT_S)
        target.heal()


def _shop_worker_killed(target: FaultInjector, seconds: float) -> None:
    """Both of them in turn, while they send events to a receiver."""
    for number in range(WORKER_KILLS):
        target.kill(WORKERS[number % len(WORKERS)])
        time.sleep(seconds / WORKER_KILLS)


def _nginx_reloaded(target: FaultInjector, seconds: float) -> None:
    target.reload_nginx()
    time.sleep(MOMENT_S)


def _instances_rolled(target: FaultInjector, seconds: float) -> None:
    for instance in INSTANCES:
        target.roll(instance)


def _clock_shifted(shift_s: float, target: FaultInjector, seconds: float) -> None:
    with target.shifted_clock("api-1", shift_s):
        time.sleep(seconds)


def _clients_hang_up(target: FaultInjector, seconds: float) -> None:
    for _ in range(PARTS):
        target.hang_up(CLIENTS // PARTS)
        time.sleep(seconds / PARTS)


def _hostile_client(target: FaultInjector, seconds: float) -> None:
    with target.hostile_client():
        time.sleep(ATTACK_S)


OF_INSTANCES = (
    Fault(name="instance-killed", what="API instances killed, one after the other", inject=_instance_killed),
    Fault(name="instance-frozen", what="API instance frozen, then woken", inject=_instance_frozen),
    Fault(name="worker-killed", what="gunicorn workers killed, one after the other", inject=_worker_killed),
    Fault(
        name="shop-worker-killed",
        what="the workers that send events killed, again and again in turn",
        inject=_shop_worker_killed,
    ),
    Fault(name="clock-ahead", what="an instance's clock 120 s ahead", inject=partial(_clock_shifted, CLOCK_SHIFT_S)),
    Fault(name="clock-behind", what="an instance's clock 120 s behind", inject=partial(_clock_shifted, -CLOCK_SHIFT_S)),
    Fault(name="clients-hang-up", what="400 clients that hang up after sending", inject=_clients_hang_up),
    Fault(
        name="hostile-client",
        what="one hostile client: 200 slow bodies, 2,000 connections, wrong sign-ins, refused purchases",
        inject=_hostile_client,
        max_slowdown=2.0,
        quiet_s=ATTACK_S,
    ),
    Fault(name="nginx-reloaded", what="nginx reloaded", inject=_nginx_reloaded),
    Fault(name="instances-rolled", what="API instances restarted, one after the other", inject=_instances_rolled),
)
