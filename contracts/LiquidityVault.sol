// SPDX-License-Identifier: MIT
pragma solidity 0.8.26;

interface IVaultToken {
    function transfer(address, uint256) external returns (bool);
    function transferFrom(address, address, uint256) external returns (bool);
}

interface IVaultConcentratedPool {
    function token0() external view returns (address);
    function token1() external view returns (address);
    function mint(address, int24, int24, uint128, bytes calldata) external returns (uint256, uint256);
    function burn(int24, int24, uint128) external returns (uint256, uint256);
    function collect(address, int24, int24, uint128, uint128) external returns (uint128, uint128);
}

interface IVaultPair {
    function token0() external view returns (address);
    function token1() external view returns (address);
    function mint(address) external returns (uint256);
    function burn(address) external returns (uint256, uint256);
}

/// Holds one owner's liquidity positions in pools of the Uniswap V3 family and pairs of the Uniswap V2 family.
/// Tokens come from the owner's allowance and go back to the owner; the vault itself keeps none.
contract LiquidityVault {
    address public immutable owner;
    address private expectedCaller; // the pool whose mint callback is answered; zero outside a mint

    error NotTheOwner(address caller);
    error UnexpectedCallback(address caller);
    error TransferFailed(address token);

    modifier onlyOwner() {
        if (msg.sender != owner) revert NotTheOwner(msg.sender);
        _;
    }

    constructor() {
        owner = msg.sender;
    }

    function mint(address pool, int24 tickLower, int24 tickUpper, uint128 liquidity) external onlyOwner returns (uint256, uint256) {
        expectedCaller = pool;
        (uint256 amount0, uint256 amount1) = IVaultConcentratedPool(pool).mint(address(this), tickLower, tickUpper, liquidity, "");
        expectedCaller = address(0);
        return (amount0, amount1);
    }

    /// Takes liquidity out and pays it, with all fees earned so far, to the owner. Zero liquidity collects the fees alone.
    function burn(address pool, int24 tickLower, int24 tickUpper, uint128 liquidity) external onlyOwner returns (uint128, uint128) {
        IVaultConcentratedPool(pool).burn(tickLower, tickUpper, liquidity);
        return IVaultConcentratedPool(pool).collect(owner, tickLower, tickUpper, type(uint128).max, type(uint128).max);
    }

    function addToPair(address pair, uint256 amount0, uint256 amount1) external onlyOwner returns (uint256) {
        _pull(IVaultPair(pair).token0(), pair, amount0);
        _pull(IVaultPair(pair).token1(), pair, amount1);
        return IVaultPair(pair).mint(address(this));
    }

    function removeFromPair(address pair, uint256 shares) external onlyOwner returns (uint256, uint256) {
        if (!IVaultToken(pair).transfer(pair, shares)) revert TransferFailed(pair);
        return IVaultPair(pair).burn(owner);
    }

    function uniswapV3MintCallback(uint256 amount0, uint256 amount1, bytes calldata) external {
        _pay(amount0, amount1);
    }

    function pancakeV3MintCallback(uint256 amount0, uint256 amount1, bytes calldata) external {
        _pay(amount0, amount1);
    }

    function _pay(uint256 amount0, uint256 amount1) private {
        if (msg.sender != expectedCaller) revert UnexpectedCallback(msg.sender);
        if (amount0 > 0) _pull(IVaultConcentratedPool(msg.sender).token0(), msg.sender, amount0);
        if (amount1 > 0) _pull(IVaultConcentratedPool(msg.sender).token1(), msg.sender, amount1);
    }

    function _pull(address token, address to, uint256 amount) private {
        if (!IVaultToken(token).transferFrom(owner, to, amount)) revert TransferFailed(token);
    }
}
