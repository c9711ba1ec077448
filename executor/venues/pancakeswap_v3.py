"""PancakeSwap V3: Uniswap V3's mathematics, with events that also tell the protocol's share of the fee."""

from domain.amm.protocol_fee import PANCAKESWAP_DENOMINATOR
from executor.venue import concentrated

VENUE = concentrated(
    "pancakeswap_v3",
    "PancakeSwap V3",
    trailing_words={"swap": 2},  # what the protocol took of the fee, in each token
    protocol_fee_denominator=PANCAKESWAP_DENOMINATOR,
    swap="0x19b47279256b2a23a1665c810c8d55a1758940ee09377d4f8d26497a3577dc83",
    set_fee_protocol="0xb3159fed3ddfba67bae294599eafe2d0ec98c08bb38e0e5fb87d33154b6e05aa",
    set_lm_pool="0x29983690a85a11696ce8a357993744f8d5a74fde14653e517cc2f8608a7235e9",
)
