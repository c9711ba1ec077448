"""Uniswap V2: constant-product pools, thirty basis points; the shape that most forks copied."""

from executor.venue import ETHEREUM, Deployment, constant_product

VENUE = constant_product(
    "uniswap_v2",
    "Uniswap V2",
    fee_pips=3000,
    deployments={
        ETHEREUM: Deployment(
            factory="0x5c69bee701ef814a2b6a3edd4b1652cb9cc5aa6f",
            router="0x7a250d5630b4cf539739df2c5dacb4c659f2488d",
            init_code_hash="0x96e8ac4277198ff8b6f785478aa9a39f403cb768dd02cbee326c3e7da348845f",
        )
    },
)
