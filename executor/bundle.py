"""Loads a bundle only when it is whole, means what we can compute, and answers as its maker says it should.

Hashes first, then features and outputs against those of its kind, then the graph, then the golden rows. Whatever fails is named;
nothing half-checked is ever used.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, NoReturn

from domain.bundles import (
    ACTIONS,
    FORMAT,
    INPUT,
    LARGEST_MANIFEST_BYTES,
    LARGEST_MODEL_BYTES,
    MANIFEST,
    MODEL,
    MOST_GOLDEN_ROWS,
    NOW,
    TOLERANCE,
    sha256,
)
from domain.features import LIMIT, schema
from domain.kinds import EXECUTION, KINDS, Kind
from domain.problems import BadInput, BundleRejected
from executor.onnx_graph import reaches_outside

if TYPE_CHECKING:
    from onnxruntime import InferenceSession


class OneRow:
    """A place for one question and its answer, bound to the graph once: nothing is allocated or looked up by name when an order waits."""

    def __init__(self, session: InferenceSession, kind: Kind) -> None:
        import numpy as np
        from onnxruntime import OrtValue

        self._session = session
        # One place, so one question at a time; it is held for some microseconds.
        self._lock = Lock()
        self._asked = np.zeros((1, len(kind.features)), dtype=np.float32)
        self._answered = np.zeros((1, len(kind.outputs)), dtype=np.float32)
        self._binding = session.io_binding()
        # On the CPU a value shares the array's memory.
        self._values = [OrtValue.ortvalue_from_numpy(self._asked), OrtValue.ortvalue_from_numpy(self._answered)]
        self._binding.bind_ortvalue_input(INPUT, self._values[0])
        self._binding.bind_ortvalue_output(kind.tensor, self._values[1])

    def ask(self, features: Sequence[float]) -> list[float]:
        """The graph's numbers for one row."""
        with self._lock:
            self._asked[0] = features
            self._session.run_with_iobinding(self._binding)
            return self._answered[0].tolist()


@dataclass(frozen=True, slots=True)
class LoadedBundle:
    """A verified bundle, warm in memory. `actions` and `wait` mean something for the kind `execution` only."""

    sha256: str
    policy: str
    actions: tuple[str, ...]
    wait: timedelta
    manifest: Mapping[str, Any]
    session: InferenceSession = field(repr=False, compare=False)
    kind: Kind = field(default=EXECUTION, repr=False)
    one_row: OneRow = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "one_row", OneRow(self.session, self.kind))

    def savings(self, features: Sequence[float]) -> dict[str, float]:
        """Expected saving of each action against executing now, bps. Raises as `answers` does."""
        return dict(zip(self.actions, self._numbers(features), strict=True))

    def answers(self, features: Sequence[float]) -> dict[str, float]:
        """Each output of the bundle's kind by name, for one vector of its features.

        Raises BadInput naming the feature that is no number, and BundleRejected when the model's own answer is none.
        """
        return {output.name: number for output, number in zip(self.kind.outputs, self._numbers(features), strict=True)}

    def answer(self, rows: Sequence[Sequence[float]]) -> list[list[float]]:
        """The same for several rows, in the manifest's order of outputs."""
        import numpy as np

        asked = np.asarray(rows, dtype=np.float32)
        if not np.isfinite(asked).all():
            self._refuse(next(row for row in rows if not all(map(math.isfinite, row))))
        return np.asarray(self.session.run([self.kind.tensor], {INPUT: asked})[0]).tolist()

    def _numbers(self, features: Sequence[float]) -> list[float]:
        # One sum tells whether any of them is no number: a feature is at most a million, so finite ones cannot add up to infinity.
        if len(features) != len(self.kind.features) or not math.isfinite(sum(features)):
            self._refuse(features)
        numbers = self.one_row.ask(features)
        if not math.isfinite(sum(numbers)):
            raise BundleRejected(
                f"Bundle {self.sha256[:12]} answers {numbers} to features that are numbers; roll back to the one before.",
                check="finite_answers",
                bundle=self.sha256,
            )
        return numbers

    def _refuse(self, features: Sequence[float]) -> NoReturn:
        names = self.kind.names
        if len(features) != len(names):
            raise BadInput(f"{len(features)} features were given, {self.policy} takes {len(names)}: {', '.join(names)}.", field="features")
        name, value = next((name, value) for name, value in zip(names, features, strict=True) if not math.isfinite(value))
        raise BadInput(f"Feature {name} is {value}; the facts it is made of must be finite numbers.", field=name)


