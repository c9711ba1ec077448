"""What the executor counts and times, for Prometheus. One registry per service, so two in a process do not mix."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0)


class Telemetry:
    """The executor's metrics."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter("grekko_requests", "Requests answered.", ["route", "status"], registry=self.registry)
        self.seconds = Histogram("grekko_request_seconds", "Time to answer, seconds.", ["route"], buckets=SECONDS, registry=self.registry)
        self.decisions = Counter(
            "grekko_decisions", "Swaps decided, by what was chosen and by which model.", ["action", "model_version"], registry=self.registry
        )
        self.model = Gauge(
            "grekko_model_version",
            "1 for the model that decides now.",
            ["model_version", "policy", "bundle_sha256"],
            registry=self.registry,
        )
        self.generation = Gauge("grekko_handover_generation", "Generation of the hand-over in force.", registry=self.registry)
        self.refusals = Gauge("grekko_handover_refusals", "Hand-overs refused since the start.", registry=self.registry)

    def in_force(self, model_version: str, policy: str, bundle_sha256: str, generation: int) -> None:
        """Tells which model decides from here on."""
        self.model.clear()
        self.model.labels(model_version, policy, bundle_sha256).set(1)
        self.generation.set(generation)

    def text(self) -> bytes:
        """The page Prometheus reads."""
        return generate_latest(self.registry)
