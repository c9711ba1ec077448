"""Which models decide, and for which orders: a value that is replaced whole, and read from one entry of the log again after a crash."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, NamedTuple

from domain.assignment import bucket_of, is_challengers
from domain.sequential import CHALLENGER, CHAMPION
from executor.bundle import LoadedBundle


@dataclass(frozen=True, slots=True)
class ModelName:
    """A model by what it is called and by what it is."""

    name: str
    version: str
    bundle: str

    def to_json(self) -> dict[str, str]:
        return {"name": self.name, "version": self.version, "bundle_sha256": self.bundle}

    @classmethod
    def from_json(cls, told: Mapping[str, str] | None) -> ModelName | None:
        return cls(told["name"], told["version"], told["bundle_sha256"]) if told else None


@dataclass(frozen=True, slots=True)
class Model:
    """A verified model under its name."""

    called: ModelName
    bundle: LoadedBundle

    @property
    def name(self) -> str:
        return self.called.name

    @property
    def version(self) -> str:
        return self.called.version

    def to_json(self) -> dict[str, str]:
        """As the API tells it."""
        return {**self.called.to_json(), "policy": self.bundle.policy}


class Place(NamedTuple):
    """Where an order belongs: its bucket of 10,000, and the arm that has it."""

    bucket: int
    arm: str


@dataclass(frozen=True, slots=True)
class Deployment:
    """One generation of models in force. `share_bp` of 10,000 buckets are the challenger's: none of a shadow's, which only answers."""

    generation: int
    champion: Model
    challenger: Model | None = None
    share_bp: int = 0
    previous: Model | None = None
    operation_id: str = ""
    source: str = "handover"
    salt: str = field(init=False)

    def __post_init__(self) -> None:
        # The two models' own: growing the share moves no order back. Made once, it is asked for by every order.
        object.__setattr__(self, "salt", salt_of(self.champion.called, self.challenger.called if self.challenger else None))

    def place_of(self, order_id: str) -> Place:
        """The same for the same id in every process."""
        return placed(order_id, self.salt, self.share_bp)

    def arms(self, place: Place) -> tuple[Model, Model | None]:
        """Who decides, and who answers in the shadow."""
        if self.challenger is not None and place.arm == CHALLENGER:
            return self.challenger, self.champion
        return self.champion, self.challenger

    def to_json(self) -> dict[str, Any]:
        """What the log keeps of it."""
        return {
            "generation": self.generation,
            "champion": self.champion.called.to_json(),
            "challenger": self.challenger.called.to_json() if self.challenger else None,
            "share_bp": self.share_bp,
            "salt": self.salt,
            "previous": self.previous.called.to_json() if self.previous else None,
            "operation_id": self.operation_id,
            "source": self.source,
        }


def salt_of(champion: ModelName, challenger: ModelName | None) -> str:
    """16 hexadecimal digits that stand for this pair of models, or for one that decides alone."""
    pair = "|".join(f"{one.name}@{one.version}:{one.bundle}" for one in (champion, challenger) if one)
    return sha256(pair.encode()).hexdigest()[:16]


def placed(order_id: str, salt: str, share_bp: int) -> Place:
    """The bucket and arm of an order, from what the log tells of the deployment: whoever checks it does this."""
    bucket = bucket_of(order_id, salt)
    return Place(bucket, CHALLENGER if is_challengers(bucket, share_bp) else CHAMPION)
