"""What a wallet can ask the chain for, as values, and the calls they become."""

from __future__ import annotations

from dataclasses import dataclass

from executor.chain.local.world import World


@dataclass(frozen=True, slots=True)
class Leg:
    """One pool on a path, by its key in the plan, and the tokens by symbol."""

    pool: str
    token_in: str
    token_out: str


@dataclass(frozen=True, slots=True)
class SellExact:
    """Sell exactly so much along a path, for at least so much."""

    legs: tuple[Leg, ...]
    amount_in: int
    least_out: int


@dataclass(frozen=True, slots=True)
class BuyExact:
    """Buy exactly so much from one pool, for at most so much."""

    leg: Leg
    amount_out: int
    most_in: int


@dataclass(frozen=True, slots=True)
class SellToPrice:
    """Sell until a pool reaches a price, at most so much of it."""

    leg: Leg
    most_in: int
    sqrt_price_limit_x96: int
    least_out: int


@dataclass(frozen=True, slots=True)
class AddRange:
    """Put liquidity between two ticks."""

    pool: str
    tick_lower: int
    tick_upper: int
    liquidity: int


@dataclass(frozen=True, slots=True)
class RemoveRange:
    """Take liquidity from between two ticks and collect its fees; zero liquidity collects only."""

    pool: str
    tick_lower: int
    tick_upper: int
    liquidity: int


@dataclass(frozen=True, slots=True)
class AddToPair:
    """Put both tokens into a constant-product pool."""

    pool: str
    amount0: int
    amount1: int


@dataclass(frozen=True, slots=True)
class RemoveFromPair:
    """Take shares out of a constant-product pool."""

    pool: str
    shares: int


@dataclass(frozen=True, slots=True)
class CreatePool:
    """Ask a venue for a new pool."""

    pool: str


@dataclass(frozen=True, slots=True)
class StartPool:
    """Give a new concentrated pool its first price."""

    pool: str
    sqrt_price_x96: int


@dataclass(frozen=True, slots=True)
class SetProtocolFee:
    """Governance: one in `share` of a Uniswap pool's fee goes to the protocol from now on."""

    pool: str
    share: int


Trade = SellExact | BuyExact | SellToPrice
Provision = AddRange | RemoveRange | AddToPair | RemoveFromPair
Action = Trade | Provision | CreatePool | StartPool | SetProtocolFee

GAS_LIMITS: dict[type, int] = {
    SellExact: 450_000,
    BuyExact: 400_000,
    SellToPrice: 600_000,
    AddRange: 700_000,
    RemoveRange: 600_000,
    AddToPair: 350_000,
    RemoveFromPair: 350_000,
    CreatePool: 6_500_000,
    StartPool: 200_000,
    SetProtocolFee: 100_000,
}


@dataclass(frozen=True, slots=True)
class Request:
    """A transaction as its sender wants it: who (account number), what, and the tip per gas in wei."""

    wallet: int
    action: Action
    priority_fee: int
    deadline: int

    @property
    def gas_limit(self) -> int:
        """What the sender allows it to burn; each leg of a path adds its share."""
        legs = len(self.action.legs) if isinstance(self.action, SellExact) else 1
        return GAS_LIMITS[type(self.action)] + (legs - 1) * 250_000


def call_of(world: World, request: Request) -> tuple[str, bytes]:
    """Where to send what on the chain."""
    sender = world.node.accounts[request.wallet]
    router, vault = world.contracts["AtomicRouter"], world.contracts["LiquidityVault"]
    at_router = world.addresses["AtomicRouter"]
    action = request.action
    match action:
        case SellExact():
            legs = [_leg(world, leg) for leg in action.legs]
            return at_router, router.call_data("swapExactIn", legs, action.amount_in, action.least_out, sender, request.deadline)
        case BuyExact():
            arguments = (_leg(world, action.leg), action.amount_out, action.most_in, sender, request.deadline)
            return at_router, router.call_data("swapExactOut", *arguments)
        case SellToPrice():
            bounds = (action.most_in, action.sqrt_price_limit_x96, action.least_out)
            return at_router, router.call_data("swapToPrice", _leg(world, action.leg), *bounds, sender, request.deadline)
        case AddRange():
            arguments = (world.pools[action.pool].address, action.tick_lower, action.tick_upper, action.liquidity)
            return world.vaults[sender], vault.call_data("mint", *arguments)
        case RemoveRange():
            arguments = (world.pools[action.pool].address, action.tick_lower, action.tick_upper, action.liquidity)
            return world.vaults[sender], vault.call_data("burn", *arguments)
        case AddToPair():
            return world.vaults[sender], vault.call_data("addToPair", world.pools[action.pool].address, action.amount0, action.amount1)
        case RemoveFromPair():
            return world.vaults[sender], vault.call_data("removeFromPair", world.pools[action.pool].address, action.shares)
        case CreatePool():
            return world.creation_call(world.pools[action.pool])
        case StartPool():
            contract = world.contracts["UniswapV3Pool"]
            return world.pools[action.pool].address, contract.call_data("initialize", action.sqrt_price_x96)
        case SetProtocolFee():
            contract = world.contracts["UniswapV3Pool"]
            return world.pools[action.pool].address, contract.call_data("setFeeProtocol", action.share, action.share)


def _leg(world: World, leg: Leg) -> tuple[bool, str, str, str, int]:
    pool = world.pools[leg.pool]
    return pool.is_concentrated, pool.address, world.tokens[leg.token_in].address, world.tokens[leg.token_out].address, pool.fee_pips
