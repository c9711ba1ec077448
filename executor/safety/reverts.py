"""Why a call reverted, in plain words, with what to do about it: the venues' terse codes, our routers' errors, and the compiler's own.

A contract that reverts leaves bytes: a string, a panic code, a custom error, or nothing at all. What is not known here is shown as it
came, never hidden.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

WORD = 32
ERROR_STRING, PANIC = bytes.fromhex("08c379a0"), bytes.fromhex("4e487b71")
Value = int | str


@dataclass(frozen=True, slots=True)
class Reverted:
    """A revert: `name` is the contract's own word for it, `sentence` says what happened and what to do, `values` came with it."""

    name: str
    sentence: str
    values: Mapping[str, Value] = field(default_factory=dict)


MOVED = "The price moved against the order since it was planned; plan it again, or allow more slippage."
CANNOT_TAKE = "The router cannot take the sold token: fund the account with it, or approve the router for it."
CANNOT_GIVE = "The bought token could not be paid out; some tokens refuse transfers, so check the token or restrict it."
TOO_LATE = "The deadline has passed; submit the order again."
TOO_THIN = "The pool does not hold enough for this trade; sell less, or plan again over more pools."
PLAN_AGAIN = "Plan the order again."
OUR_PLAN = "The plan does not hang together; this is a fault of ours, so keep the order's journal entries and report it."
BAD_POOL = "A pool does not behave as pools of its venue do; restrict it."
KEEPS_A_PART = "A token of the route arrives short: it keeps a part of each transfer; do not trade it through these pools."
EMPTY_POOL = "The pool has no price or no liquidity; plan again without it."

# What contracts of the venues and of common tokens say, as they say it.
KNOWN_STRINGS: Mapping[str, str] = {
    # Uniswap V3 and PancakeSwap V3 pools and periphery
    "STF": CANNOT_TAKE,
    "TF": CANNOT_GIVE,
    "ST": CANNOT_GIVE,
    "SA": CANNOT_TAKE,
    "SPL": "The price limit of the swap is on the wrong side of the pool's price. " + PLAN_AGAIN,
    "AS": "A swap of nothing was asked of the pool. " + PLAN_AGAIN,
    "IIA": "The pool was not paid the whole amount: " + KEEPS_A_PART,
    "LOK": "The pool is locked: it is being swapped with already, or has no price yet; plan again without it.",
    "LS": TOO_THIN,
    "LA": TOO_THIN,
    "TLU": OUR_PLAN,
    "Too little received": MOVED,
    "Too much requested": MOVED,
    "Transaction too old": TOO_LATE,
    # Uniswap V2, SushiSwap and PancakeSwap pairs and routers
    "K": "The pair was not paid enough for what it gave: " + KEEPS_A_PART,
    "INSUFFICIENT_INPUT_AMOUNT": "Nothing arrived in the pair; sell more, or check that the token can be transferred.",
    "INSUFFICIENT_OUTPUT_AMOUNT": MOVED,
    "EXCESSIVE_INPUT_AMOUNT": MOVED,
    "INSUFFICIENT_LIQUIDITY": TOO_THIN,
    "INSUFFICIENT_AMOUNT": "A swap of nothing was asked of the pair. " + PLAN_AGAIN,
    "INVALID_PATH": OUR_PLAN,
    "INVALID_TO": "The pair does not pay to that recipient; give the account's own address.",
    "IDENTICAL_ADDRESSES": OUR_PLAN,
    "ZERO_ADDRESS": OUR_PLAN,
    "EXPIRED": TOO_LATE,
    "LOCKED": "The pair is being swapped with already; plan again without it.",
    "OVERFLOW": "The pair's reserves would pass 112 bits; sell less.",
    "TRANSFER_FAILED": CANNOT_GIVE,
    "TRANSFER_FROM_FAILED": CANNOT_TAKE,
    "ds-math-sub-underflow": "More was asked than is there, of the pair, the balance or the allowance; fund, approve, or sell less.",
    "ds-math-add-overflow": "The amount is too large for the pair; sell less.",
    "ds-math-mul-overflow": "The amount is too large for the pair; sell less.",
    # tokens
    "transfer amount exceeds balance": "The account holds too little of the sold token; fund it.",
    "transfer amount exceeds allowance": "The router may not take that much of the sold token; approve it.",
    "insufficient allowance": "The router may not take that much of the sold token; approve it.",
    "low-level call failed": CANNOT_TAKE,
    "SafeERC20: low-level call failed": CANNOT_TAKE,
    "ERC20 operation did not succeed": CANNOT_TAKE,
    "Pausable: paused": "The token is paused by whoever runs it; wait, or restrict it.",
    "Blacklistable: account is blacklisted": "The token's issuer has blocked the account; the order cannot be done from it.",
    "Dai/insufficient-balance": "The account holds too little of the sold token; fund it.",
    "Dai/insufficient-allowance": "The router may not take that much of the sold token; approve it.",
}

