"""Models in the executor: taken from the shelf, put in force without losing an order, and gone back on."""

from executor.activation.activation import Activation
from executor.activation.deployment import Deployment, Model, ModelName, Place, placed
from executor.activation.guardrails import FAILED, REJECTED, REVERTED, GuardrailSettings, ModelGuardrails
from executor.activation.operations import Operation, Stage, Wish
from executor.activation.snapshot import Snapshot

__all__ = [
    "FAILED",
    "REJECTED",
    "REVERTED",
    "Activation",
    "Deployment",
    "GuardrailSettings",
    "Model",
    "ModelGuardrails",
    "ModelName",
    "Operation",
    "Place",
    "Snapshot",
    "Stage",
    "Wish",
    "placed",
]
