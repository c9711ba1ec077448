"""The words both sides of a bundle share."""

from __future__ import annotations

import pytest

from domain.bundles import ACTIONS, MEANING, canonical, choice, sha256


def test_the_same_manifest_is_the_same_bytes_in_any_order() -> None:
    assert canonical({"b": 1, "a": [1.5, "é"]}) == canonical({"a": [1.5, "é"], "b": 1})
    assert sha256(canonical({"a": 1})) != sha256(canonical({"a": 2}))


def test_a_manifest_with_a_number_that_is_none_is_no_manifest() -> None:
    with pytest.raises(ValueError, match="JSON"):
        canonical({"a": float("nan")})


def test_the_highest_saving_is_chosen_and_of_equals_the_first() -> None:
    assert choice({"now": 0.0, "split": 1.0, "wait": 0.5}) == "split"
    assert choice({"now": 0.0, "split": 0.0, "wait": 0.0}) == "now"


def test_every_action_says_what_it_means() -> None:
    assert set(MEANING) == set(ACTIONS)
