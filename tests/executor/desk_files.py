"""A desk file for tests, complete enough for live."""

from __future__ import annotations

WETH, USDC, POOL, ROUTER = "0x" + "11" * 20, "0x" + "22" * 20, "0x" + "44" * 20, "0x" + "55" * 20
DESK = f"""\
mode: live
chain_id: 1
node: {{http: "http://127.0.0.1:8545"}}
tokens:
  - {{address: "{WETH}", symbol: WETH, decimals: 18}}
  - {{address: "{USDC}", symbol: USDC, decimals: 6}}
dollars: [USDC]
wrapped_native: WETH
venues:
  uniswap_v3: {{router: "{ROUTER}"}}
pools:
  - {{address: "{POOL}", venue: uniswap_v3}}
gas:
  budgets: {{"*": 0.02 ETH}}
limits:
  max_notional_per_order_usd: 2500
  max_notional_per_day_usd: 10000
  max_notional_per_symbol_usd: {{WETH/USDC: 8000, "*": 2000}}
  amounts: {{WETH: {{max_per_order: 1.5}}}}
  max_slippage_bps: 50
  max_loss_per_day_usd: 100
  max_rejects: 10
key: {{environment: GREKKO_PRIVATE_KEY}}
"""


def desk_text(mode: str = "live") -> str:
    """The desk file in a mode."""
    return DESK.replace("mode: live", f"mode: {mode}")
