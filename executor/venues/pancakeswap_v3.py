"""PancakeSwap V3: Uniswap V3's mathematics, with events that also tell the protocol's share of the fee."""

from domain.amm.protocol_fee import PANCAKESWAP_DENOMINATOR, pancakeswap_at_initialize
from executor.venue import ETHEREUM, Deployment, concentrated

VENUE = concentrated(
    "pancakeswap_v3",
    "PancakeSwap V3",
    trailing_words={"swap": 2},  # what the protocol took of the fee, in each token
    protocol_fee_denominator=PANCAKESWAP_DENOMINATOR,
    first_protocol_fee=pancakeswap_at_initialize,
    swap="0x19b47279256b2a23a1665c810c8d55a1758940ee09377d4f8d26497a3577dc83",
    set_fee_protocol="0xb3159fed3ddfba67bae294599eafe2d0ec98c08bb38e0e5fb87d33154b6e05aa",
    set_lm_pool="0x29983690a85a11696ce8a357993744f8d5a74fde14653e517cc2f8608a7235e9",
    deployments={
        ETHEREUM: Deployment(
            factory="0x0bfbcf9fa4f9c56b0f40a671ad40e0805a091865",
            router="0x1b81d678ffb9c0263b24a97847620c99d213eb14",
            init_code_hash="0x6ce8eb472fa82df5469c6ab6d485f17c3ad13c8cd7af59b3d4a8026c5ce0f7e2",
            pool_deployer="0x41ff9aa7e16b8b1a8a8dc4f0efacd93d02d071c9",
        )
    },
)
