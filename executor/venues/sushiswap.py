"""SushiSwap: constant-product pools, thirty basis points."""

from executor.venue import ETHEREUM, Deployment, constant_product

VENUE = constant_product(
    "sushiswap",
    "SushiSwap",
    fee_pips=3000,
    deployments={
        ETHEREUM: Deployment(
            factory="0xc0aee478e3658e2610c5f7a4a2e1777ce9e4f2ac",
            router="0xd9e1ce17f2641f24ae83637ab66a2cca9c378b9f",
            init_code_hash="0xe18a34eb0e04b04f7a0ac29a6e80748dca96319b42c54d679cb821dca90c6303",
        )
    },
)
