"""Activations as somebody asks for them and looks at them: what was wished, how far it came, and what came of it.

ACCEPTED → VERIFYING → WARMING → SHIFTING → DRAINING → DONE
    └─────────┴───────────┴─────────┴── FAILED          └── ROLLED_BACK
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Self

from domain.assignment import BUCKETS
from domain.problems import ActivationConflict, BadInput, UnknownModel
from domain.shelf import checked_name, checked_sha256, checked_version
from executor.journal import Sealed

# Kinds of entries in the log of decisions; all are about no order.
ASKED, FAILED_TO, ACTIVATED, DRAINED, ROLLED_BACK = (
    "activation_asked", "activation_failed", "model_activated", "model_drained", "model_rolled_back",
)  # fmt: skip
# Operations that can still be looked at, in entries of the log.
REMEMBERED = 4_000


class Stage(StrEnum):
    """How far an activation has come."""

    ACCEPTED = "ACCEPTED"
    VERIFYING = "VERIFYING"
    WARMING = "WARMING"
    SHIFTING = "SHIFTING"
    DRAINING = "DRAINING"
    DONE = "DONE"
    FAILED = "FAILED"
    ROLLED_BACK = "ROLLED_BACK"


ENDED = frozenset({Stage.DONE, Stage.FAILED, Stage.ROLLED_BACK})
# From here on its model decides.
IN_FORCE = frozenset({Stage.DRAINING, Stage.DONE})


@dataclass(frozen=True, slots=True)
class Wish:
    """Which model is wanted, for how many of 10,000 buckets (0: in the shadow), and the hash it must have where that was said."""

    name: str
    version: str
    share_bp: int = BUCKETS
    pin: str | None = None

    @classmethod
    def of(cls, name: str, version: int | str, share_percent: float = 100, shadow: bool = False, bundle_sha256: str | None = None) -> Self:
        """From what was sent. A shadow decides nothing, so `share_percent` does not matter then. Raises BadInput naming the field."""
        share_bp = 0 if shadow else round(share_percent * BUCKETS / 100) if 0 < share_percent <= 100 else -1
        if share_bp < 0 or (share_bp == 0 and not shadow):
            raise BadInput(
                f"share_percent is {share_percent}; give more than 0 (0.01 is the least) and at most 100, or shadow: true.",
                field="share_percent",
            )
        pin = checked_sha256(bundle_sha256) if bundle_sha256 is not None else None
        return cls(checked_name(name), checked_version(version), share_bp, pin)


@dataclass(slots=True)
class Operation:
    """One activation. Times are in seconds; `pause` is how long decisions could not be begun, which is one assignment."""

    operation_id: str
    wish: Wish
    source: str = "person"
    key: str | None = None
    base_generation: int = 0
    stage: Stage = Stage.ACCEPTED
    generation: int | None = None
    bundle: str | None = None
    reason: str | None = None
    check: str | None = None
    seconds: dict[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As the API tells it."""
        return {
            "operation_id": self.operation_id,
            "state": str(self.stage),
            "name": self.wish.name,
            "version": self.wish.version,
            "bundle_sha256": self.bundle,
            "share_percent": self.wish.share_bp * 100 / BUCKETS,
            "shadow": self.wish.share_bp == 0,
            "source": self.source,
            "generation": self.generation,
            "reason": self.reason,
            "check": self.check,
            "seconds": {name: round(value, 6) for name, value in self.seconds.items()},
        }


class Operations:
    """The operations that are remembered, the oldest first."""

    def __init__(self) -> None:
        self._by_id: OrderedDict[str, Operation] = OrderedDict()
        self._by_key: dict[str, Operation] = {}

    def add(self, operation: Operation) -> Operation:
        """Remembers it, and forgets the oldest that ended when there are too many."""
        self._by_id[operation.operation_id] = operation
        if operation.key is not None:
            self._by_key[operation.key] = operation
        if len(self._by_id) > REMEMBERED:
            _, oldest = self._by_id.popitem(last=False)
            if oldest.key is not None:
                self._by_key.pop(oldest.key, None)
        return operation

    def get(self, operation_id: str) -> Operation:
        """Raises UnknownModel when no activation has this id, or it was forgotten."""
        try:
            return self._by_id[operation_id]
        except KeyError as error:
            raise UnknownModel(
                f"There is no activation {operation_id}; POST /models/activate tells the id of each.", operation_id=operation_id
            ) from error

    def of_key(self, key: str | None, wish: Wish) -> Operation | None:
        """The operation that was asked for with this key. Raises ActivationConflict when that was another one."""
        found = self._by_key.get(key) if key is not None else None
        if found is not None and found.wish != wish:
            raise ActivationConflict(
                f"The key {key} belongs to the activation of {found.wish.name} {found.wish.version}; use a new one.", key=key
            )
        return found

    def under_way(self) -> Operation | None:
        """The one that is neither done nor failed; there is one at most."""
        return next((one for one in reversed(self._by_id.values()) if one.stage not in ENDED), None)

    def ended(self, operation_id: str, stage: Stage, reason: str | None) -> None:
        """It ended so, if it is still remembered."""
        if operation := self._by_id.get(operation_id):
            operation.stage, operation.reason = stage, reason

    def take(self, row: Sealed) -> None:
        """One entry of the log, after a restart."""
        entry = row.entry
        facts = entry.facts
        match entry.kind:
            case "activation_asked":
                wish = Wish(**facts["wish"])
                self.add(Operation(id_of(row), wish, key=facts["key"], base_generation=facts["base_generation"], bundle=facts["bundle"]))
            case "activation_failed" if facts["operation_id"] in self._by_id:
                failed = self.get(facts["operation_id"])
                failed.stage, failed.reason, failed.check = Stage.FAILED, facts["reason"], facts["check"]
            case "model_activated" | "model_rolled_back":
                if facts.get("withdrawn"):
                    self.ended(facts["withdrawn"], Stage.ROLLED_BACK, facts["reason"])
                self.put_in_force(facts)

    def put_in_force(self, facts: Mapping[str, Any]) -> Operation:
        """The operation of a deployment: one that was asked for, or that which a hand-over, a rollback or a fallback is."""
        operation_id, newest = facts["operation_id"], facts["challenger"] or facts["champion"]
        share_bp = facts["share_bp"] if facts["challenger"] else BUCKETS
        operation = self._by_id.get(operation_id) or self.add(
            Operation(operation_id, Wish(newest["name"], newest["version"], share_bp), facts["source"], reason=facts.get("reason"))
        )
        operation.generation, operation.bundle = facts["generation"], newest["bundle_sha256"]
        operation.stage = Stage.DONE  # nothing is in flight where this is read again
        return operation


def id_of(row: Sealed) -> str:
    """The id of the operation that this entry asked for: no other entry has its place in the log."""
    return f"activation-{row.seq}"


def wish_facts(wish: Wish) -> dict[str, Any]:
    """The wish as the log keeps it."""
    return asdict(wish)
