// SPDX-License-Identifier: MIT
pragma solidity 0.8.26;

interface IProbedPool {
    function swap(address, bool, int256, uint160, bytes calldata) external returns (int256, int256);
    function liquidity() external view returns (uint128);
    function getReserves() external view returns (uint112, uint112, uint32);
}

/// Asks pools what they are and what they would pay, without moving a token. Works for every pool of the Uniswap V3 family by
/// its address, also when it is not deployed at all but injected into an eth_call as a code override.
contract PoolProbe {
    uint160 private constant LOWEST = 4295128740; // one above the lowest price a pool accepts as a limit
    uint160 private constant HIGHEST = 1461446703485210103287273052203988822378723970341; // one below the highest

    struct State {
        uint160 sqrtPriceX96;
        int24 tick;
        uint128 liquidity;
        uint112 reserve0;
        uint112 reserve1;
    }

    error CallbackMissing();

    /// What a swap would move. `amount` above zero is exact input, below zero exact output; `limit` zero means no limit.
    function quote(address pool, bool zeroForOne, int256 amount, uint160 limit)
        external
        returns (int256 amount0, int256 amount1, uint160 sqrtPriceX96, int24 tick)
    {
        if (limit == 0) limit = zeroForOne ? LOWEST : HIGHEST;
        try IProbedPool(pool).swap(address(this), zeroForOne, amount, limit, "") {
            revert CallbackMissing();
        } catch (bytes memory answer) {
            if (answer.length != 128) {
                assembly {
                    revert(add(answer, 32), mload(answer))
                }
            }
            return abi.decode(answer, (int256, int256, uint160, int24));
        }
    }

    /// The state of many pools in one call; what a pool does not have stays zero.
    function states(address[] calldata pools) external view returns (State[] memory found) {
        found = new State[](pools.length);
        for (uint256 i; i < pools.length; ++i) {
            (bool ok, bytes memory answer) = pools[i].staticcall(abi.encodeWithSignature("slot0()"));
            if (ok && answer.length >= 64) {
                (found[i].sqrtPriceX96, found[i].tick) = abi.decode(answer, (uint160, int24));
                found[i].liquidity = IProbedPool(pools[i]).liquidity();
            } else {
                (found[i].reserve0, found[i].reserve1,) = IProbedPool(pools[i]).getReserves();
            }
        }
    }

    function uniswapV3SwapCallback(int256 amount0, int256 amount1, bytes calldata) external view {
        _answer(amount0, amount1);
    }

    function pancakeV3SwapCallback(int256 amount0, int256 amount1, bytes calldata) external view {
        _answer(amount0, amount1);
    }

    /// Undoes the swap and carries its result out in the revert data.
    function _answer(int256 amount0, int256 amount1) private view {
        (, bytes memory slot0) = msg.sender.staticcall(abi.encodeWithSignature("slot0()"));
        (uint160 sqrtPriceX96, int24 tick) = abi.decode(slot0, (uint160, int24));
        bytes memory answer = abi.encode(amount0, amount1, sqrtPriceX96, tick);
        assembly {
            revert(add(answer, 32), mload(answer))
        }
    }
}
