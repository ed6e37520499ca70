"""The metrics of the autoscaler, explained in docs/autoscaling.md."""

from prometheus_client import CollectorRegistry, Counter, Gauge, disable_created_metrics

from operations.autoscale.engine import Decision, Direction
from operations.autoscale.policy import Load, Policy

ERRORS = ("signal", "step")


class Telemetry:
    """Metrics in a registry of their own."""

    def __init__(self, policy: Policy) -> None:
        disable_created_metrics()
        self.registry = CollectorRegistry()
        self._present = self._gauge("present_instances", "API instances that there are.")
        self._desired = self._gauge("desired_instances", "API instances that were decided last.")
        self._wanted = self._gauge("wanted_instances", "API instances that the load takes, without bounds and pace.")
        self._requests = self._gauge("signal_requests", "Requests in work or waiting, of all instances.")
        self._cpu = self._gauge("signal_cpu_cores", "CPU that all instances take, in cores.")
        self._window = self._gauge(
            "stabilization_seconds", "Time in which fewer instances must have been enough before one is removed."
        )
        self._signal_at = self._gauge(
            "signal_timestamp_seconds", "When Prometheus had the signal last, in seconds since 1970; 0 before that."
        )
        self._gauge("min_instances", "API instances that there are at least.").set(policy.min_instances)
        self._gauge("max_instances", "API instances that there are at most.").set(policy.max_instances)
        self._decisions = Counter(
            "evergreen_autoscale_decisions", "Decisions, by direction.", ["direction"], registry=self.registry
        )
        self._errors = Counter(
            "evergreen_autoscale_errors",
            "What failed: to get the signal, or to carry a step out.",
            ["kind"],
            registry=self.registry,
        )
        for direction in Direction:
            self._decisions.labels(direction)
        for kind in ERRORS:
            self._errors.labels(kind)

    def decided(self, decision: Decision, desired: int, window_s: float) -> None:
        """Count a decision, and show what it is about; `desired` is what was decided last and not carried out yet."""
        self._decisions.labels(decision.direction).inc()
        self._present.set(decision.present)
        self._desired.set(desired)
        self._window.set(window_s)
        if decision.wanted is not None:
            self._wanted.set(decision.wanted)

    def measured(self, load: Load, at_s: float) -> None:
        """Show the signal."""
        self._requests.set(load.requests)
        self._cpu.set(load.cpu_cores or 0.0)
        self._signal_at.set(at_s)

    def failed(self, kind: str) -> None:
        """Count a failure."""
        self._errors.labels(kind).inc()

    def _gauge(self, name: str, documentation: str) -> Gauge:
        return Gauge(f"evergreen_autoscale_{name}", documentation, registry=self.registry)
