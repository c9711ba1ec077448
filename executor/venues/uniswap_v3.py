"""Uniswap V3: concentrated liquidity; every pool has its own fee."""

from executor.venue import ETHEREUM, Deployment, concentrated

VENUE = concentrated(
    "uniswap_v3",
    "Uniswap V3",
    deployments={
        ETHEREUM: Deployment(
            factory="0x1f98431c8ad98523631ae4a59f267346ea31f984",
            router="0xe592427a0aece92de3edee1f18e0157c05861564",
            init_code_hash="0xe34f199b19b2b4f47f68442619d555527d244f78a3297ea89325f843f87b8b54",
        )
    },
)
