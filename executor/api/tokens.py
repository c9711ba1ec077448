"""Who may do what: one token a role, each role may do what those below it may.

A viewer looks at orders, a trader also sends and cancels them and may stop everything, an admin also lets go again and loads limits.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Annotated

from fastapi import Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from domain.problems import BadInput, NotAllowed, WrongRole

SHORTEST = 16
BEARER = HTTPBearer(auto_error=False, scheme_name="token", description="The token of a role: GREKKO_TOKEN_VIEWER, _TRADER or _ADMIN.")


class Role(IntEnum):
    """What a token lets its bearer do; a greater role may all that a smaller one may."""

    VIEWER = 1
    TRADER = 2
    ADMIN = 3

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
    """A dependency that lets only bearers of this role, or a greater one, through. Raises NotAllowed or WrongRole."""

    async def allowed(request: Request, shown: Annotated[HTTPAuthorizationCredentials | None, Security(BEARER)] = None) -> None:
        tokens: Tokens = request.app.state.tokens
        found = tokens.role_of(shown.credentials) if shown else None
        if found is None:
            raise NotAllowed(
                "Send the header `Authorization: Bearer TOKEN` with the token of GREKKO_TOKEN_VIEWER, _TRADER or _ADMIN, "
                "or the one printed at the start."
            )
        if found < role:
            raise WrongRole(
                f"This asks for the role {role.name.lower()}, the token is of a {found.name.lower()}; use the token of {role.variable}.",
                role=role.name.lower(),
            )

    allowed.role = role  # pyright: ignore[reportFunctionMemberAccess]  # so that a test can ask each route what it asks for
    return allowed
