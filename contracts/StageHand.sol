// SPDX-License-Identifier: MIT
pragma solidity 0.8.26;

interface IHandToken {
    function transfer(address, uint256) external returns (bool);
    function transferFrom(address, address, uint256) external returns (bool);
}

interface IHandPool {
    function token0() external view returns (address);
    function token1() external view returns (address);
    function flash(address, uint256, uint256, bytes calldata) external;
}

interface IHandPair {
    function token0() external view returns (address);
    function token1() external view returns (address);
    function swap(uint256, uint256, address, bytes calldata) external;
}

/// Does to pools what no router does: loans, swaps that take less than they could, gifts. For the local chain only: whoever calls
/// it pays, and it keeps nothing.
contract StageHand {
    /// Borrows from a pool of the Uniswap V3 family and gives back `paid0` and `paid1` more than the loan.
    function flash(address pool, uint256 amount0, uint256 amount1, uint256 paid0, uint256 paid1) external {
        IHandPool(pool).flash(address(this), amount0, amount1, abi.encode(msg.sender, amount0, amount1, paid0, paid1));
    }

    function uniswapV3FlashCallback(uint256, uint256, bytes calldata data) external {
        _repay(data);
    }

    function pancakeV3FlashCallback(uint256, uint256, bytes calldata data) external {
        _repay(data);
    }

    /// Pays a pair of the Uniswap V2 family and takes exactly what is asked, be it less than the pair would give.
    function swapPair(address pair, uint256 amount0In, uint256 amount1In, uint256 amount0Out, uint256 amount1Out, address to) external {
        if (amount0In > 0) IHandToken(IHandPair(pair).token0()).transferFrom(msg.sender, pair, amount0In);
        if (amount1In > 0) IHandToken(IHandPair(pair).token1()).transferFrom(msg.sender, pair, amount1In);
        IHandPair(pair).swap(amount0Out, amount1Out, to, "");
    }

    function _repay(bytes calldata data) private {
        (address payer, uint256 amount0, uint256 amount1, uint256 paid0, uint256 paid1) =
            abi.decode(data, (address, uint256, uint256, uint256, uint256));
        _giveBack(IHandPool(msg.sender).token0(), payer, amount0, paid0);
        _giveBack(IHandPool(msg.sender).token1(), payer, amount1, paid1);
    }

    function _giveBack(address token, address payer, uint256 borrowed, uint256 paid) private {
        if (borrowed > 0) IHandToken(token).transfer(msg.sender, borrowed);
        if (paid > 0) IHandToken(token).transferFrom(payer, msg.sender, paid);
    }
}