def load_bundle(folder: Path, expected_sha256: str) -> LoadedBundle:
    """The bundle in `folder`, verified. Raises BundleRejected naming the check that failed."""
    content = _read(folder / MANIFEST, LARGEST_MANIFEST_BYTES)
    if sha256(content) != expected_sha256:
        raise _rejected(
            "manifest_hash", f"{MANIFEST} hashes to {sha256(content)}, not to {expected_sha256}; hand the bundle over again", folder
        )
    try:
        manifest = json.loads(content, parse_constant=_no_number)
        if manifest["format"] != FORMAT:
            raise _rejected("format", f"the format is {manifest['format']!r}, this executor reads {FORMAT!r}; train it again", folder)
        actions = tuple(action["name"] for action in manifest["actions"])
        promised, wait_seconds = manifest["files"][MODEL]["sha256"], int(manifest["wait_seconds"])
        golden, told, outputs_told, asked = manifest["golden"], manifest["features"], manifest["outputs"], manifest["kind"]
        policy = str(manifest["policy"])
        inputs, outputs = golden["inputs"], golden["outputs"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _rejected("manifest", f"{MANIFEST} lacks a field or has it in another shape ({error!r}); train it again", folder) from error
    kind = KINDS.get(asked) if isinstance(asked, str) else None
    if kind is None:
        raise _rejected("kind", f"its kind is {asked!r}; this executor knows {', '.join(KINDS)}", folder)
    if told != schema(kind.features):
        raise _rejected("feature_schema", f"{_difference(told, kind)}; train it again with this version of the features", folder)
    if outputs_told != kind.told():
        raise _rejected("output_schema", f"its outputs are {outputs_told}, {kind.name} answers {kind.told()}; train it again", folder)
    if actions != (ACTIONS if kind is EXECUTION else ()):
        known = f"this executor knows {list(ACTIONS)}, {NOW} first" if kind is EXECUTION else f"{kind.name} chooses nothing"
        raise _rejected("actions", f"its actions are {list(actions)}; {known}", folder)
    model = _read(folder / MODEL, LARGEST_MODEL_BYTES)
    if sha256(model) != promised:
        raise _rejected(
            "model_hash", f"{MODEL} hashes to {sha256(model)}, the manifest says {promised}; hand the bundle over again", folder
        )
    try:
        outside = reaches_outside(model)
    except ValueError as error:
        raise _rejected("model", f"{MODEL} is no ONNX graph, not even a protocol buffer ({error})", folder) from error
    if outside:
        raise _rejected("graph", f"{MODEL} is not taken: {outside}", folder)
    session = _session(model, kind, folder)
    bundle = LoadedBundle(expected_sha256, policy, actions, timedelta(seconds=wait_seconds), manifest, session, kind)
    _refuse_wrong_answers(bundle, inputs, outputs, folder)
    _refuse_wild_answers(bundle, folder)
    return bundle


def _refuse_wrong_answers(bundle: LoadedBundle, inputs: Any, outputs: Any, folder: Path) -> None:
    """The golden rows: also the warm-up, so the first order does not pay for it."""
    if not isinstance(inputs, list) or not isinstance(outputs, list) or len(inputs) != len(outputs) or not inputs:
        raise _rejected("golden_rows", "it must have golden rows, and as many answers to them", folder)
    if len(inputs) > MOST_GOLDEN_ROWS:
        raise _rejected("oversized", f"it has {len(inputs)} golden rows, at most {MOST_GOLDEN_ROWS} are read", folder)
    try:
        answers = bundle.answer(inputs)
        one_by_one = [bundle.one_row.ask(row) for row in inputs]
        off = max(
            abs(mine - theirs) / max(abs(theirs), 1)
            for given in (answers, one_by_one)
            for mine_row, their_row in zip(given, outputs, strict=True)
            for mine, theirs in zip(mine_row, their_row, strict=True)
        )
    except Exception as error:  # the runtime raises its own kinds, none of which we can name
        raise _rejected("golden_rows", f"the model cannot answer its own golden rows ({error})", folder) from error
    if not off <= TOLERANCE or not math.isfinite(off):
        raise _rejected("golden_rows", f"answers differ from the golden ones by {off:.3g}, {TOLERANCE:g} is allowed", folder)


def _refuse_wild_answers(bundle: LoadedBundle, folder: Path) -> None:
    """At the ends of what a feature can be, one by one and all at once, an answer must still be a number the kind allows."""
    kind = bundle.kind
    count = len(kind.features)
    rows = [[end] * count for end in (0.0, LIMIT, -LIMIT)]
    rows += [[end if at == other else 0.0 for other in range(count)] for at in range(count) for end in (LIMIT, -LIMIT)]
    for row, numbers in zip(rows, bundle.answer(rows), strict=True):
        if not all(math.isfinite(number) and kind.low <= number <= kind.high for number in numbers):
            raise _rejected(
                "finite_answers", f"to the features {row} it answers {numbers}, allowed are numbers from {kind.low} to {kind.high}", folder
            )


def _session(model: bytes, kind: Kind, folder: Path) -> InferenceSession:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # One row at a time: threads would only wait for each other.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the runtime raises its own kinds, none of which we can name
        raise _rejected("model", f"{MODEL} is no ONNX graph the runtime can load ({error})", folder) from error
    inputs = [(one.name, one.type) for one in session.get_inputs()]
    outputs = [(one.name, one.type) for one in session.get_outputs()]
    if inputs != [(INPUT, "tensor(float)")] or outputs != [(kind.tensor, "tensor(float)")]:
        raise _rejected("model", f"{MODEL} must take {INPUT!r} and give {kind.tensor!r}, both 32-bit floats, and nothing else", folder)
    return session


def _read(file: Path, most: int) -> bytes:
    try:
        with file.open("rb") as stream:
            content = stream.read(most + 1)
    except OSError as error:
        raise _rejected(
            "missing_file", f"{file.name} cannot be read ({error.strerror}); hand the bundle over again", file.parent
        ) from error
    if len(content) > most:
        raise _rejected("oversized", f"{file.name} has more than {most} bytes; no policy of ours needs so many", file.parent)
    return content


def _no_number(told: str) -> NoReturn:
    raise ValueError(f"{told} is no number")


def _difference(told: Any, kind: Kind) -> str:
    ours = schema(kind.features)
    if not isinstance(told, list) or len(told) != len(ours):
        return f"it wants {len(told) if isinstance(told, list) else 'no list of'} features, this executor computes {len(ours)}"
    position, theirs, mine = next((at, one, other) for at, (one, other) in enumerate(zip(told, ours, strict=True)) if one != other)
    return f"feature {position} is {theirs}, this executor computes {mine}"


def _rejected(check: str, why: str, folder: Path) -> BundleRejected:
    return BundleRejected(f"Bundle {folder.name[:12]} is not loaded: {why}.", check=check, bundle=folder.name)
