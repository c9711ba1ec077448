"""Models of the shelf come into force whole, by share or in the shadow; whatever does not pass changes nothing and is named."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from domain.assignment import bucket_of
from domain.problems import ActivationConflict, ActivationUnderWay, BadInput, JournalUnavailable, Problem, Unavailable, UnknownModel
from executor.activation import Activation, Stage, Wish
from executor.activation import activation as activation_module
from tests.executor.activation.shelves import NAME, activate, decide, opened
from tests.executor.trading_floor import always, hand_over


def test_a_model_of_the_shelf_becomes_the_champion_and_the_one_before_stays_resident(activation: Activation) -> None:
    operation = activate(activation, 1)
    assert (operation.stage, operation.generation) == (Stage.DONE, 2)
    assert set(operation.seconds) >= {"verifying", "warming", "shifting", "pause", "draining"}
    now = activation.deployment
    assert (now.champion.version, now.challenger, now.previous and now.previous.version) == ("1", None, "v1")
    assert decide(activation, "a")[0].facts["action"] == "split"


def test_a_share_keeps_the_champion_and_gives_the_challenger_its_buckets(activation: Activation) -> None:
    activate(activation, 1, share_percent=30)
    salt = activation.deployment.salt
    for entry in decide(activation, *map(str, range(60))):
        facts = entry.facts
        bucket = bucket_of(str(entry.order_id), salt)
        assert (facts["bucket"], facts["experiment"], facts["generation"]) == (bucket, salt, 2)
        mine, other = ("split", "now") if bucket < 3000 else ("now", "split")
        assert (facts["arm"], facts["action"]) == ("challenger" if bucket < 3000 else "champion", mine)
        assert facts["shadow"]["action"] == other


def test_growing_a_share_moves_no_order_back(activation: Activation) -> None:
    activate(activation, 1, share_percent=10)
    before = {entry.order_id for entry in decide(activation, *(f"a{n}" for n in range(50))) if entry.facts["arm"] == "challenger"}
    salt = activation.deployment.salt
    activate(activation, 1, share_percent=50)
    assert activation.deployment.salt == salt
    assert before and all(activation.deployment.place_of(str(order_id)).arm == "challenger" for order_id in before)


def test_a_shadow_answers_and_is_never_used(activation: Activation) -> None:
    activate(activation, 1, shadow=True)
    for entry in decide(activation, *map(str, range(20))):
        assert (entry.facts["arm"], entry.facts["action"], entry.facts["shadow"]["action"]) == ("champion", "now", "split")
        assert entry.facts["shadow"]["savings_bps"] == {"now": 0.0, "split": 5.0, "wait": -1.0}
    assert activation.document()["shadow"] is True


def test_the_same_activation_again_is_the_same_operation(activation: Activation) -> None:
    first = activate(activation, 1, share_percent=10)
    assert activation.ask(Wish.of(NAME, 1, 10)) == (first, False)
    assert activation.ask(Wish.of(NAME, "1", 10), if_generation=1) == (first, False), "nothing would change, so nothing came between"
    assert activation.deployment.generation == 2


def test_the_same_activation_while_it_is_under_way_is_the_same_operation(activation: Activation) -> None:
    operation, is_new = activation.ask(Wish.of(NAME, 1))
    assert is_new and activation.ask(Wish.of(NAME, 1)) == (operation, False)


def test_a_key_belongs_to_one_activation(activation: Activation) -> None:
    operation, _ = activation.ask(Wish.of(NAME, 1), key="k")
    asyncio.run(activation.carry_out(operation))
    activate(activation, 2)
    assert activation.ask(Wish.of(NAME, 1), key="k") == (operation, False), "also when another is in force by now"
    with pytest.raises(ActivationConflict, match="use a new one"):
        activation.ask(Wish.of(NAME, 3), key="k")


def test_an_activation_for_another_generation_is_refused(activation: Activation) -> None:
    activate(activation, 1)
    with pytest.raises(ActivationConflict, match="Generation 2 is in force, not 1"):
        activation.ask(Wish.of(NAME, 2), if_generation=1)
    assert activation.ask(Wish.of(NAME, 2), if_generation=2)[1]


def test_what_is_in_flight_is_waited_for_and_another_activation_is_told_when_to_come_back(activation: Activation) -> None:
    async def drain() -> None:
        operation, _ = activation.ask(Wish.of(NAME, 1))
        with activation.deciding() as snapshot:
            carrying = asyncio.create_task(activation.carry_out(operation))
            while operation.stage is not Stage.DRAINING:
                await asyncio.sleep(0.001)
            assert snapshot.deployment.generation == 1 and activation.deployment.generation == 2
            assert activation.document()["draining"] == [{"generation": 1, "in_flight": 1}]
            with pytest.raises(ActivationUnderWay, match="draining; ask again in 1 s") as refused:
                activation.ask(Wish.of(NAME, 2))
            assert refused.value.facts["retry_after_seconds"] == 1
            await asyncio.sleep(0.01)
            assert operation.stage is Stage.DRAINING
        await carrying
        assert operation.stage is Stage.DONE and activation.document()["draining"] == []

    asyncio.run(drain())
    assert activate(activation, 2).stage is Stage.DONE


def test_a_decision_that_hangs_is_not_waited_for_for_ever(activation: Activation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activation_module, "LONGEST_DRAIN_SECONDS", 0.01)
    with activation.deciding():
        assert activate(activation, 1).stage is Stage.DONE
    assert activation.log.last(("model_drained",)) is None, "the log does not say what is not so"


def test_a_snapshot_that_was_replaced_just_before_it_was_counted_is_taken_anew(
    activation: Activation, monkeypatch: pytest.MonkeyPatch
) -> None:
    stale = activation.snapshot
    activate(activation, 1)
    fresh = activation.snapshot
    looks = iter([stale, fresh, fresh, fresh])
    monkeypatch.setattr(Activation, "snapshot", property(lambda _: next(looks)))
    assert activation.taken() is fresh
    assert (stale.flight.count, fresh.flight.count) == (0, 1)


def test_a_model_pinned_to_another_hash_is_refused(activation: Activation, hashes: dict[int, str]) -> None:
    for version in (1, 2):
        with pytest.raises(BadInput, match="pinned to"):
            activation.ask(Wish.of(NAME, version, bundle_sha256="ab" * 32))
        assert activate(activation, version, bundle_sha256=hashes[version]).stage is Stage.DONE
        with pytest.raises(BadInput, match="pinned to"):
            activation.ask(Wish.of(NAME, version, bundle_sha256="ab" * 32))


def test_an_unknown_model_is_told_what_is_on_the_shelf(activation: Activation) -> None:
    with pytest.raises(UnknownModel, match=r"no execution 4 on the shelf; there is execution \d, execution \d, execution \d"):
        activation.ask(Wish.of(NAME, 4))
    with pytest.raises(UnknownModel, match="there is execution"):
        activation.ask(Wish.of("other", 1))


@pytest.mark.parametrize("share", [0, -1, 100.01, 0.004, float("nan")])
def test_a_share_out_of_range_is_refused(share: float) -> None:
    with pytest.raises(BadInput, match="share_percent is"):
        Wish.of(NAME, 1, share)


def test_the_champion_is_no_challenger_of_itself(activation: Activation) -> None:
    activate(activation, 1)
    for wish in (Wish.of(NAME, 1, 10), Wish.of(NAME, 1, shadow=True)):
        with pytest.raises(BadInput, match="is the champion"):
            activation.ask(wish)


def test_the_champion_activated_whole_sends_its_challenger_home(activation: Activation) -> None:
    activate(activation, 1)
    activate(activation, 2, share_percent=10)
    activate(activation, 1)
    now = activation.deployment
    assert (now.champion.version, now.challenger, now.previous and now.previous.version) == ("1", None, "v1")


def tampered(bundle: Path) -> None:
    content = bytearray((bundle / "model.onnx").read_bytes())
    content[len(content) // 2] ^= 1
    (bundle / "model.onnx").write_bytes(content)


def truncated(bundle: Path) -> None:
    (bundle / "model.onnx").write_bytes((bundle / "model.onnx").read_bytes()[:-9])


def of_another_schema(bundle: Path) -> None:
    manifest = json.loads((bundle / "manifest.json").read_bytes())
    manifest["features"][0]["unit"] = "furlong"
    (bundle / "manifest.json").write_text(json.dumps(manifest))


def vanished(bundle: Path) -> None:
    (bundle / "model.onnx").unlink()


@pytest.mark.parametrize(
    ("spoil", "check"),
    [(tampered, "model_hash"), (truncated, "model_hash"), (of_another_schema, "manifest_hash"), (vanished, "missing_file")],
)
def test_a_bundle_that_does_not_pass_changes_nothing_and_says_why(
    activation: Activation, folder: Path, hashes: dict[int, str], spoil: Any, check: str
) -> None:
    spoil(folder / "bundle" / hashes[1])
    operation = activate(activation, 1)
    assert (operation.stage, operation.check) == (Stage.FAILED, check)
    assert "is not loaded" in str(operation.reason)
    assert activation.deployment.generation == 1
    assert activate(activation, 2).stage is Stage.DONE, "and nothing is in its way"


@pytest.mark.parametrize("content", [b"rubbish", b"{}", b""])
def test_a_pointer_that_is_none_is_refused(activation: Activation, folder: Path, content: bytes) -> None:
    (folder / "models" / NAME / "1.json").write_bytes(content)
    with pytest.raises(BadInput, match="place the model on the shelf again"):
        activation.ask(Wish.of(NAME, 1))
    (folder / "models" / NAME / "1.json").unlink()
    (folder / "models" / NAME / "1.json").mkdir()
    with pytest.raises(BadInput, match="cannot be read"):
        activation.ask(Wish.of(NAME, 1))


def test_a_version_that_becomes_another_bundle_meanwhile_is_refused(activation: Activation, folder: Path, hashes: dict[int, str]) -> None:
    operation, _ = activation.ask(Wish.of(NAME, 1))
    pointer = folder / "models" / NAME / "1.json"
    pointer.write_text(pointer.read_text().replace(hashes[1], hashes[2]))
    asyncio.run(activation.carry_out(operation))
    assert (operation.stage, operation.check) == (Stage.FAILED, "pointer")


def test_whatever_else_goes_wrong_ends_the_activation(activation: Activation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activation_module, "_warm_up", lambda model: 1 / 0)
    operation = activate(activation, 1)
    assert (operation.stage, operation.check) == (Stage.FAILED, "unexpected")
    assert activation.operations.under_way() is None


def test_a_handover_that_comes_between_supersedes_an_activation(activation: Activation, folder: Path, tmp_path: Path) -> None:
    operation, _ = activation.ask(Wish.of(NAME, 1))
    hand_over(folder, always("wait", tmp_path / "bundles"), "v2")
    assert activation.refresh()
    asyncio.run(activation.carry_out(operation))
    assert (operation.stage, operation.check) == (Stage.FAILED, "superseded")
    assert activation.deployment.champion.version == "v2"


def test_a_handover_that_only_refreshes_the_pools_keeps_what_was_activated(activation: Activation, folder: Path, tmp_path: Path) -> None:
    from tests.executor.trading_floor import champion

    activate(activation, 1, share_percent=10)
    before = activation.deployment
    hand_over(folder, champion(tmp_path / "bundles"), "v1", usdc_per_weth=2_900.0)
    assert activation.refresh()
    assert activation.current.generation == 2
    assert activation.deployment == before


def test_a_full_disk_activates_nothing(activation: Activation, monkeypatch: pytest.MonkeyPatch) -> None:
    operation, _ = activation.ask(Wish.of(NAME, 1))

    def full(entries: Any) -> None:
        raise JournalUnavailable("The disk is full.")

    with monkeypatch.context() as patched:
        patched.setattr(activation.log, "append", full)
        asyncio.run(activation.carry_out(operation))
        with pytest.raises(Problem, match="full"):
            activation.ask(Wish.of(NAME, 2))
    assert operation.stage is Stage.FAILED and activation.deployment.generation == 1
    assert activate(activation, 2).stage is Stage.DONE


def test_where_it_would_be_forgotten_nothing_is_activated(activation: Activation, folder: Path) -> None:
    second = opened(folder)
    assert not second.document()["durable"]
    with pytest.raises(Unavailable, match=r"would be forgotten\. Another executor .* owns"):
        second.ask(Wish.of(NAME, 1))


def test_an_operation_that_nobody_began_is_unknown(activation: Activation) -> None:
    with pytest.raises(UnknownModel, match="no activation activation-99"):
        activation.operations.get("activation-99")
