"""The record of a decision: the verdict with all it rests on, by hashes, so that it is acted on once and can be checked for good."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

import polars as pl

from assets.learning import challenger_model, champion_model, shadow_trials
from assets.warehouse import Warehouse
from models.experiments.decision import Decision

# What asks for something to be done; the other verdicts leave the champion where it is.
ACTS = ("PROMOTE", "ROLLBACK")


@dataclass(frozen=True, slots=True)
class DecisionRecord:
    """A verdict, the bundles it is about, and the data it was reached on. The policy's hash stands in the decision itself."""

    decision: Decision
    champion_sha256: str | None
    challenger_sha256: str | None
    data_sha256: str

    def to_json(self) -> str:
        """The record as text; the same facts give the same text."""
        told = {
            "decision": json.loads(self.decision.to_json()),
            "champion_sha256": self.champion_sha256,
            "challenger_sha256": self.challenger_sha256,
            "data_sha256": self.data_sha256,
        }
        return json.dumps(told, sort_keys=True, separators=(",", ":"))

    @property
    def sha256(self) -> str:
        """The decision's name: whoever acts on it twice can tell."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    def metadata(self) -> dict[str, str]:
        """The hashes, as both asset pages show them."""
        return {
            "decision_sha256": self.sha256,
            "policy_sha256": self.decision.policy_sha256,
            "data_sha256": self.data_sha256,
        }


def record_of(decision: Decision, warehouse: Warehouse) -> DecisionRecord:
    """The record of a decision on the lake's trials, and the models as they are now."""
    return DecisionRecord(
        decision,
        _bundle(warehouse.read(champion_model.TABLE)),
        _bundle(warehouse.read(challenger_model.TABLE)),
        warehouse.digest(shadow_trials.TABLE),
    )


def _bundle(models: pl.DataFrame) -> str | None:
    return None if models.is_empty() else models["bundle_sha256"].item()
