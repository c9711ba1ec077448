"""What is answered: the shape of every document. Amounts are decimal text in base units; signed bytes are in none of them."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from executor.activation import Stage
from executor.orders import State

UNITS = "Base units, decimal text."


class Document(BaseModel):
    """A part of an answer."""

    model_config = ConfigDict(extra="forbid")


class Token(Document):
    """A token by address, with the name it gives itself where that is known."""

    token: str
    symbol: str | None = None


class PlannedLeg(Document):
    """One pool of a plan, in running order. `share_x64` of 2^64 is the part of what is held of `sell` then."""

    pool_id: int
    pool: str
    venue: str
    concentrated: bool
    fee_pips: int
    sell: str
    buy: str
    share_x64: str
    amount_in: str
    amount_out: str


class Plan(Document):
    """How the order is executed, and how far that is from the best possible, at most."""

    legs: list[PlannedLeg]
    amount_in: str
    amount_out: str
    min_amount_out: str = Field(description="Enforced on chain.")
    certificate_bps: float
    block_number: int
    block_hash: str
    to: str
    spender: str
    call_data: str
    deadline: int


class FeeOffer(Document):
    """What is offered for gas, wei per gas."""

    max_fee_per_gas: str
    max_priority_fee_per_gas: str
    base_fee: str
    inclusion_probability: float
    blocks: int


class Rehearsal(Document):
    """What the safety simulation saw on the newest block."""

    amount_in: str
    amount_out: str
    gas_used: int
    gas_limit: int
    fees: FeeOffer | None
    max_cost_wei: str
    block_number: int
    block_hash: str


class Attempt(Document):
    """A transaction that was signed for the order; the signed bytes are not told."""

    purpose: str
    nonce: int
    tx_hash: str
    gas_limit: int
    max_fee_per_gas: str
    max_priority_fee_per_gas: str
    signed_at: str
    was_broadcast: bool


class Sighting(Document):
    """The block that has it at the moment."""

    tx_hash: str
    block_number: int
    block_hash: str
    status: int | None


class End(Document):
    """How it ended on the chain."""

    tx_hash: str | None
    block_number: int | None
    block_hash: str | None
    status: int | None
    amount_in: str | None
    amount_out: str | None
    gas_used: int | None
    effective_gas_price: str | None
    reason: str | None


class OrderDocument(Document):
    """An order as far as it has come."""

    client_order_id: str
    state: State
    is_terminal: bool = Field(description="Whether nothing more will happen to it.")
    mode: str
    account: str | None
    accepted_at: str
    deadline: str
    sell: Token
    buy: Token
    amount_in: str = Field(description=UNITS)
    slippage_bps: int
    min_amount_out: str | None = Field(description="The floor that was asked for. " + UNITS)
    valid_for_seconds: int
    client_id: str | None = Field(description="For which client; null is the firm's own account.")
    cancel_asked: bool
    routed: Plan | None
    rehearsed: Rehearsal | None
    attempts: list[Attempt]
    seen: Sighting | None
    outcome: End | None
    refusal: dict[str, Any] | None = Field(description="The rule that said no, the sentence, and its facts.")


class LifeEntry(Document):
    """One line of the journal about an order."""

    seq: int
    at: str
    kind: str
    facts: dict[str, Any]
    hash: str = Field(description="Covers this entry and all before it.")


class OrderLife(Document):
    """An order and everything that happened to it, in order."""

    order: OrderDocument
    life: list[LifeEntry]


class OrderList(Document):
    """Orders, the newest first; `next` is what to give as `after` for the ones before, null at the end."""

    orders: list[OrderDocument]
    next: str | None


class RefusedOrder(BaseModel):
    """Why the order was refused, and the order itself when there is one: a refusal is written down too."""

    model_config = ConfigDict(extra="allow")

    error: str
    message: str
    rule: str | None = Field(None, description="Which rule said no.")
    field: str | None = None
    order: OrderDocument | None = Field(None, description="The order in the state refused; absent when the request made no order.")


class RouteDocument(Document):
    """The best split that was found, and the proof of how good it is."""

    chain_id: int
    as_of: str
    block_number: int | None
    block_hash: str | None
    sell: Token
    buy: Token
    amount_in: str
    amount_out: str
    gas_per_leg: str
    upper_bound: str | None = Field(description="No route gives more, gas included. " + UNITS)
    certificate_bps: float = Field(description="How far this is from the upper bound, at most.")
    legs: list[PlannedLeg]


class VenueDocument(Document):
    """A venue: what it is, how many pools are mirrored, and whether it is traded on."""

    venue: str
    title: str
    shape: str
    pools: int
    suspended: bool
    reason: str | None = Field(description="Why it is suspended.")


class Mirror(Document):
    """How far the mirror of the chain is behind; null where there is no chain."""

    block_number: int | None
    block_hash: str | None
    lag_blocks: int | None
    lag_seconds: float | None


class VenueList(Document):
    """Every venue, and the state of the mirror."""

    chain_id: int
    mirror: Mirror
    venues: list[VenueDocument]


class Readiness(Document):
    """Whether orders are taken, and every reason why not."""

    status: str
    mode: str
    reasons: list[str]


class KillState(Document):
    """Whether everything is stopped, since when, and why."""

    tripped: bool
    rule: str | None = Field(description="What tripped it: `person`, `file`, or the rule that did.")
    reason: str | None
    since: str | None
    facts: dict[str, Any] = Field(description="The numbers behind an automatic stop.")
    release_code: str | None = Field(description="What must be said to let go of this very stop.")


class LimitsDocument(Document):
    """The limits in force after the reload; a file that does not pass changes nothing and is refused with its field."""

    changed: list[str]
    waiting: list[str] = Field(description="Limits that the file would loosen, once it is signed.")
    why: str | None = Field(description="Why they wait.")
    limits: dict[str, Any]


class ModelDocument(Document):
    """A model by what it is called and by what it is."""

    name: str
    version: str
    bundle_sha256: str
    policy: str


class Draining(Document):
    """Decisions of models that are no longer in force, on their way."""

    generation: int
    in_flight: int


class ModelsDocument(Document):
    """The models in force."""

    generation: int = Field(description="Every change is one more; give it as If-Match to activate only if nothing came between.")
    handover_generation: int
    champion: ModelDocument
    challenger: ModelDocument | None
    previous: ModelDocument | None = Field(description="Resident: what a rollback brings back when there is no challenger.")
    share_percent: float = Field(description="Of 100 orders, those that the challenger decides.")
    shadow: bool
    salt: str = Field(description="An order's bucket is keyed BLAKE2b of its id with this key, modulo 10,000.")
    source: str = Field(description="Who brought it: person, handover, guardrail or fallback.")
    operation_id: str
    in_flight: int
    draining: list[Draining]
    guardrails: dict[str, float] = Field(description="Evidence against the model by measure, 1 says nothing.")
    durable: bool = Field(description="Whether decisions and activations outlive the process.")
    notes: list[str] = Field(description="What a person should know, such as a model that vanished.")


class ReportLink(Document):
    """One of several reports: where it is."""

    report_id: str
    dates: list[str] = Field(description="The newest periods that were written.")
    link: str


class ReportChoice(Document):
    """The reports that a name means."""

    name: str
    reports: list[ReportLink]


class OperationDocument(Document):
    """An activation as far as it has come."""

    operation_id: str
    state: Stage
    name: str
    version: str
    bundle_sha256: str | None
    share_percent: float
    shadow: bool
    source: str
    generation: int | None = Field(description="The generation it became, once it is in force.")
    reason: str | None = Field(description="Why it failed or was rolled back.")
    check: str | None = Field(description="Which check failed.")
    seconds: dict[str, float] = Field(description="How long each stage took; `pause` is when no decision could be begun.")
