"""Tokens from the environment: one a role, long, different, and never told."""

from __future__ import annotations

import pytest

from domain.problems import BadInput
from executor.api import Role, Tokens

LONG = {role: f"{role.name}-of-enough-letters" for role in Role}


def test_each_role_has_a_variable_of_its_own() -> None:
    tokens = Tokens.from_environment({role.variable: token for role, token in LONG.items()})
    assert [tokens.role_of(LONG[role]) for role in Role] == list(Role)
    assert tokens.role_of("something-else-of-16") is None


def test_the_older_name_is_the_trader_s_token() -> None:
    assert Tokens.from_environment({"GREKKO_TOKEN": LONG[Role.TRADER]}).role_of(LONG[Role.TRADER]) is Role.TRADER


def test_both_names_of_the_trader_s_token_may_be_set_to_the_same() -> None:
    both = {"GREKKO_TOKEN": LONG[Role.TRADER], "GREKKO_TOKEN_TRADER": LONG[Role.TRADER]}
    assert Tokens.from_environment(both).by_role == {Role.TRADER: LONG[Role.TRADER]}
    with pytest.raises(BadInput, match="set one of them"):
        Tokens.from_environment(both | {"GREKKO_TOKEN": "another-of-enough-letters"})


@pytest.mark.parametrize("variable", ["GREKKO_TOKEN", *(role.variable for role in Role)])
def test_a_token_that_can_be_guessed_is_refused(variable: str) -> None:
    with pytest.raises(BadInput, match=f"{variable} is shorter than 16 characters"):
        Tokens.from_environment({variable: "short"})


def test_one_token_for_two_roles_is_refused() -> None:
    with pytest.raises(BadInput, match="Two roles have the same token"):
        Tokens.from_environment({"GREKKO_TOKEN_VIEWER": LONG[Role.ADMIN], "GREKKO_TOKEN_ADMIN": LONG[Role.ADMIN]})


def test_no_token_at_all_is_possible_and_opens_nothing() -> None:
    tokens = Tokens.from_environment({})
    assert tokens.by_role == {}
    assert tokens.role_of("") is None


def test_a_made_up_token_is_a_trader_s_and_never_the_same_twice() -> None:
    one, other = Tokens.made_up(), Tokens.made_up()
    assert list(one.by_role) == [Role.TRADER]
    assert one.by_role != other.by_role


def test_tokens_are_not_told_by_accident() -> None:
    assert LONG[Role.ADMIN] not in repr(Tokens({Role.ADMIN: LONG[Role.ADMIN]}))
