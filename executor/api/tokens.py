"""Who may do what: one token a role.

A viewer looks at orders, a trader also sends and cancels them and may stop everything, an admin also lets go again and loads limits.
Beside that ladder stands compliance: it looks at orders and reads reports, and changes nothing. An admin reads reports too.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Annotated

from fastapi import Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from domain.problems import BadInput, NotAllowed, WrongRole

SHORTEST = 16
BEARER = HTTPBearer(
    auto_error=False, scheme_name="token", description="The token of a role: GREKKO_TOKEN_VIEWER, _TRADER, _COMPLIANCE or _ADMIN."
)


class Role(Enum):
    """What a token lets its bearer do."""

    VIEWER = "viewer"
    TRADER = "trader"
    COMPLIANCE = "compliance"
    ADMIN = "admin"

    def may(self, asked: Role) -> bool:
        """Whether the bearer of this role may do what asks for that one."""
        return asked is self or asked is Role.VIEWER or self is Role.ADMIN

    @property
    def variable(self) -> str:
        """The environment variable that holds this role's token."""
        return f"GREKKO_TOKEN_{self.name}"


@dataclass(frozen=True, slots=True)
class Tokens:
    """The token of each role that has one."""

    by_role: Mapping[Role, str] = field(repr=False)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Tokens:
        """The tokens that the environment names; none at all is possible. GREKKO_TOKEN is the trader's by its older name.

        Raises BadInput for a token that is too short to be safe, two for one role, or one for two roles.
        """
        told = {role.variable: (role, environment.get(role.variable, "")) for role in Role}
        told["GREKKO_TOKEN"] = (Role.TRADER, environment.get("GREKKO_TOKEN", ""))
        by_role: dict[Role, str] = {}
        for variable, (role, token) in told.items():
            if not token:
                continue
            if len(token) < SHORTEST:
                raise BadInput(
                    f"{variable} is shorter than {SHORTEST} characters; use a longer one, such as `openssl rand -hex 16` gives.",
                    field=variable,
                )
            if by_role.setdefault(role, token) != token:
                raise BadInput(f"{role.variable} and {variable} differ; set one of them.", field=variable)
        if len(set(by_role.values())) < len(by_role):
            raise BadInput("Two roles have the same token; give each its own.", field="GREKKO_TOKEN")
        return cls(by_role)

    @classmethod
    def made_up(cls) -> Tokens:
        """One trader's token that nobody can guess."""
        return cls({Role.TRADER: secrets.token_urlsafe(24)})

    def role_of(self, offered: str) -> Role | None:
        """Whose token this is. Every token is compared, each in constant time, so that the time taken tells nothing."""
        matching = [role for role, token in self.by_role.items() if hmac.compare_digest(offered.encode(), token.encode())]
        return matching[0] if matching else None


def needs(role: Role) -> Callable[..., Awaitable[None]]:
    """A dependency that lets only those through who may do what asks for this role. Raises NotAllowed or WrongRole."""

    async def allowed(request: Request, shown: Annotated[HTTPAuthorizationCredentials | None, Security(BEARER)] = None) -> None:
        tokens: Tokens = request.app.state.tokens
        found = tokens.role_of(shown.credentials) if shown else None
        if found is None:
            raise NotAllowed(
                "Send the header `Authorization: Bearer TOKEN` with the token of GREKKO_TOKEN_VIEWER, _TRADER, _COMPLIANCE or "
                "_ADMIN, or the one printed at the start."
            )
        if not found.may(role):
            raise WrongRole(
                f"This asks for the role {role.value}, the token is of the role {found.value}; use the token of {role.variable}.",
                role=role.value,
            )

    allowed.role = role  # pyright: ignore[reportFunctionMemberAccess]  # so that a test can ask each route what it asks for
    return allowed
