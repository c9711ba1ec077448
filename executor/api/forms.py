"""What may be asked: the bodies of requests, each with an example that works on the demo."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, WithJsonSchema

from domain.negotiation import MOST_ACTIONS, TRADE_ACTIONS
from domain.shelf import NAME, SHA256, VERSION
from executor.simulation import SLIPPAGE_BPS

MOST_BPS = 1_000_000
MOST_UNITS = (1 << 255) - 1
ORDER_ID = r"^[A-Za-z0-9_.:\-]{1,64}$"
CLIENT_ID = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,34}$"
ORDER: dict[str, JsonValue] = {"sell": "WETH", "buy": "USDC", "amount_in": "1000000000000000000"}
SWAP: dict[str, JsonValue] = {**ORDER, "slippage_bps": 50, "may_wait": True, "client_order_id": "desk-7-0001"}
SENT: dict[str, JsonValue] = {
    **ORDER, "slippage_bps": 50, "min_amount_out": None, "valid_for_seconds": 120, "client_order_id": "desk-7-0002",
}  # fmt: skip
SPLIT: dict[str, JsonValue] = {**ORDER, "gas_per_leg": "0", "max_legs": 8, "max_hops": 3}


def whole_units(value: Any) -> int:
    """Base units as JSON carries them: a whole number, or decimal text for those a JavaScript number cannot hold."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= 78:
        return int(value)
    raise ValueError('give base units as a whole number or as decimal text, such as 1000000 or "1000000"')


def signed_units(value: Any) -> int:
    """The same, also below 0."""
    if isinstance(value, str) and value.startswith("-"):
        return -whole_units(value[1:])
    return whole_units(value)


def moment(value: Any) -> datetime:
    """A time as JSON carries it: ISO 8601 text with its zone."""
    try:
        told = datetime.fromisoformat(value)
        if told.tzinfo is not None:
            return told.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        pass
    raise ValueError("give a time with its zone, such as 2026-03-04T14:00:00Z")


def _described(least: int) -> WithJsonSchema:
    return WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": "^[0-9]{1,78}$"},
                {"type": "integer", "minimum": least, "maximum": MOST_UNITS},
            ]
        }
    )


Units = Annotated[int, BeforeValidator(whole_units), Field(ge=1, le=MOST_UNITS), _described(1)]
UnitsOrNone = Annotated[int, BeforeValidator(whole_units), Field(ge=0, le=MOST_UNITS), _described(0)]
SignedUnits = Annotated[
    int,
    BeforeValidator(signed_units),
    Field(ge=-MOST_UNITS, le=MOST_UNITS),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": "^-?[0-9]{1,78}$"},
                {"type": "integer", "minimum": -MOST_UNITS, "maximum": MOST_UNITS},
            ]
        }
    ),
]
Moment = Annotated[datetime, BeforeValidator(moment), WithJsonSchema({"type": "string", "format": "date-time"})]
Action = Annotated[str, Field(pattern="^[A-Z][A-Z0-9_]{0,31}$")]
Bps = Annotated[int, Field(ge=-MOST_BPS, le=MOST_BPS)]
Horizon = Annotated[str, Field(pattern="^[1-9][0-9]{0,6}$")]
Name = Annotated[str, Field(min_length=1, max_length=64)]
OrderId = Annotated[str, Field(pattern=ORDER_ID)]
ClientId = Annotated[str, Field(pattern=CLIENT_ID)]


class Form(BaseModel):
    """A request's body: no field but those named, and nothing turned into what it is not."""

    model_config = ConfigDict(extra="forbid", strict=True)


FOR_WHOM = "For which client, by its id in the file of parties: its jurisdictions' limits hold. None is the firm's own account."


class QuoteOrder(Form):
    """What to sell, for what, and how much of it."""

    model_config = ConfigDict(json_schema_extra={"examples": [ORDER]})

    sell: Name = Field(description="Symbol or address of the token sold.")
    buy: Name = Field(description="Symbol or address of the token bought.")
    amount_in: Units = Field(description="Sold, base units.")


class SplitOrder(QuoteOrder):
    """What to route, and what a route may be."""

    model_config = ConfigDict(json_schema_extra={"examples": [SPLIT]})

    gas_per_leg: UnitsOrNone | None = Field(
        None, description="What each pool costs in gas, base units of the bought token. By default what it costs now, where that is known."
    )
    max_legs: int = Field(8, ge=1, le=16, description="How many pools at most.")
    max_hops: int = Field(3, ge=1, le=4, description="How many pools in a row at most.")


