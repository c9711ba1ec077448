// SPDX-License-Identifier: MIT
pragma solidity 0.8.26;

// Tokens that tell the same balances and allowances and keep them in different places. Only what is read is here.

abstract contract Told {
    function balanceOf(address owner) external view virtual returns (uint256);
    function allowance(address owner, address spender) external view virtual returns (uint256);
}

contract FirstSlots {
    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(address => uint256)) public allowance;
}

contract LaterSlots {
    uint256[7] private before;
    mapping(address => mapping(address => uint256)) public allowance;
    string private between;
    mapping(address => uint256) public balanceOf;
}

/// Vyper hashes slot and key the other way round.
contract VyperOrder is Told {
    function balanceOf(address owner) external view override returns (uint256) {
        return _at(_hash(2, owner));
    }

    function allowance(address owner, address spender) external view override returns (uint256) {
        return _at(_hash(uint256(_hash(3, owner)), spender));
    }

    function _hash(uint256 slot, address key) private pure returns (bytes32) {
        return keccak256(abi.encode(slot, key));
    }

    function _at(bytes32 slot) private view returns (uint256 value) {
        assembly {
            value := sload(slot)
        }
    }
}

/// ERC-7201: an upgradeable token's storage begins at the hash of its name.
contract Namespaced is Told {
    struct Kept {
        mapping(address => uint256) balances;
        mapping(address => mapping(address => uint256)) allowances;
    }

    function _kept() private pure returns (Kept storage kept) {
        bytes32 slot = keccak256(abi.encode(uint256(keccak256("example.storage.token")) - 1)) & ~bytes32(uint256(0xff));
        assembly {
            kept.slot := slot
        }
    }

    function balanceOf(address owner) external view override returns (uint256) {
        return _kept().balances[owner];
    }

    function allowance(address owner, address spender) external view override returns (uint256) {
        return _kept().allowances[owner][spender];
    }
}

/// The balance is the lower half of a word, a time the upper.
contract PackedLow is Told {
    struct Account {
        uint128 balance;
        uint64 since;
        bool frozen;
    }

    mapping(address => Account) private accounts;
    mapping(address => mapping(address => uint256)) public override allowance;

    function balanceOf(address owner) external view override returns (uint256) {
        require(!accounts[owner].frozen, "frozen");
        return accounts[owner].balance;
    }
}

/// The balance is in the middle of a word, beside others.
contract PackedMiddle is Told {
    struct Account {
        uint64 nonce;
        uint96 balance;
        uint96 votes;
    }

    uint256 private before;
    mapping(address => Account) private accounts;
    mapping(address => mapping(address => uint96)) private allowances;

    function balanceOf(address owner) external view override returns (uint256) {
        return accounts[owner].balance;
    }

    function allowance(address owner, address spender) external view override returns (uint256) {
        return allowances[owner][spender];
    }
}

/// The highest bit says that the account is blocked, the others are the balance.
contract FlagAbove is Told {
    mapping(address => uint256) private words;
    mapping(address => mapping(address => uint256)) public override allowance;

    function balanceOf(address owner) external view override returns (uint256) {
        return words[owner] & ((1 << 255) - 1);
    }
}

/// The balance is the third word of a struct; allowances are by spender first.
contract DeepInAStruct is Told {
    struct Account {
        uint256 joined;
        address referrer;
        uint256 balance;
    }

    uint256[3] private before;
    mapping(address => Account) private accounts;
    mapping(address => mapping(address => uint256)) private bySpender;

    function balanceOf(address owner) external view override returns (uint256) {
        return accounts[owner].balance;
    }

    function allowance(address owner, address spender) external view override returns (uint256) {
        return bySpender[spender][owner];
    }
}

/// The state lies in another contract.
contract Vault {
    mapping(address => uint256) public balances;
    mapping(address => mapping(address => uint256)) public allowances;
}

contract StateElsewhere is Told {
    Vault private immutable vault = new Vault();

    function balanceOf(address owner) external view override returns (uint256) {
        return vault.balances(owner);
    }

    function allowance(address owner, address spender) external view override returns (uint256) {
        return vault.allowances(owner, spender);
    }
}

/// The code lies in another contract (EIP-1967), the state here.
contract Proxy {
    bytes32 private constant SLOT = 0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc;

    constructor() {
        address code = address(new LaterSlots());
        assembly {
            sstore(SLOT, code)
        }
    }

    fallback() external {
        assembly {
            calldatacopy(0, 0, calldatasize())
            let ok := delegatecall(gas(), sload(SLOT), 0, calldatasize(), 0, 0)
            returndatacopy(0, 0, returndatasize())
            if iszero(ok) { revert(0, returndatasize()) }
            return(0, returndatasize())
        }
    }
}

/// One hash for owner and spender together, and a seed instead of a slot.
contract SeededHash is Told {
    function balanceOf(address owner) external view override returns (uint256) {
        return _at(keccak256(abi.encodePacked(owner, uint96(0x87a211a2))));
    }

    function allowance(address owner, address spender) external view override returns (uint256) {
        return _at(keccak256(abi.encodePacked(owner, uint96(0x7f5e9f20), spender)));
    }

    function _at(bytes32 slot) private view returns (uint256 value) {
        assembly {
            value := sload(slot)
        }
    }
}

/// Shares of a pot that grows: no word holds the balance.
contract Rebasing is Told {
    mapping(address => uint256) private shares;
    uint256 private pot = 1_234_567;
    uint256 private allShares = 1_000_000;
    mapping(address => mapping(address => uint256)) public override allowance;

    function balanceOf(address owner) external view override returns (uint256) {
        return (shares[owner] * pot) / allShares;
    }
}

/// Two words added up; one of them is nobody's own.
contract TwoWords is Told {
    mapping(address => uint256) private settled;
    mapping(address => uint256) private pending;
    mapping(address => mapping(address => uint256)) public override allowance;

    function balanceOf(address owner) external view override returns (uint256) {
        return settled[owner] + pending[owner];
    }
}

/// An allowance that nothing in storage decides.
contract TrustsEverybody is Told {
    mapping(address => uint256) public override balanceOf;

    function allowance(address, address) external pure override returns (uint256) {
        return type(uint256).max;
    }
}
