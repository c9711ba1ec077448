"""Signers: who holds a key and puts its name to transactions, and to nothing outside its policy."""

from executor.signers.environment import EnvironmentSigner
from executor.signers.keystore import KeystoreSigner, keystore_address, write_keystore
from executor.signers.local import LocalSigner
from executor.signers.policy import SigningPolicy

__all__ = ["EnvironmentSigner", "KeystoreSigner", "LocalSigner", "SigningPolicy", "keystore_address", "write_keystore"]
