// SPDX-License-Identifier: MIT
pragma solidity 0.8.26;

interface IReadPool {
    function tickBitmap(int16) external view returns (uint256);
    function ticks(int24) external view returns (uint128, int128, uint256, uint256);
}

/// Reads every initialised tick of a pool of the Uniswap V3 family in a few calls. It never has to be deployed: an eth_call
/// injects it as a code override.
contract PoolReader {
    struct ReadTick {
        int24 tick;
        uint128 liquidityGross;
        int128 liquidityNet;
        uint256 feeGrowthOutside0X128;
        uint256 feeGrowthOutside1X128;
    }

    uint256 private constant WORD_GAS = 60_000; // more than reading one word of the bitmap and growing the list can take
    uint256 private constant TICK_GAS = 40_000; // more than reading one tick can take

    /// The ticks that the bitmap's words `word` to `last` mark, and the first word that was not read for want of gas (`last` + 1
    /// when all were).
    function ticks(address pool, int16 word, int16 last, int24 tickSpacing) external view returns (ReadTick[] memory found, int256 next) {
        uint256[] memory marked = new uint256[](uint256(int256(last) - int256(word) + 1));
        uint256 count;
        uint256 planned; // gas for the ticks of the words read so far
        next = word;
        for (; next <= last && gasleft() > WORD_GAS + planned; ++next) {
            uint256 bits = IReadPool(pool).tickBitmap(int16(next));
            uint256 inWord = _ones(bits);
            if (count != 0 && gasleft() < planned + inWord * TICK_GAS) break;
            marked[uint256(next - word)] = bits;
            count += inWord;
            planned += inWord * TICK_GAS;
        }
        found = new ReadTick[](count);
        uint256 at;
        for (int256 one = word; one < next; ++one) {
            uint256 bits = marked[uint256(one - word)];
            for (uint256 bit; bits != 0; ++bit) {
                if (bits & 1 != 0) found[at++] = _read(pool, int24((one * 256 + int256(bit)) * tickSpacing));
                bits >>= 1;
            }
        }
    }

    function _read(address pool, int24 tick) private view returns (ReadTick memory one) {
        one.tick = tick;
        (one.liquidityGross, one.liquidityNet, one.feeGrowthOutside0X128, one.feeGrowthOutside1X128) = IReadPool(pool).ticks(tick);
    }

    function _ones(uint256 bits) private pure returns (uint256 count) {
        for (; bits != 0; ++count) bits &= bits - 1;
    }
}