# Errors with values: our routers (their sources are in contracts/), and the standard of tokens (ERC-6093).
KNOWN_ERRORS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "Expired(uint256,uint256)": (("deadline", "timestamp"), TOO_LATE),
    "Reentered()": ((), "A token or pool of the route called the router again from within; restrict it."),
    "EmptyPath()": ((), OUR_PLAN),
    "NoLegs()": ((), OUR_PLAN),
    "SameToken(address)": (("token",), OUR_PLAN),
    "BadRecipient(address)": (("recipient",), "The router does not pay to that recipient; give the account's own address."),
    "BadLeg(uint256)": (("index",), OUR_PLAN),
    "NothingToSell(uint256)": (("index",), "A leg of the plan has nothing left to sell; plan again with fewer legs, or sell more."),
    "AmountTooLarge(uint256)": (("amount",), "The amount passes what the router can split; sell less."),
    "UnexpectedCallback(address)": (("caller",), BAD_POOL),
    "PaidTooMuch(uint256,uint256)": (("asked", "agreed"), BAD_POOL),
    "PartialFill(uint256,uint256)": (("taken", "offered"), TOO_THIN),
    "PartialFill(address,uint256,uint256)": (("pool", "taken", "offered"), TOO_THIN),
    "NotConcentrated(address)": (("pool",), OUR_PLAN),
    "TransferFailed(address)": (("token",), CANNOT_TAKE),
    "ShortReceived(address,uint256,uint256)": (("token", "sent", "received"), KEEPS_A_PART),
    "TooLittleReceived(uint256,uint256)": (("received", "least"), MOVED),
    "Leftover(address,uint256)": (("token", "amount"), OUR_PLAN),
    "InsufficientBalance(address,uint256,uint256)": (
        ("owner", "balance", "needed"),
        "The account holds too little of the sold token; fund it.",
    ),
    "InsufficientAllowance(address,address,uint256,uint256)": (
        ("owner", "spender", "allowed", "needed"),
        "The router may not take that much of the sold token; approve it.",
    ),
    "ERC20InsufficientBalance(address,uint256,uint256)": (
        ("owner", "balance", "needed"),
        "The account holds too little of the sold token; fund it.",
    ),
    "ERC20InsufficientAllowance(address,uint256,uint256)": (
        ("spender", "allowed", "needed"),
        "The router may not take that much of the sold token; approve it.",
    ),
    "ERC20InvalidSender(address)": (("sender",), CANNOT_TAKE),
    "ERC20InvalidReceiver(address)": (("receiver",), CANNOT_GIVE),
    "ERC20InvalidSpender(address)": (("spender",), OUR_PLAN),
    "SafeERC20FailedOperation(address)": (("token",), CANNOT_TAKE),
    "EnforcedPause()": ((), "The token is paused by whoever runs it; wait, or restrict it."),
}

