"""Loads a bundle only when it is whole, means what we can compute, and answers as its maker says it should.

Hashes first, then the feature schema against our own, then the golden rows. Whatever fails is named; nothing half-checked is ever used.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from domain.bundles import ACTIONS, FORMAT, INPUT, MANIFEST, MODEL, NOW, OUTPUT, TOLERANCE, sha256
from domain.features import schema
from domain.problems import BundleRejected

if TYPE_CHECKING:
    from onnxruntime import InferenceSession


@dataclass(frozen=True, slots=True)
class LoadedBundle:
    """A verified bundle, warm in memory."""

    sha256: str
    policy: str
    actions: tuple[str, ...]
    wait: timedelta
    manifest: Mapping[str, Any]
    session: InferenceSession = field(repr=False, compare=False)

    def savings(self, features: Sequence[float]) -> dict[str, float]:
        """Expected saving of each action against executing now, bps."""
        return dict(zip(self.actions, self.answer([features])[0], strict=True))

    def answer(self, rows: Sequence[Sequence[float]]) -> list[list[float]]:
        """The same for several orders, in the manifest's order of actions."""
        import numpy as np

        return np.asarray(self.session.run([OUTPUT], {INPUT: np.asarray(rows, dtype=np.float32)})[0]).tolist()


def load_bundle(folder: Path, expected_sha256: str) -> LoadedBundle:
    """The bundle in `folder`, verified. Raises BundleRejected naming the check that failed."""
    content = _read(folder / MANIFEST)
    if sha256(content) != expected_sha256:
        raise _rejected(
            "manifest_hash", f"{MANIFEST} hashes to {sha256(content)}, not to {expected_sha256}; hand the bundle over again", folder
        )
    try:
        manifest = json.loads(content)
        if manifest["format"] != FORMAT:
            raise _rejected("format", f"the format is {manifest['format']!r}, this executor reads {FORMAT!r}; train it again", folder)
        actions = tuple(action["name"] for action in manifest["actions"])
        promised, wait_seconds = manifest["files"][MODEL]["sha256"], int(manifest["wait_seconds"])
        golden, told = manifest["golden"], manifest["features"]
        policy = str(manifest["policy"])
        inputs, outputs = golden["inputs"], golden["outputs"]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _rejected("manifest", f"{MANIFEST} lacks a field or has it in another shape ({error!r}); train it again", folder) from error
    if told != schema():
        raise _rejected("feature_schema", f"{_difference(told)}; train it again with this version of the features", folder)
    unknown = [action for action in actions if action not in ACTIONS]
    if unknown or not actions or actions[0] != NOW:
        raise _rejected("actions", f"its actions are {list(actions)}; this executor knows {list(ACTIONS)}, {NOW} first", folder)
    model = _read(folder / MODEL)
    if sha256(model) != promised:
        raise _rejected(
            "model_hash", f"{MODEL} hashes to {sha256(model)}, the manifest says {promised}; hand the bundle over again", folder
        )
    bundle = LoadedBundle(expected_sha256, policy, actions, timedelta(seconds=wait_seconds), manifest, _session(model, folder))
    _refuse_wrong_answers(bundle, inputs, outputs, folder)
    return bundle


def _refuse_wrong_answers(bundle: LoadedBundle, inputs: Any, outputs: Any, folder: Path) -> None:
    """The golden rows: also the warm-up, so the first order does not pay for it."""
    if not inputs or len(inputs) != len(outputs):
        raise _rejected("golden_rows", f"it has {len(inputs)} golden rows and {len(outputs)} answers; both must be there", folder)
    try:
        answers = bundle.answer(inputs)
        off = max(
            abs(mine - theirs) / max(abs(theirs), 1)
            for mine_row, their_row in zip(answers, outputs, strict=True)
            for mine, theirs in zip(mine_row, their_row, strict=True)
        )
    except Exception as error:  # the runtime raises its own kinds, none of which we can name
        raise _rejected("golden_rows", f"the model cannot answer its own golden rows ({error})", folder) from error
    if not off <= TOLERANCE or not math.isfinite(off):
        raise _rejected("golden_rows", f"answers differ from the golden ones by {off:.3g}, {TOLERANCE:g} is allowed", folder)


def _session(model: bytes, folder: Path) -> InferenceSession:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # One row at a time: threads would only wait for each other.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the runtime raises its own kinds, none of which we can name
        raise _rejected("model", f"{MODEL} is no ONNX graph the runtime can load ({error})", folder) from error
    if [one.name for one in session.get_inputs()] != [INPUT] or OUTPUT not in [one.name for one in session.get_outputs()]:
        raise _rejected("model", f"{MODEL} must take {INPUT!r} and give {OUTPUT!r}", folder)
    return session


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise _rejected(
            "missing_file", f"{file.name} cannot be read ({error.strerror}); hand the bundle over again", file.parent
        ) from error


def _difference(told: Any) -> str:
    ours = schema()
    if not isinstance(told, list) or len(told) != len(ours):
        return f"it wants {len(told) if isinstance(told, list) else 'no list of'} features, this executor computes {len(ours)}"
    position, theirs, mine = next((at, one, other) for at, (one, other) in enumerate(zip(told, ours, strict=True)) if one != other)
    return f"feature {position} is {theirs}, this executor computes {mine}"


def _rejected(check: str, why: str, folder: Path) -> BundleRejected:
    return BundleRejected(f"Bundle {folder.name[:12]} is not loaded: {why}.", check=check, bundle=folder.name)
