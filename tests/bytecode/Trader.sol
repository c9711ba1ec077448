// SPDX-License-Identifier: MIT
pragma solidity 0.8.26;

interface ITradedToken {
    function transfer(address, uint256) external returns (bool);
}

interface ITradedPool {
    function token0() external view returns (address);
    function token1() external view returns (address);
    function swap(address, bool, int256, uint160, bytes calldata) external returns (int256, int256);
    function mint(address, int24, int24, uint128, bytes calldata) external returns (uint256, uint256);
    function burn(int24, int24, uint128) external returns (uint256, uint256);
    function flash(address, uint256, uint256, bytes calldata) external;
}

/// Speaks to a pool without any router between: pays whatever the pool asks from its own balance. For tests only.
contract Trader {
    function swap(address pool, bool zeroForOne, int256 amount, uint160 limit) external returns (int256, int256) {
        return ITradedPool(pool).swap(address(this), zeroForOne, amount, limit, "");
    }

    function mint(address pool, int24 lower, int24 upper, uint128 liquidity) external returns (uint256, uint256) {
        return ITradedPool(pool).mint(address(this), lower, upper, liquidity, "");
    }

    function burn(address pool, int24 lower, int24 upper, uint128 liquidity) external returns (uint256, uint256) {
        return ITradedPool(pool).burn(lower, upper, liquidity);
    }

    /// Borrows nothing or something, gives it back and pays `paid0` and `paid1` on top.
    function flash(address pool, uint256 amount0, uint256 amount1, uint256 paid0, uint256 paid1) external {
        ITradedPool(pool).flash(address(this), amount0, amount1, abi.encode(amount0 + paid0, amount1 + paid1));
    }

    function uniswapV3SwapCallback(int256 amount0, int256 amount1, bytes calldata) external {
        _pay(amount0 > 0 ? uint256(amount0) : 0, amount1 > 0 ? uint256(amount1) : 0);
    }

    function pancakeV3SwapCallback(int256 amount0, int256 amount1, bytes calldata) external {
        _pay(amount0 > 0 ? uint256(amount0) : 0, amount1 > 0 ? uint256(amount1) : 0);
    }

    function uniswapV3MintCallback(uint256 amount0, uint256 amount1, bytes calldata) external {
        _pay(amount0, amount1);
    }

    function pancakeV3MintCallback(uint256 amount0, uint256 amount1, bytes calldata) external {
        _pay(amount0, amount1);
    }

    function uniswapV3FlashCallback(uint256, uint256, bytes calldata data) external {
        (uint256 amount0, uint256 amount1) = abi.decode(data, (uint256, uint256));
        _pay(amount0, amount1);
    }

    function pancakeV3FlashCallback(uint256, uint256, bytes calldata data) external {
        (uint256 amount0, uint256 amount1) = abi.decode(data, (uint256, uint256));
        _pay(amount0, amount1);
    }

    function _pay(uint256 amount0, uint256 amount1) private {
        if (amount0 > 0) ITradedToken(ITradedPool(msg.sender).token0()).transfer(msg.sender, amount0);
        if (amount1 > 0) ITradedToken(ITradedPool(msg.sender).token1()).transfer(msg.sender, amount1);
    }
}
