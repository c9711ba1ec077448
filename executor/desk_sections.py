"""The sections of a desk file as values, and how each is read; `executor/desk_file.py` puts them together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from domain.problems import BadInput
from executor.agents.settings import IN_PROCESS, JOURNAL, AgentSettings
from executor.guards.limits_text import market_named, token_named
from executor.orders import Mode
from executor.routing.pool_book import Token
from executor.strict_yaml import Section, Value
from executor.venue import Deployment, every_venue

WEI = {"wei": 1, "gwei": 10**9, "ETH": 10**18}
DEEPEST = 10_000


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """Where the node is asked (http) and listened to (ws, None: it is polled). The addresses may hold a secret and are not printed."""

    http: str = field(repr=False)
    ws: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class PoolSetting:
    """A pool to trade in. What is None is asked of the chain."""

    address: str
    venue: str
    token0: str | None = None
    token1: str | None = None
    fee_pips: int | None = None
    tick_spacing: int | None = None


@dataclass(frozen=True, slots=True)
class GasSettings:
    """How gas is bid for. `budgets` are wei by symbol (`WETH/USDC`, either way round), `*` for every other.

    A transaction is offered what `inclusion_probability` of being taken within `blocks` asks for; `max_cost_wei` is the most that the
    signer puts its name to, whatever the budget says.
    """

    inclusion_probability: float = 0.95
    blocks: int = 3
    budgets: Mapping[str, int] = field(default_factory=dict)
    max_cost_wei: int = WEI["ETH"] // 20

    def budget(self, symbol: str) -> int | None:
        """What a transaction of this symbol may cost, wei; None where nothing is said."""
        return self.budgets.get(symbol, self.budgets.get("*"))


@dataclass(frozen=True, slots=True)
class KeySetting:
    """Where the key is: an encrypted keystore, or (for development) a variable of the environment."""

    keystore: Path | None = None
    environment: str | None = None


@dataclass(frozen=True, slots=True)
class ComplianceSettings:
    """Where the desk's rulebook, its clients and its lists of addresses lie; a desk without them trades for nobody but its firm.

    `regulations_sha256` is the hash of the rulebook that was approved; with another one the desk does not start.
    """

    regulations: Path | None = None
    parties: Path | None = None
    lists: Path | None = None
    regulations_sha256: str | None = None


def read_compliance(top: Section, folder: Path, mode: Mode) -> ComplianceSettings | None:
    """The three paths and the pin of the rulebook, which a live desk must have; None where the file names none of them."""

    def existing(value: Value) -> Path:
        path = folder / value.text()
        if not path.exists():
            value.bad("nothing lies there; put it there, write where it is (from the desk file's folder), or leave the setting out.")
        return path

    regulations, parties, lists = (top.maybe(name, existing, None) for name in ("regulations", "parties", "lists"))
    settings = ComplianceSettings(regulations, parties, lists, top.maybe("regulations_sha256", _sha256, None))
    if settings.regulations is not None and settings.parties is None:
        top["regulations"].bad("its limits are by client; write `parties` too: the file that says who the clients are.", show=False)
    if settings.regulations is None and settings.regulations_sha256 is not None:
        top["regulations_sha256"].bad("it is the hash of a rulebook; write `regulations` too, or leave it out.", show=False)
    if mode == "live" and settings.regulations is not None and settings.regulations_sha256 is None:
        top["regulations"].bad(
            "a live desk says which rulebook was approved; write `regulations_sha256` beside it, as `grekko regulations check` prints it.",
            show=False,
        )
    return None if settings == ComplianceSettings() else settings


def _sha256(value: Value) -> str:
    told = value.text(longest=64)
    if len(told) != 64 or not all(letter in "0123456789abcdef" for letter in told):
        value.bad("write the sha256 of the rulebook as `grekko regulations check` prints it: 64 hexadecimal digits.", show=False)
    return told


def read_mode(value: Value | None) -> Mode:
    """Nothing but the word itself makes a desk live."""
    told = value.choice("simulate", "paper", "live") if value else "simulate"
    return "live" if told == "live" else "paper" if told == "paper" else "simulate"


def read_node(section: Section, environment: Mapping[str, str]) -> NodeSettings:
    http = read_secret(section["http"], environment, ("http://", "https://"))
    ws = section.maybe("ws", lambda value: read_secret(value, environment, ("ws://", "wss://")), None)
    section.done()
    return NodeSettings(http, ws)


def read_secret(value: Value, environment: Mapping[str, str], begins: tuple[str, ...] = ()) -> str:
    """Text, or the variable of the environment that holds it. What it is, is never repeated."""
    if isinstance(value.told, dict):
        section = value.section()
        name = section["environment"].text(longest=100)
        section.done()
        told = environment.get(name, "")
        if not told:
            value.bad(f"the environment has no {name}; set it.", show=False)
    else:
        told = value.text()
    if begins and not told.startswith(begins):
        value.bad(f"write an address that begins with {' or '.join(begins)}.", show=False)
    return told


def read_finality(value: Value) -> int | None:
    if value.told == "finalized":
        return None
    if not isinstance(value.told, str) or not value.told.isdecimal():
        value.bad("write `finalized`, or after how many blocks a block counts as final.")
    return value.whole(1, DEEPEST)


def read_agents(value: Value, environment: Mapping[str, str]) -> AgentSettings:
    """Who advises, and how they are asked."""
    section = value.section()
    names = tuple(one.text(longest=200) for one in section["names"].items())
    milliseconds = section.maybe("deadline_ms", lambda told: told.whole(10, 60_000), 1_000)
    quorum = section.maybe("quorum", lambda told: told.whole(1, 1_000), 1)
    weights = section.maybe("weights", lambda told: read_secret(told, environment), JOURNAL)
    transport = section.maybe("transport", lambda told: read_secret(told, environment), IN_PROCESS)
    feeds: tuple[str, ...] = section.maybe("feeds", lambda told: tuple(read_secret(one, environment) for one in told.items()), ())
    section.done()
    try:
        return AgentSettings(names, milliseconds / 1_000, quorum, weights, transport, feeds)
    except BadInput as problem:
        value.bad(problem.message, show=False)


def read_tokens(value: Value) -> Mapping[str, Token]:
    found: dict[str, Token] = {}
    for one in value.items():
        section = one.section()
        address = section["address"].address()
        symbol = section["symbol"].text(longest=32)
        if "/" in symbol or symbol == "*":
            section["symbol"].bad("write a symbol without a slash.")
        if address in found:
            one.bad("this address is there twice; keep one.", show=False)
        found[address] = Token(address, symbol, section["decimals"].whole(0, 36))
        section.done()
    return found


def read_deployments(value: Value | None, chain_id: int) -> Mapping[str, Deployment]:
    """Where the venues stand: as the file says, and else where each is known to stand on this chain."""
    found = {name: venue.deployments[chain_id] for name, venue in every_venue().items() if chain_id in venue.deployments}
    if value is None:
        return found
    told: dict[str, Deployment] = {}
    for name, one in value.section().entries():
        if name not in every_venue():
            one.bad(f"there is no such venue; there are: {', '.join(sorted(every_venue()))}.", show=False)
        section, known = one.section(), found.get(name)
        if known is None and "factory" not in section:
            one.bad("write its factory: it is not known where this venue stands on this chain.", show=False)
        place = known or Deployment(section["factory"].address())
        told[name] = Deployment(
            section.maybe("factory", Value.address, place.factory),
            section.maybe("router", Value.address, place.router),
            section.maybe("init_code_hash", _hash, place.init_code_hash),
            section.maybe("pool_deployer", Value.address, place.pool_deployer),
        )
        section.done()
    return told


def _hash(value: Value) -> str:
    told = value.text(longest=66).lower()
    if len(told) != 66 or not told.startswith("0x") or not all(letter in "0123456789abcdef" for letter in told[2:]):
        value.bad("write a hash, 0x and 64 hexadecimal digits.", show=False)
    return told


def read_pools(value: Value, venues: Mapping[str, Deployment], tokens: Mapping[str, Token]) -> tuple[tuple[PoolSetting, ...], int | None]:
    """The pools by name, or from which block on the venues' factories are asked for theirs."""
    if isinstance(value.told, dict):
        section = value.section()
        since = section["discover_from_block"].whole(0, 2**63 - 1)
        section.done()
        return (), since
    found: dict[str, PoolSetting] = {}
    for one in value.items():
        section = one.section()
        address, venue = section["address"].address(), section["venue"].text(longest=100)
        if venue not in venues:
            section["venue"].bad(f"write a venue that stands on this chain: {', '.join(sorted(venues)) or 'describe one under venues'}.")
        if address in found:
            one.bad("this pool is there twice; keep one.", show=False)
        found[address] = PoolSetting(
            address,
            venue,
            section.maybe("token0", lambda told: token_named(told, tokens).address, None),
            section.maybe("token1", lambda told: token_named(told, tokens).address, None),
            section.maybe("fee_pips", lambda told: told.whole(0, 1_000_000), None),
            section.maybe("tick_spacing", lambda told: told.whole(1, 16_384), None),
        )
        section.done()
    return tuple(found.values()), None


