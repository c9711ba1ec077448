// SPDX-License-Identifier: MIT
pragma solidity 0.8.26;

interface ISplitToken {
    function balanceOf(address) external view returns (uint256);
}

interface ISplitPool {
    function swap(address, bool, int256, uint160, bytes calldata) external returns (int256, int256);
}

interface ISplitPair {
    function swap(uint256, uint256, address, bytes calldata) external;
    function getReserves() external view returns (uint112, uint112, uint32);
}

/// Sells exactly one amount through many pools at once, split and chained as a plan says, all in one transaction. The pools may be
/// of the Uniswap V3 family or pairs of the Uniswap V2 family, of any venue.
///
/// The caller names the pools and need not trust them. What holds whatever a pool or a token does: only the caller's own tokens are
/// paid, and of those `amountIn` at most; a pool is paid once a leg, exactly the leg's amount, and only while it is being swapped
/// with; each amount that a pool claims to have paid out is measured; the recipient has `minOut` more of the bought token at the
/// end, or nothing happened. The router holds nothing between calls and approves nobody. Not audited.
contract SplitRouter {
    uint160 private constant LOWEST = 4295128740; // one above the lowest price a pool accepts as a limit
    uint160 private constant HIGHEST = 1461446703485210103287273052203988822378723970341; // one below the highest
    uint256 private constant FEE_UNIT = 1_000_000;
    uint256 private constant ALL = 1 << 64;

    struct Leg {
        bool concentrated; // the Uniswap V3 family, else the Uniswap V2 family
        address pool;
        address tokenIn;
        address tokenOut;
        uint24 feePips; // of a V2 pair, in hundredths of a basis point; a V3 pool knows its own
        uint72 shareX64; // of what is held of tokenIn when the leg's turn comes; 2^64 is all of it
    }

    /// What this call holds of one token. The sold token stays with the caller until a pool takes it.
    struct Holding {
        address token;
        uint256 amount;
    }

    // What may happen now. Never zero, so that writing it stays cheap: IDLE between calls, BUSY within one, and while a pool is
    // swapped with, the hash of who may call back and for what.
    bytes32 private constant IDLE = bytes32(uint256(1));
    bytes32 private constant BUSY = bytes32(uint256(2));
    bytes32 private expected = IDLE;

    error Expired(uint256 deadline, uint256 timestamp);
    error Reentered();
    error NoLegs();
    error SameToken(address token);
    error BadRecipient(address recipient);
    error BadLeg(uint256 index);
    error NothingToSell(uint256 index);
    error AmountTooLarge(uint256 amount);
    error UnexpectedCallback(address caller);
    error PartialFill(address pool, uint256 taken, uint256 offered);
    error TransferFailed(address token);
    error ShortReceived(address token, uint256 sent, uint256 received);
    error TooLittleReceived(uint256 received, uint256 least);
    error Leftover(address token, uint256 amount);

    /// Runs the legs in order and returns by how much the recipient's balance of `tokenOut` grew.
    function swap(
        Leg[] calldata legs,
        address tokenIn,
        uint256 amountIn,
        address tokenOut,
        uint256 minOut,
        address to,
        uint256 deadline
    ) external returns (uint256 amountOut) {
        if (expected != IDLE) revert Reentered();
        if (block.timestamp > deadline) revert Expired(deadline, block.timestamp);
        if (legs.length == 0) revert NoLegs();
        if (tokenIn == tokenOut) revert SameToken(tokenIn);
        if (to == address(0) || to == address(this)) revert BadRecipient(to);
        expected = BUSY;
        uint256 before = ISplitToken(tokenOut).balanceOf(to);
        uint256 promised = _run(legs, tokenIn, amountIn, tokenOut, to);
        uint256 later = ISplitToken(tokenOut).balanceOf(to);
        amountOut = later > before ? later - before : 0;
        if (amountOut < promised) revert ShortReceived(tokenOut, promised, amountOut);
        if (amountOut < minOut) revert TooLittleReceived(amountOut, minOut);
        expected = IDLE;
    }

    function uniswapV3SwapCallback(int256 amount0, int256 amount1, bytes calldata data) external {
        _pay(amount0, amount1, data);
    }

    function pancakeV3SwapCallback(int256 amount0, int256 amount1, bytes calldata data) external {
        _pay(amount0, amount1, data);
    }

    /// The legs; returns what the pools say they have paid the recipient. Whatever was bought on the way is sold again.
    function _run(Leg[] calldata legs, address tokenIn, uint256 amountIn, address tokenOut, address to) private returns (uint256 promised) {
        Holding[] memory held = new Holding[](legs.length + 1);
        held[0] = Holding(tokenIn, amountIn);
        uint256 kinds = 1;
        for (uint256 i; i < legs.length; ++i) {
            Leg calldata leg = legs[i];
            // Buying the sold token or selling the bought one would mix what is measured with what is spent.
            if (leg.tokenIn == tokenOut || leg.tokenOut == tokenIn || leg.tokenIn == leg.tokenOut || leg.shareX64 > ALL) revert BadLeg(i);
            uint256 amount = _take(held, kinds, leg.tokenIn, leg.shareX64);
            if (amount == 0) revert NothingToSell(i);
            address payer = leg.tokenIn == tokenIn ? msg.sender : address(this);
            if (leg.tokenOut == tokenOut) {
                promised += _swap(leg, amount, payer, to);
            } else {
                kinds = _put(held, kinds, leg.tokenOut, _swapMeasured(leg, amount, payer));
            }
        }
        for (uint256 k; k < kinds; ++k) {
            if (held[k].amount != 0) revert Leftover(held[k].token, held[k].amount);
        }
    }

    function _take(Holding[] memory held, uint256 kinds, address token, uint256 shareX64) private pure returns (uint256 amount) {
        for (uint256 k; k < kinds; ++k) {
            if (held[k].token != token) continue;
            uint256 all = held[k].amount;
            if (all >> 192 != 0) revert AmountTooLarge(all);
            amount = (all * shareX64) >> 64;
            held[k].amount = all - amount;
        }
    }

    function _put(Holding[] memory held, uint256 kinds, address token, uint256 amount) private pure returns (uint256) {
        for (uint256 k; k < kinds; ++k) {
            if (held[k].token == token) {
                held[k].amount += amount;
                return kinds;
            }
        }
        held[kinds] = Holding(token, amount);
        return kinds + 1;
    }

    /// A swap whose output this contract keeps for a later leg: what the pool claims must really have come in.
    function _swapMeasured(Leg calldata leg, uint256 amount, address payer) private returns (uint256 given) {
        uint256 before = ISplitToken(leg.tokenOut).balanceOf(address(this));
        given = _swap(leg, amount, payer, address(this));
        uint256 later = ISplitToken(leg.tokenOut).balanceOf(address(this));
        uint256 received = later > before ? later - before : 0;
        if (received < given) revert ShortReceived(leg.tokenOut, given, received);
    }

    /// Swaps all of `amount` with one pool and returns what the pool says it gave.
    function _swap(Leg calldata leg, uint256 amount, address payer, address to) private returns (uint256 given) {
        bool zeroForOne = leg.tokenIn < leg.tokenOut;
        if (leg.concentrated) {
            bytes memory owed = abi.encode(leg.tokenIn, payer, amount);
            expected = keccak256(abi.encode(leg.pool, owed));
            (int256 amount0, int256 amount1) =
                ISplitPool(leg.pool).swap(to, zeroForOne, int256(amount), zeroForOne ? LOWEST : HIGHEST, owed);
            if (expected != BUSY) revert PartialFill(leg.pool, 0, amount); // it never asked to be paid
            int256 change = zeroForOne ? amount1 : amount0;
            given = change < 0 ? uint256(-change) : 0;
        } else {
            (uint256 reserve0, uint256 reserve1,) = ISplitPair(leg.pool).getReserves();
            (uint256 reserveIn, uint256 reserveOut) = zeroForOne ? (reserve0, reserve1) : (reserve1, reserve0);
            uint256 afterFee = amount * (FEE_UNIT - leg.feePips);
            given = (afterFee * reserveOut) / (reserveIn * FEE_UNIT + afterFee);
            _move(leg.tokenIn, payer, leg.pool, amount);
            ISplitPair(leg.pool).swap(zeroForOne ? 0 : given, zeroForOne ? given : 0, to, "");
        }
    }

    /// Pays the pool that is being swapped with, once, exactly what its leg offers.
    function _pay(int256 amount0, int256 amount1, bytes calldata owed) private {
        if (expected != keccak256(abi.encode(msg.sender, owed))) revert UnexpectedCallback(msg.sender);
        expected = BUSY;
        (address token, address payer, uint256 offered) = abi.decode(owed, (address, address, uint256));
        uint256 asked = amount0 > 0 ? uint256(amount0) : amount1 > 0 ? uint256(amount1) : 0;
        if (asked != offered) revert PartialFill(msg.sender, asked, offered);
        _move(token, payer, msg.sender, offered);
    }

    /// Moves tokens and measures that they arrive whole. Answers nothing, or true, is what a token may return.
    function _move(address token, address from, address to, uint256 amount) private {
        uint256 before = ISplitToken(token).balanceOf(to);
        (bool ok, bytes memory answer) = token.call(
            from == address(this)
                ? abi.encodeWithSignature("transfer(address,uint256)", to, amount)
                : abi.encodeWithSignature("transferFrom(address,address,uint256)", from, to, amount)
        );
        if (!ok || (answer.length != 0 && (answer.length < 32 || abi.decode(answer, (uint256)) != 1))) revert TransferFailed(token);
        uint256 later = ISplitToken(token).balanceOf(to);
        uint256 received = later > before ? later - before : 0;
        if (received < amount) revert ShortReceived(token, amount, received);
    }
}
