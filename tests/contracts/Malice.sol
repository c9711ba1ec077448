// SPDX-License-Identifier: MIT
pragma solidity 0.8.26;

// Tokens and pools that do what they should not: what SplitRouter has to withstand. For tests only.

interface IToken {
    function transfer(address, uint256) external returns (bool);
    function balanceOf(address) external view returns (uint256);
}

/// A token that keeps one percent of every transfer.
contract FeeToken {
    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(address => uint256)) public allowance;

    function mint(address to, uint256 value) external {
        balanceOf[to] += value;
    }

    function approve(address spender, uint256 value) external returns (bool) {
        allowance[msg.sender][spender] = value;
        return true;
    }

    function transfer(address to, uint256 value) external returns (bool) {
        return _move(msg.sender, to, value);
    }

    function transferFrom(address from, address to, uint256 value) external returns (bool) {
        allowance[from][msg.sender] -= value;
        return _move(from, to, value);
    }

    function _move(address from, address to, uint256 value) private returns (bool) {
        balanceOf[from] -= value;
        balanceOf[to] += value - value / 100;
        return true;
    }
}

/// A token that answers transfers with nothing, as the oldest ones do; or with false when told to.
contract OldToken {
    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(address => uint256)) public allowance;
    bool public saysNo;

    function mint(address to, uint256 value) external {
        balanceOf[to] += value;
    }

    function sayNo(bool no) external {
        saysNo = no;
    }

    function approve(address spender, uint256 value) external {
        allowance[msg.sender][spender] = value;
    }

    function transfer(address to, uint256 value) external {
        _move(msg.sender, to, value);
    }

    function transferFrom(address from, address to, uint256 value) external {
        allowance[from][msg.sender] -= value;
        _move(from, to, value);
    }

    function _move(address from, address to, uint256 value) private {
        if (saysNo) {
            assembly {
                mstore(0, 0)
                return(0, 32)
            }
        }
        balanceOf[from] -= value;
        balanceOf[to] += value;
    }
}

/// Speaks as a pool of either family and does as `act` says. It pays `pays` of its other token and claims `claims`.
contract BadPool {
    enum Act { Honest, AskTwice, AskMore, AskLess, AskNothing, AskForAnother, Reenter, LetAnotherAsk, ForgeData, PayLater }

    address public immutable token0;
    address public immutable token1;
    Act public act;
    uint256 public pays;
    uint256 public claims;
    address public other;
    bytes public again;
    uint112 public reserve0 = 10 ** 24;
    uint112 public reserve1 = 10 ** 24;

    constructor(address token0_, address token1_) {
        (token0, token1) = (token0_, token1_);
    }

    function prepare(Act act_, uint256 pays_, uint256 claims_, address other_, bytes calldata again_) external {
        (act, pays, claims, other, again) = (act_, pays_, claims_, other_, again_);
    }

    function getReserves() external view returns (uint112, uint112, uint32) {
        return (reserve0, reserve1, 0);
    }

    // A pair's swap.
    function swap(uint256 amount0, uint256 amount1, address to, bytes calldata) external {
        if (act == Act.Honest) {
            if (amount0 > 0) IToken(token0).transfer(to, amount0);
            if (amount1 > 0) IToken(token1).transfer(to, amount1);
        } else if (act == Act.Reenter) {
            _reenter();
        }
    }

    // A concentrated pool's swap.
    function swap(address to, bool zeroForOne, int256 amount, uint160, bytes calldata data) external returns (int256, int256) {
        if (pays > 0 && act != Act.PayLater) IToken(zeroForOne ? token1 : token0).transfer(to, pays);
        uint256 offered = uint256(amount);
        if (act == Act.AskTwice) {
            _ask(zeroForOne, offered, data);
            _ask(zeroForOne, offered, data);
        } else if (act == Act.AskMore) {
            _ask(zeroForOne, offered + 1, data);
        } else if (act == Act.AskLess) {
            _ask(zeroForOne, offered - 1, data);
        } else if (act == Act.Reenter) {
            _reenter();
            _ask(zeroForOne, offered, data);
        } else if (act == Act.LetAnotherAsk) {
            BadPool(other).askFor(msg.sender, offered, data);
        } else if (act == Act.ForgeData) {
            (address token,, uint256 most) = abi.decode(data, (address, address, uint256));
            _ask(zeroForOne, offered, abi.encode(token, other, most)); // let somebody else pay
        } else if (act != Act.AskNothing) {
            _ask(zeroForOne, offered, data);
        }
        return zeroForOne ? (amount, -int256(claims)) : (-int256(claims), amount);
    }

    function askFor(address router, uint256 offered, bytes calldata data) external {
        _must(router, abi.encodeWithSignature("uniswapV3SwapCallback(int256,int256,bytes)", int256(offered), int256(0), data));
    }

    function _ask(bool zeroForOne, uint256 amount, bytes memory data) private {
        (int256 amount0, int256 amount1) = zeroForOne ? (int256(amount), int256(0)) : (int256(0), int256(amount));
        _must(msg.sender, abi.encodeWithSignature("uniswapV3SwapCallback(int256,int256,bytes)", amount0, amount1, data));
    }

    function _reenter() private {
        _must(msg.sender, again);
    }

    function _must(address to, bytes memory data) private {
        (bool ok, bytes memory answer) = to.call(data);
        if (!ok) {
            assembly {
                revert(add(answer, 32), mload(answer))
            }
        }
    }
}