def read_journal(value: Value, folder: Path, environment: Mapping[str, str]) -> str:
    told = read_secret(value, environment)
    if told.startswith(("postgresql://", "postgres://")):
        return told
    if "://" in told and not told.startswith("sqlite:///"):
        value.bad("write a path, sqlite:///path or postgresql://user@host/database.", show=False)
    return str(folder / told.removeprefix("sqlite:///"))


def read_stream(value: Value, environment: Mapping[str, str]) -> str:
    told = read_secret(value, environment)
    if told != "memory" and not told.startswith("kafka://"):
        value.bad("write `memory`, or kafka://host:port/topic.", show=False)
    return told


def read_gas(section: Section, tokens: Mapping[str, Token]) -> GasSettings:
    usual = GasSettings()
    settings = GasSettings(
        section.maybe("inclusion_probability", _probability, usual.inclusion_probability),
        section.maybe("blocks", lambda value: value.whole(1, 64), usual.blocks),
        section.maybe("budgets", lambda value: _budgets(value, tokens), usual.budgets),
        section.maybe("max_cost", _wei, usual.max_cost_wei),
    )
    section.done()
    return settings


def _probability(value: Value) -> float:
    told = float(value.decimal("a probability"))
    if not 0 < told < 1:
        value.bad("write a probability between 0 and 1, such as 0.95.")
    return told


