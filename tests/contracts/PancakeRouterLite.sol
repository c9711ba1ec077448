// SPDX-License-Identifier: GPL-2.0-or-later
pragma solidity =0.7.6;
pragma abicoder v2;

import "@pancakeswap/v3-core/contracts/interfaces/IPancakeV3Pool.sol";
import "@pancakeswap/v3-core/contracts/interfaces/callback/IPancakeV3SwapCallback.sol";
import "@pancakeswap/v3-core/contracts/libraries/TickMath.sol";
import "@pancakeswap/v3-periphery/contracts/base/PeripheryImmutableState.sol";
import "@pancakeswap/v3-periphery/contracts/base/PeripheryPayments.sol";
import "@pancakeswap/v3-periphery/contracts/base/PeripheryValidation.sol";
import "@pancakeswap/v3-periphery/contracts/libraries/CallbackValidation.sol";
import "@pancakeswap/v3-periphery/contracts/libraries/Path.sol";
import "@pancakeswap/v3-periphery/contracts/libraries/PoolAddress.sol";

/// Stands in for PancakeSwap V3's own router on the local chain: its npm package ships the libraries and leaves the router out.
/// `exactInput` has the production router's parameters, checks and words; everything else is left away.
contract PancakeRouterLite is IPancakeV3SwapCallback, PeripheryImmutableState, PeripheryValidation, PeripheryPayments {
    using Path for bytes;

    struct ExactInputParams {
        bytes path;
        address recipient;
        uint256 deadline;
        uint256 amountIn;
        uint256 amountOutMinimum;
    }

    constructor(address deployer_, address factory_, address weth_) PeripheryImmutableState(deployer_, factory_, weth_) {}

    function exactInput(ExactInputParams memory params) external payable checkDeadline(params.deadline) returns (uint256 amount) {
        amount = params.amountIn;
        address payer = msg.sender;
        for (bool last = false; !last; ) {
            last = !params.path.hasMultiplePools();
            amount = _hop(params.path.getFirstPool(), amount, payer, last ? params.recipient : address(this));
            if (!last) params.path = params.path.skipToken();
            payer = address(this);
        }
        require(amount >= params.amountOutMinimum, "Too little received");
    }

    function pancakeV3SwapCallback(int256 amount0, int256 amount1, bytes calldata data) external override {
        require(amount0 > 0 || amount1 > 0);
        (bytes memory hop, address payer) = abi.decode(data, (bytes, address));
        (address tokenIn, address tokenOut, uint24 fee) = hop.decodeFirstPool();
        CallbackValidation.verifyCallback(deployer, tokenIn, tokenOut, fee);
        pay(tokenIn, payer, msg.sender, uint256(amount0 > 0 ? amount0 : amount1));
    }

    function _hop(bytes memory hop, uint256 amountIn, address payer, address to) private returns (uint256) {
        (IPancakeV3Pool pool, bool zeroForOne) = _pool(hop);
        (int256 amount0, int256 amount1) = pool.swap(to, zeroForOne, int256(amountIn), _end(zeroForOne), abi.encode(hop, payer));
        return uint256(-(zeroForOne ? amount1 : amount0));
    }

    function _pool(bytes memory hop) private view returns (IPancakeV3Pool pool, bool zeroForOne) {
        (address tokenIn, address tokenOut, uint24 fee) = hop.decodeFirstPool();
        pool = IPancakeV3Pool(PoolAddress.computeAddress(deployer, PoolAddress.getPoolKey(tokenIn, tokenOut, fee)));
        zeroForOne = tokenIn < tokenOut;
    }

    function _end(bool zeroForOne) private pure returns (uint160) {
        return zeroForOne ? TickMath.MIN_SQRT_RATIO + 1 : TickMath.MAX_SQRT_RATIO - 1;
    }
}
