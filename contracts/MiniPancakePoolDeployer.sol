// SPDX-License-Identifier: MIT
pragma solidity 0.8.26;

/// Stands in for PancakeSwap's pool deployer, which its npm package leaves out.
///
/// The production pool's creation code lies in a data contract (one zero byte, then the code), and `deploy` hands exactly
/// those bytes to CREATE2. So the pool's init-code hash, and with it every pool address, follows the production rule.
contract MiniPancakePoolDeployer {
    struct Parameters {
        address factory;
        address token0;
        address token1;
        uint24 fee;
        int24 tickSpacing;
    }

    /// What the pool's constructor reads back from its deployer.
    Parameters public parameters;
    address public factoryAddress;
    address public immutable poolCode;

    error NotTheFactory(address caller);
    error FactoryAlreadySet(address factory);
    error PoolNotCreated();

    constructor(address poolCode_) {
        poolCode = poolCode_;
    }

    function setFactoryAddress(address factory) external {
        if (factoryAddress != address(0)) revert FactoryAlreadySet(factoryAddress);
        factoryAddress = factory;
    }

    function deploy(address factory, address token0, address token1, uint24 fee, int24 tickSpacing) external returns (address pool) {
        if (msg.sender != factoryAddress) revert NotTheFactory(msg.sender);
        parameters = Parameters(factory, token0, token1, fee, tickSpacing);
        bytes32 salt = keccak256(abi.encode(token0, token1, fee));
        address code = poolCode;
        assembly {
            let size := sub(extcodesize(code), 1)
            let start := mload(0x40)
            extcodecopy(code, start, 1, size)
            pool := create2(0, start, size, salt)
        }
        if (pool == address(0)) revert PoolNotCreated();
        delete parameters;
    }
}
