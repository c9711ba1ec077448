// SPDX-License-Identifier: MIT
pragma solidity 0.8.26;

interface IRouterToken {
    function transfer(address, uint256) external returns (bool);
    function transferFrom(address, address, uint256) external returns (bool);
}

interface IRouterPool {
    function swap(address, bool, int256, uint160, bytes calldata) external returns (int256, int256);
}

interface IRouterPair {
    function swap(uint256, uint256, address, bytes calldata) external;
    function getReserves() external view returns (uint112, uint112, uint32);
}

/// Swaps along a path that may mix pools of the Uniswap V3 family and pairs of the Uniswap V2 family, all in one transaction.
///
/// The caller names the pools, so it must trust them to report what they paid. What the router guarantees whatever a pool does:
/// a callback is answered only to the pool being swapped with, only with the outer caller's tokens, and only up to the amount
/// that caller agreed to; the minimum output is checked at the end; nothing is left half done. Not audited.
contract AtomicRouter {
    uint160 private constant LOWEST = 4295128740; // one above the lowest price a pool accepts as a limit
    uint160 private constant HIGHEST = 1461446703485210103287273052203988822378723970341; // one below the highest

    struct Leg {
        bool concentrated; // the Uniswap V3 family, else the Uniswap V2 family
        address pool;
        address tokenIn;
        address tokenOut;
        uint24 feePips; // of a V2 pair, in hundredths of a basis point; a V3 pool knows its own
    }

    /// What the current callback may take, and from whom. `pool` zero: no callback is expected.
    struct Debt {
        address pool;
        address token;
        address payer;
        uint256 most;
    }

    Debt private debt;
    bool private entered;

    error Expired(uint256 deadline, uint256 timestamp);
    error Reentered();
    error EmptyPath();
    error UnexpectedCallback(address caller);
    error PaidTooMuch(uint256 asked, uint256 agreed);
    error TooLittleReceived(uint256 received, uint256 least);
    error PartialFill(uint256 taken, uint256 offered);
    error NotConcentrated(address pool);
    error TransferFailed(address token);

    modifier once(uint256 deadline) {
        if (entered) revert Reentered();
        if (block.timestamp > deadline) revert Expired(deadline, block.timestamp);
        entered = true;
        _;
        entered = false;
    }

    /// Sells exactly `amountIn` along the path. Reverts when a pool would take only a part of it.
    function swapExactIn(Leg[] calldata legs, uint256 amountIn, uint256 leastOut, address to, uint256 deadline)
        external
        once(deadline)
        returns (uint256 amount)
    {
        if (legs.length == 0) revert EmptyPath();
        amount = amountIn;
        address payer = msg.sender;
        for (uint256 i; i < legs.length; ++i) {
            address receiver = i + 1 == legs.length ? to : address(this);
            if (legs[i].concentrated) {
                (uint256 taken, uint256 given) = _swapConcentrated(legs[i], int256(amount), 0, payer, amount, receiver);
                if (taken != amount) revert PartialFill(taken, amount);
                amount = given;
            } else {
                amount = _swapPair(legs[i], amount, payer, receiver);
            }
            payer = address(this);
        }
        if (amount < leastOut) revert TooLittleReceived(amount, leastOut);
    }

    /// Buys exactly `amountOut` from one pool and pays at most `mostIn`.
    function swapExactOut(Leg calldata leg, uint256 amountOut, uint256 mostIn, address to, uint256 deadline)
        external
        once(deadline)
        returns (uint256 amountIn)
    {
        if (leg.concentrated) {
            uint256 given;
            (amountIn, given) = _swapConcentrated(leg, -int256(amountOut), 0, msg.sender, mostIn, to);
            if (given < amountOut) revert TooLittleReceived(given, amountOut);
        } else {
            (uint256 reserveIn, uint256 reserveOut) = _reserves(leg);
            amountIn = (reserveIn * amountOut * 1_000_000) / ((reserveOut - amountOut) * (1_000_000 - leg.feePips)) + 1;
            if (amountIn > mostIn) revert PaidTooMuch(amountIn, mostIn);
            _move(leg.tokenIn, msg.sender, leg.pool, amountIn);
            _give(leg, amountOut, to);
        }
    }

    /// Sells until the pool's price reaches `sqrtPriceLimitX96` or `mostIn` is spent, whichever comes first; keeps the rest unspent.
    function swapToPrice(Leg calldata leg, uint256 mostIn, uint160 sqrtPriceLimitX96, uint256 leastOut, address to, uint256 deadline)
        external
        once(deadline)
        returns (uint256 amountIn, uint256 amountOut)
    {
        if (!leg.concentrated) revert NotConcentrated(leg.pool);
        (amountIn, amountOut) = _swapConcentrated(leg, int256(mostIn), sqrtPriceLimitX96, msg.sender, mostIn, to);
        if (amountOut < leastOut) revert TooLittleReceived(amountOut, leastOut);
    }

    function uniswapV3SwapCallback(int256 amount0, int256 amount1, bytes calldata) external {
        _pay(amount0 > 0 ? uint256(amount0) : uint256(amount1));
    }

    function pancakeV3SwapCallback(int256 amount0, int256 amount1, bytes calldata) external {
        _pay(amount0 > 0 ? uint256(amount0) : uint256(amount1));
    }

    function _swapConcentrated(Leg calldata leg, int256 amount, uint160 limit, address payer, uint256 most, address to)
        private
        returns (uint256 taken, uint256 given)
    {
        bool zeroForOne = leg.tokenIn < leg.tokenOut;
        if (limit == 0) limit = zeroForOne ? LOWEST : HIGHEST;
        debt = Debt(leg.pool, leg.tokenIn, payer, most);
        (int256 amount0, int256 amount1) = IRouterPool(leg.pool).swap(to, zeroForOne, amount, limit, "");
        delete debt;
        (taken, given) = zeroForOne ? (uint256(amount0), uint256(-amount1)) : (uint256(amount1), uint256(-amount0));
    }

    function _swapPair(Leg calldata leg, uint256 amountIn, address payer, address to) private returns (uint256 amountOut) {
        (uint256 reserveIn, uint256 reserveOut) = _reserves(leg);
        uint256 afterFee = amountIn * (1_000_000 - leg.feePips);
        amountOut = (afterFee * reserveOut) / (reserveIn * 1_000_000 + afterFee);
        _move(leg.tokenIn, payer, leg.pool, amountIn);
        _give(leg, amountOut, to);
    }

    function _reserves(Leg calldata leg) private view returns (uint256 reserveIn, uint256 reserveOut) {
        (uint256 reserve0, uint256 reserve1,) = IRouterPair(leg.pool).getReserves();
        return leg.tokenIn < leg.tokenOut ? (reserve0, reserve1) : (reserve1, reserve0);
    }

    function _give(Leg calldata leg, uint256 amountOut, address to) private {
        bool zeroForOne = leg.tokenIn < leg.tokenOut;
        IRouterPair(leg.pool).swap(zeroForOne ? 0 : amountOut, zeroForOne ? amountOut : 0, to, "");
    }

    function _pay(uint256 amount) private {
        Debt memory owed = debt;
        if (msg.sender != owed.pool) revert UnexpectedCallback(msg.sender);
        if (amount > owed.most) revert PaidTooMuch(amount, owed.most);
        delete debt; // one callback a swap: a pool that calls twice is refused
        _move(owed.token, owed.payer, msg.sender, amount);
    }

    function _move(address token, address from, address to, uint256 amount) private {
        bool moved = from == address(this)
            ? IRouterToken(token).transfer(to, amount)
            : IRouterToken(token).transferFrom(from, to, amount);
        if (!moved) revert TransferFailed(token);
    }
}
