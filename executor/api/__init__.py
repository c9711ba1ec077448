"""The executor over HTTP: JSON in, JSON out, every error typed, and a token with a role for whatever is more than a look at prices."""

from executor.api.app import LARGEST_BODY, LOOPBACK, create_app
from executor.api.tokens import Role, Tokens

__all__ = ["LARGEST_BODY", "LOOPBACK", "Role", "Tokens", "create_app"]
