"""A key from a variable of the environment: for development. Other programs of the same user can read an environment."""

from __future__ import annotations

import logging
from collections.abc import MutableMapping

from domain.problems import BadInput
from executor.signers.local import LocalSigner, Secret
from executor.signers.policy import SigningPolicy

LOG = logging.getLogger(__name__)
VARIABLE = "GREKKO_PRIVATE_KEY"


class EnvironmentSigner(LocalSigner):
    """Signs with the key that a variable held. For development; use a keystore where there is money."""

    @classmethod
    def open(cls, environment: MutableMapping[str, str], policy: SigningPolicy | None, name: str = VARIABLE) -> EnvironmentSigner:
        """Takes the key out of the environment, so that no child process inherits it. Raises BadInput when there is none."""
        signer = cls(secret_from(environment, name), policy)
        LOG.warning("%s signs with a key from the environment, which is for development; use a keystore where there is money", signer)
        return signer


def secret_from(environment: MutableMapping[str, str], name: str = VARIABLE) -> Secret:
    """The key that a variable holds, taken out of the environment. Raises BadInput when there is none."""
    if not environment.get(name):
        raise BadInput(f"The environment has no {name}; set it to the key, 64 hexadecimal digits, or use a keystore.", field=name)
    return _bytes_of(environment, name)


def _bytes_of(environment: MutableMapping[str, str], name: str) -> Secret:
    """Empty when it is no hexadecimal text: the error of the conversion would hold what stands there."""
    try:
        return Secret(bytes.fromhex(environment.pop(name).strip().removeprefix("0x")))
    except ValueError:
        return Secret(b"")