def _budgets(value: Value, tokens: Mapping[str, Token]) -> Mapping[str, int]:
    """Both ways round, so that whoever asks need not know how the file wrote it."""
    found: dict[str, int] = {}
    for name, told in value.section().entries():
        names = {name}
        if name != "*":
            one, other = market_named(name, told, tokens)
            names = {f"{one.symbol}/{other.symbol}", f"{other.symbol}/{one.symbol}"}
        if names & set(found):
            told.bad("this market is there twice, perhaps the other way round; keep one.", show=False)
        found |= dict.fromkeys(names, _wei(told))
    return found


def _wei(value: Value) -> int:
    """Wei, of a whole number or of text such as 0.015 ETH."""
    number, _, unit = value.text(longest=100).partition(" ")
    if unit not in ("", *WEI):
        value.bad("write a whole number of wei, or an amount such as 0.015 ETH or 40 gwei.")
    amount = replace(value, told=number).decimal("an amount")
    whole, _, places = amount.partition(".")
    scale = WEI[unit or "wei"]
    scaled = int(whole + places) * scale
    if scaled % 10 ** len(places):
        value.bad("this is not a whole number of wei; write fewer places.")
    return scaled // 10 ** len(places)


def read_key(value: Value, folder: Path) -> KeySetting:
    """Where the key is. Whatever stands here is never repeated: it may be the key itself."""
    told: Any = value.told
    if not isinstance(told, dict) or len(told) != 1 or not set(told) <= {"keystore", "environment"}:
        value.bad("write {keystore: path} or {environment: NAME}; a key itself has no place in a file.", show=False)
    if "keystore" in told:
        path = told["keystore"]
        if not isinstance(path.told, str) or not path.told.isprintable():
            path.bad("write the path of a keystore; `grekko desk keystore --out FILE` makes one.", show=False)
        return KeySetting(keystore=folder / path.told)
    name = told["environment"].told
    if not isinstance(name, str) or not name.isidentifier() or len(name) > 60 or name.startswith("0x"):
        told["environment"].bad("write the name of a variable, such as GREKKO_PRIVATE_KEY, never the key.", show=False)
    return KeySetting(environment=name)