class SwapOrder(QuoteOrder):
    """An order to simulate, and how far it may stray."""

    model_config = ConfigDict(json_schema_extra={"examples": [SWAP]})

    slippage_bps: int = Field(SLIPPAGE_BPS, ge=0, lt=10_000, description="How much less than simulated may come out, bps.")
    may_wait: bool = Field(True, description="Whether the model may choose to wait.")
    client_order_id: OrderId | None = Field(None, description="Your id for the order: sending it again returns the same answer.")
    client_id: ClientId | None = Field(None, description=FOR_WHOM)


class NewOrder(QuoteOrder):
    """An order to carry out, as far as the mode in force goes."""

    model_config = ConfigDict(json_schema_extra={"examples": [SENT]})

    slippage_bps: int = Field(SLIPPAGE_BPS, ge=0, lt=10_000, description="How much less than planned may come out, bps.")
    min_amount_out: Units | None = Field(None, description="Your own floor, base units of the bought token; enforced on chain.")
    valid_for_seconds: int = Field(120, ge=1, le=86_400, description="After so long it is cancelled, unless the chain took it before.")
    client_order_id: OrderId | None = Field(
        None, description="Your id for the order: sending it again never trades twice. Made up, and told, when you give none."
    )
    client_id: ClientId | None = Field(None, description=FOR_WHOM)


class AgentQuestion(Form):
    """What the agents are asked about a trade."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"base": "WETH", "quote": "USDC", "amount_in": "1000000000000000000", "actions": ["HOLD", "BUY", "SELL"]}]
        }
    )

    base: Name = Field(description="Symbol or address of the token that BUY buys.")
    quote: Name = Field(description="Symbol or address of the token it is paid with.")
    amount_in: UnitsOrNone = Field(0, description="How much is thought of, base units; what an outcome earns is in the same units.")
    actions: list[Action] = Field(
        default_factory=lambda: list(TRADE_ACTIONS),
        min_length=2,
        max_length=MOST_ACTIONS,
        description="What may be chosen, words in capitals, the safest first.",
    )


class TradeOutcome(Form):
    """What became of a trade. Give `move_bps`, or `markout_bps` for each action."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"move_bps": 12, "by_horizon": {"14400": 30}, "pnl_units": None, "markout_bps": {}, "at": None}]}
    )

    move_bps: Bps | None = Field(None, description="What the price of base in quote moved since the question, bps.")
    by_horizon: dict[Horizon, Bps] = Field(
        default_factory=dict,
        max_length=MOST_ACTIONS,
        description="Other moves, by an agent's horizon in seconds. Else `move_bps` counts once it is over.",
    )
    markout_bps: dict[Action, Bps] = Field(
        default_factory=dict, max_length=MOST_ACTIONS, description="Instead: what each action earned, bps of the amount."
    )
    pnl_units: SignedUnits | None = Field(
        None, description="What the action taken earned beyond the safest, after costs, base units; else its markout times `amount_in`."
    )
    at: Moment | None = Field(
        None, description="The time of the prices, with its zone; now by default. Older than an hour, weights stay as they are."
    )


class Reason(Form):
    """Why somebody does this; it is written down."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "prices look wrong on one venue"}]})

    reason: Annotated[str, Field(min_length=1, max_length=500, description="In a few words, for the log.")]


class ModelWish(Form):
    """Which model is wanted, and for which part of the orders."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"name": "execution", "version": 3, "share_percent": 10, "shadow": False, "bundle_sha256": None}],
        }
    )

    name: str = Field(pattern=NAME, description="What the model is called on the shelf.")
    version: Annotated[int, Field(ge=0, le=10**18)] | Annotated[str, Field(pattern=VERSION)] = Field(
        description="Its version there: a number, or text."
    )
    share_percent: float = Field(
        100, ge=0.01, le=100, description="Of 100 orders; with less than 100 the champion stays and the model is its challenger."
    )
    shadow: bool = Field(False, description="Whether it only answers beside the champion; its answers are recorded and never used.")
    bundle_sha256: Annotated[str, Field(pattern=SHA256)] | None = Field(
        None, description="The hash that its bundle must have; another one is refused."
    )


class LetGo(Reason):
    """Which stop is let go of, and why."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"code": "a41f09c2", "reason": "the venue is well again"}]})

    code: Annotated[str, Field(min_length=1, max_length=64, description="`release_code` of the stop, as GET /kill tells it.")]