# The compiler's own, https://docs.soliditylang.org: "Panic via assert and error via require".
PANICS: Mapping[int, str] = {
    0x01: "an assertion does not hold",
    0x11: "a sum or difference does not fit its type",
    0x12: "a division by zero",
    0x21: "a number that is no member of its enum",
    0x22: "a storage array that is wrongly encoded",
    0x31: "taking from an empty array",
    0x32: "an index beyond the end of an array",
    0x41: "more memory than there is",
    0x51: "a function that was never set",
}
# Old contracts say who speaks before what they say.
SPEAKERS = (
    "UniswapV2: ",
    "UniswapV2Library: ",
    "UniswapV2Router: ",
    "UniswapV2Router02: ",
    "PancakeLibrary: ",
    "PancakeRouter: ",
    "Pancake: ",
)
SPEAKERS += (
    "TransferHelper: ",
    "TransferHelper::transferFrom: ",
    "TransferHelper::safeTransferFrom: ",
    "ERC20: ",
    "BEP20: ",
    "SafeERC20: ",
)


def explain(data: str | bytes | None, said: str = "") -> Reverted:
    """The revert that left this data (0x text or bytes); `said` is the node's own message, shown where the data says nothing."""
    try:
        raw = bytes.fromhex(data.removeprefix("0x")) if isinstance(data, str) else bytes(data or b"")
    except ValueError:
        raw = b""
    if not raw:
        return _silent(said)
    if raw[:4] == ERROR_STRING and len(raw) >= 4 + 2 * WORD:
        return _of_text(_text(raw[4:]))
    if raw[:4] == PANIC and len(raw) == 4 + WORD:
        code = int.from_bytes(raw[4:], "big")
        what = PANICS.get(code, "a reason the compiler has no name for")
        return Reverted(
            f"Panic({code:#04x})", f"A contract stopped at {what}; plan again, and restrict the pool when it stays.", {"code": code}
        )
    known = _by_selector().get(raw[:4])
    if known is not None and len(raw) == 4 + WORD * len(known[1]):
        name, types, names, sentence = known
        values = {
            one: _value(kind, raw[4 + WORD * at : 4 + WORD * (at + 1)]) for at, (one, kind) in enumerate(zip(names, types, strict=True))
        }
        told = f" ({', '.join(f'{one} {value}' for one, value in values.items())})" if values else ""
        return Reverted(name, f"{sentence.removesuffix('.')}{told}.", values)
    return Reverted(
        "0x" + raw[:4].hex(), f"A contract refused for a reason we have no words for (revert data 0x{raw[:68].hex()}); look it up."
    )


def _silent(said: str) -> Reverted:
    """No data: what usually lies behind it, unless the node said more."""
    words = said.lower()
    if "insufficient funds" in words or "insufficient balance" in words:
        return Reverted("insufficient funds", "The account cannot pay for the gas; send it the chain's own coin.")
    if "out of gas" in words or "outofgas" in words.replace(" ", ""):
        return Reverted("out of gas", "The call ran out of gas; plan the order over fewer legs.")
    return Reverted(
        "0x",
        "A contract reverted without a word. Usually no pool or token is where the plan expects one, a pool was asked for more than it "
        "holds, or an old token has refused; plan the order again, and restrict the pool when it stays.",
    )


def _of_text(text: str) -> Reverted:
    bare = next((text.removeprefix(one) for one in SPEAKERS if text.startswith(one)), text)
    # A speaker we do not know may still say something we know.
    known = KNOWN_STRINGS.get(text) or KNOWN_STRINGS.get(bare) or KNOWN_STRINGS.get(text.rpartition(": ")[2])
    return Reverted(text, known or f"A contract said {text!r:.200}; plan the order again, and restrict the pool or token when it stays.")


def _text(body: bytes) -> str:
    start = int.from_bytes(body[:WORD], "big")
    length = int.from_bytes(body[start : start + WORD], "big") if start < len(body) else 0
    return body[start + WORD : start + WORD + min(length, 1000)].decode("utf-8", "replace")


def _value(kind: str, word: bytes) -> Value:
    return "0x" + word[12:].hex() if kind == "address" else int.from_bytes(word, "big")


@cache
def _by_selector() -> Mapping[bytes, tuple[str, tuple[str, ...], tuple[str, ...], str]]:
    from eth_utils.crypto import keccak

    found = {}
    for signature, (names, sentence) in KNOWN_ERRORS.items():
        name, _, inside = signature.removesuffix(")").partition("(")
        types = tuple(inside.split(",")) if inside else ()
        found[keccak(text=signature)[:4]] = (name, types, names, sentence)
    return found
