"""The kinds of answers: each says what goes in and what comes out, with units."""

from __future__ import annotations

from domain.bundles import ACTIONS
from domain.kinds import EXECUTION, KINDS


def test_each_kind_says_its_features_and_outputs_with_units() -> None:
    assert len({kind.tensor for kind in KINDS.values()}) == len(KINDS)
    for name, kind in KINDS.items():
        assert kind.name == name
        assert len(set(kind.names)) == len(kind.features) > 0
        assert all(output["unit"] and output["meaning"] for output in kind.told())
        assert all(feature.unit and feature.known and feature.source for feature in kind.features)


def test_an_execution_bundle_answers_for_every_action() -> None:
    assert tuple(output.name for output in EXECUTION.outputs) == ACTIONS
