"""A world of exchanges on a local chain: tokens of ours, and the venues' production factories with their pools.

Deploying takes one to two seconds. The same calls in the same order give the same addresses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from domain.problems import BadInput, Broken
from executor.chain.local.anvil import GWEI, ROOT, Anvil
from executor.chain.local.contracts import (
    PANCAKE_POOL_INIT_CODE_HASH,
    UNISWAP_POOL_INIT_CODE_HASH,
    Contract,
    check_production,
    create2_address,
    own,
    packaged,
    sushi,
)
from executor.venue import Deployment

MAX_UINT256 = 2**256 - 1
SETUP_BASE_FEE = 20 * GWEI
# Uniswap's factory knows 500, 3000 and 10000; governance added 100 later, and so do we.
TICK_SPACINGS = {"uniswap_v3": {100: 1, 500: 10, 3000: 60, 10000: 200}, "pancakeswap_v3": {100: 1, 500: 10, 2500: 50, 10000: 200}}
SUSHI_FEE_PIPS = 3000
PoolVenue = Literal["uniswap_v3", "sushiswap", "pancakeswap_v3"]


@dataclass(frozen=True, slots=True)
class Token:
    """A token of the world."""

    address: str
    symbol: str
    name: str
    decimals: int

    @property
    def unit(self) -> int:
        """Base units in one token."""
        return int(10**self.decimals)


@dataclass(frozen=True, slots=True)
class Pool:
    """Where a pool is and what it joins; `tick_spacing` is None for a pair of the Uniswap V2 family."""

    address: str
    venue: str
    token0: Token
    token1: Token
    fee_pips: int
    tick_spacing: int | None

    @property
    def is_concentrated(self) -> bool:
        """Whether its liquidity lies in ranges of ticks."""
        return self.tick_spacing is not None

    @property
    def protocol(self) -> str:
        """The shape of its mathematics."""
        return "concentrated" if self.is_concentrated else "constant_product"

    def other(self, token: Token) -> Token:
        """The token on the other side; raises BadInput for a token it does not hold."""
        if token not in (self.token0, self.token1):
            raise BadInput(f"{token.symbol} is not in the pool {self.token0.symbol}/{self.token1.symbol}.", token=token.address)
        return self.token1 if token == self.token0 else self.token0


@dataclass
class World:
    """Tokens, venues and helpers deployed on one node. Build it with `World.deploy`."""

    node: Anvil
    deployer: str
    timestamp: int
    node_modules: Path
    contracts: dict[str, Contract] = field(default_factory=dict)
    addresses: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    pools: dict[str, Pool] = field(default_factory=dict)
    vaults: dict[str, str] = field(default_factory=dict)
    block_seconds: int = 12
    deployments: dict[str, Deployment] = field(default_factory=dict)

    @classmethod
    def deploy(cls, node: Anvil, *, timestamp: int, node_modules: Path = ROOT / "node_modules") -> World:
        """Put the three venues' factories, the router and the probe on an empty chain. `timestamp` is that of the genesis block.

        Raises Broken when a package's pool bytecode is not the one production uses.
        """
        world = cls(node, node.accounts[0], timestamp, node_modules)
        for name in ("UniswapV3Factory", "UniswapV3Pool", "PancakeV3Factory", "PancakeV3Pool"):
            world.contracts[name] = packaged(name, node_modules)
        check_production(world.contracts["UniswapV3Pool"], UNISWAP_POOL_INIT_CODE_HASH)
        check_production(world.contracts["PancakeV3Pool"], PANCAKE_POOL_INIT_CODE_HASH)
        world.contracts["SushiFactory"], world.contracts["SushiPair"] = sushi(node_modules)
        for name in ("AtomicRouter", "LiquidityVault", "MiniPancakePoolDeployer", "MintableERC20", "PoolProbe"):
            world.contracts[name] = own(name)
        world._deploy_venues()
        return world

    def _deploy_venues(self) -> None:
        self.create("UniswapV3Factory")
        self.run("UniswapV3Factory", "enableFeeAmount", 100, 1)
        self.create("SushiFactory", self.deployer)
        code = b"\x00" + self.contracts["PancakeV3Pool"].creation_code
        # PUSH3 size, DUP1, PUSH1 13, PUSH1 0, CODECOPY, PUSH1 0, RETURN: keeps everything after itself as the contract's code
        loader = bytes.fromhex(f"62{len(code):06x}80600d6000396000f3")
        self.addresses["PancakePoolCode"] = self._created(self.send(self.deployer, None, loader + code))
        self.create("MiniPancakePoolDeployer", self.addresses["PancakePoolCode"])
        self.create("PancakeV3Factory", self.addresses["MiniPancakePoolDeployer"])
        self.run("MiniPancakePoolDeployer", "setFactoryAddress", self.addresses["PancakeV3Factory"])
        self.create("AtomicRouter")
        self.create("PoolProbe")

    def deploy_venue_routers(self) -> dict[str, Deployment]:
        """Each venue's own router beside its factory, Uniswap V2's factory too, and our SplitRouter; where each venue stands, by name.

        Only who asks for them gets them, once: what `deploy` puts where does not change.
        """
        from executor.chain.local.routers import deploy_routers

        if not self.deployments:
            self.deployments = deploy_routers(self)
        return self.deployments

    def create(self, name: str, *arguments: Any) -> str:
        """Deploy a contract from the deployer's account; returns its address, which it also remembers under `name`."""
        self.addresses[name] = self._created(self.send(self.deployer, None, self.contracts[name].creation(*arguments)))
        return self.addresses[name]

    def run(self, name: str, function: str, *arguments: Any, sender: str | None = None, at: str | None = None) -> dict[str, Any]:
        """Call a function of a contract in a transaction of its own, mine it, and return its receipt. `at` overrides the address."""
        return self.send(sender or self.deployer, at or self.addresses[name], self.contracts[name].call_data(function, *arguments))

    def read(self, name: str, function: str, *arguments: Any, at: str | None = None) -> Any:
        """What a read-only call answers: its first value."""
        contract = self.contracts[name]
        return contract.decode(function, self.node.call(at or self.addresses[name], contract.call_data(function, *arguments)))[0]

    def send(self, sender: str, to: str | None, data: bytes) -> dict[str, Any]:
        """Send and mine one transaction during setup; returns its receipt. Raises Broken when it reverts."""
        return self.send_all([(sender, to, data)])[0]

    def send_all(self, calls: Sequence[tuple[str, str | None, bytes]], *, per_block: int = 4) -> list[dict[str, Any]]:
        """Send and mine many transactions during setup, some to a block; returns their receipts in order."""
        receipts = []
        for start in range(0, len(calls), per_block):
            batch = calls[start : start + per_block]
            hashes = [self.node.send(sender, to, data, gas_limit=30_000_000 // per_block) for sender, to, data in batch]
            self.timestamp += self.block_seconds
            self.node.mine(timestamp=self.timestamp, base_fee=SETUP_BASE_FEE)
            receipts += [self.node.receipt(transaction) for transaction in hashes]
        for receipt in receipts:
            if int(receipt["status"], 16) != 1:
                raise Broken("A transaction that sets up the local chain reverted.", transaction_hash=receipt["transactionHash"])
        return receipts

    @staticmethod
    def _created(receipt: dict[str, Any]) -> str:
        return receipt["contractAddress"].lower()

    def add_token(self, symbol: str, name: str, decimals: int) -> Token:
        """Deploy a token that anybody may mint."""
        address = self._created(self.send(self.deployer, None, self.contracts["MintableERC20"].creation(name, symbol, decimals)))
        self.tokens[symbol] = Token(address, symbol, name, decimals)
        return self.tokens[symbol]

    def pool_address(self, venue: str, token_a: Token, token_b: Token, fee_pips: int) -> str:
        """Where the venue will put that pool: the CREATE2 rule, before anything is deployed."""
        from eth_abi.abi import encode
        from eth_utils.crypto import keccak

        first, second = sorted((token_a.address, token_b.address))
        if venue == "sushiswap":
            salt = keccak(bytes.fromhex(first[2:]) + bytes.fromhex(second[2:]))
            init_code_hash = "0x" + keccak(self.contracts["SushiPair"].creation_code).hex()
            return create2_address(self.addresses["SushiFactory"], salt, init_code_hash)
        salt = keccak(encode(["address", "address", "uint24"], [first, second, fee_pips]))
        if venue == "uniswap_v3":
            return create2_address(self.addresses["UniswapV3Factory"], salt, UNISWAP_POOL_INIT_CODE_HASH)
        return create2_address(self.addresses["MiniPancakePoolDeployer"], salt, PANCAKE_POOL_INIT_CODE_HASH)

    def plan_pool(self, venue: PoolVenue, token_a: Token, token_b: Token, fee_pips: int) -> Pool:
        """The pool as it will be once created."""
        token0, token1 = (token_a, token_b) if token_a.address < token_b.address else (token_b, token_a)
        spacing = None if venue == "sushiswap" else TICK_SPACINGS[venue][fee_pips]
        return Pool(self.pool_address(venue, token_a, token_b, fee_pips), venue, token0, token1, fee_pips, spacing)

    def creation_call(self, pool: Pool) -> tuple[str, bytes]:
        """Where to send what, so that the venue creates this pool."""
        if pool.venue == "sushiswap":
            factory, arguments = "SushiFactory", (pool.token0.address, pool.token1.address)
            return self.addresses[factory], self.contracts[factory].call_data("createPair", *arguments)
        factory = "UniswapV3Factory" if pool.venue == "uniswap_v3" else "PancakeV3Factory"
        return self.addresses[factory], self.contracts[factory].call_data(
            "createPool", pool.token0.address, pool.token1.address, pool.fee_pips
        )

    def create_pool(self, key: str, venue: PoolVenue, token_a: Token, token_b: Token, fee_pips: int, sqrt_price_x96: int | None) -> Pool:
        """Have the venue create a pool and, when it is a concentrated one, start it at a price. Raises Broken when it lands elsewhere."""
        pool = self.plan_pool(venue, token_a, token_b, fee_pips)
        self.send(self.deployer, *self.creation_call(pool))
        if len(self.node.rpc("eth_getCode", pool.address, "latest")) <= 2:
            raise Broken(f"{venue} did not put the pool where CREATE2 says.", expected=pool.address)
        if sqrt_price_x96 is not None:
            self.run("UniswapV3Pool", "initialize", sqrt_price_x96, at=pool.address)
        self.pools[key] = pool
        return pool

    def open_vault(self, owner: str) -> str:
        """A vault for the liquidity positions of `owner`, deployed by that account."""
        self.vaults[owner] = self._created(self.send(owner, None, self.contracts["LiquidityVault"].creation()))
        return self.vaults[owner]

    def fund(self, wallets: Sequence[str], spenders: Sequence[str], amounts: dict[str, int]) -> None:
        """Mint `amounts` (base units by symbol) to each wallet and let the spenders take them."""
        erc20 = self.contracts["MintableERC20"]
        calls: list[tuple[str, str | None, bytes]] = []
        for wallet in wallets:
            for symbol, amount in amounts.items():
                token = self.tokens[symbol].address
                calls.append((self.deployer, token, erc20.call_data("mint", wallet, amount)))
                calls += [(wallet, token, erc20.call_data("approve", spender, MAX_UINT256)) for spender in spenders]
        self.send_all(calls, per_block=64)

    def pool_states(self, pools: Sequence[Pool]) -> list[tuple[int, int, int, int, int]]:
        """(sqrt price, tick, liquidity, reserve0, reserve1) of each pool at the newest block; what a pool lacks is 0."""
        return list(self.read("PoolProbe", "states", [pool.address for pool in pools]))

    def quote(self, pool: Pool, zero_for_one: bool, amount: int, limit: int = 0) -> tuple[int, int, int, int]:
        """(amount0, amount1, sqrt price, tick) after a swap as the pool's own bytecode answers it; nothing moves."""
        probe = self.contracts["PoolProbe"]
        data = probe.call_data("quote", pool.address, zero_for_one, amount, limit)
        return probe.decode("quote", self.node.call(self.addresses["PoolProbe"], data))  # pyright: ignore[reportReturnType]
