// SPDX-License-Identifier: MIT
pragma solidity 0.8.26;

/// A token that anybody may mint, and that anybody may make sly: from then on it keeps a part of each transfer.
/// It can keep it silently (the log tells the whole amount), openly (two logs), or answer false and move nothing.
contract SlyToken {
    string public name = "Sly";
    string public symbol = "SLY";
    uint8 public constant decimals = 18;
    uint256 public totalSupply;
    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(address => uint256)) public allowance;
    uint256 public keptBps;
    uint8 public manner; // 0 silently, 1 openly, 2 moves nothing and answers false, 3 moves nothing and answers true

    event Transfer(address indexed from, address indexed to, uint256 value);
    event Approval(address indexed owner, address indexed spender, uint256 value);

    constructor(string memory, string memory, uint8) {}

    function turn(uint256 keptBps_, uint8 manner_) external {
        keptBps = keptBps_;
        manner = manner_;
    }

    function mint(address to, uint256 value) external {
        totalSupply += value;
        balanceOf[to] += value;
        emit Transfer(address(0), to, value);
    }

    function approve(address spender, uint256 value) external returns (bool) {
        allowance[msg.sender][spender] = value;
        emit Approval(msg.sender, spender, value);
        return true;
    }

    function transfer(address to, uint256 value) external returns (bool) {
        return _move(msg.sender, to, value);
    }

    function transferFrom(address from, address to, uint256 value) external returns (bool) {
        uint256 allowed = allowance[from][msg.sender];
        require(allowed >= value, "ERC20: insufficient allowance");
        if (allowed != type(uint256).max) allowance[from][msg.sender] = allowed - value;
        return _move(from, to, value);
    }

    function _move(address from, address to, uint256 value) private returns (bool) {
        if (manner >= 2) return manner == 3;
        require(balanceOf[from] >= value, "ERC20: transfer amount exceeds balance");
        uint256 kept = (value * keptBps) / 10_000;
        balanceOf[from] -= value;
        balanceOf[to] += value - kept;
        totalSupply -= kept;
        emit Transfer(from, to, manner == 1 ? value - kept : value);
        if (manner == 1) emit Transfer(from, address(0), kept);
        return true;
    }
}
