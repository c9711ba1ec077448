"""Writes a bundle: the policy as ONNX, and a manifest by which the executor can tell that it is whole and means what it expects."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from domain.bundles import ACTIONS, FORMAT, GOLDEN_ROWS, INPUT, MANIFEST, MEANING, MODEL, TOLERANCE, canonical, sha256
from domain.features import schema, schema_sha256
from domain.kinds import EXECUTION, Kind
from domain.problems import Broken

# The code a bundle's answers come from: a change in any of it is another code version.
SOURCES = (
    "domain/base_fee.py",
    "domain/block_features.py",
    "domain/bundles.py",
    "domain/features.py",
    "domain/kinds.py",
    "domain/market.py",
    "models/bandit.py",
    "models/bundle.py",
    "models/change_point.py",
    "models/execution.py",
    "models/forests.py",
    "models/graphs.py",
    "models/policies/*.py",
    "models/policy.py",
    "models/reward.py",
    "models/training.py",
    "models/walk_forward.py",
)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a policy comes from: what it learned from, by which code, and the promotion policy it is going to be judged by."""

    policy: str
    seed: int
    first_order: str | None
    last_order: str | None
    orders: int
    data_sha256: str
    policy_sha256: str


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle on disk. `sha256` is the hash of its manifest and the name of its folder."""

    folder: Path
    sha256: str
    manifest: Mapping[str, Any]


def write_bundle(
    under: Path,
    onnx: bytes,
    rows: np.ndarray,
    answers: np.ndarray,
    wait_seconds: int,
    origin: Origin,
    kind: Kind = EXECUTION,
    meaning: Mapping[str, str] = MEANING,
) -> Bundle:
    """Puts the bundle at `under`/<hash>, whole or not at all; the same content again is the same folder.

    `rows` are vectors of the kind's features and `answers` what the policy itself says about them: up to 64 become the golden rows.
    Raises Broken when the ONNX graph does not give the same answers, so a conversion fault never leaves the house.
    """
    golden = _golden(rows, answers)
    _refuse_disagreement(onnx, np.asarray(rows, dtype=np.float32), answers, kind)
    manifest = {
        "format": FORMAT,
        "kind": kind.name,
        "policy": origin.policy,
        "actions": [{"name": action, "meaning": meaning[action]} for action in ACTIONS] if kind is EXECUTION else [],
        "wait_seconds": wait_seconds,
        "input": INPUT,
        "output": kind.tensor,
        "outputs": kind.told(),
        "features": schema(kind.features),
        "features_sha256": schema_sha256(kind.features),
        "golden": golden,
        "training": {
            "seed": origin.seed,
            "first_order": origin.first_order,
            "last_order": origin.last_order,
            "orders": origin.orders,
            "data_sha256": origin.data_sha256,
        },
        "policy_sha256": origin.policy_sha256,
        "code_sha256": code_sha256(),
        "files": {MODEL: {"sha256": sha256(onnx), "bytes": len(onnx)}},
    }
    content = canonical(manifest)
    digest = sha256(content)
    folder = under / digest
    if not folder.is_dir():
        _place(folder, {MODEL: onnx, MANIFEST: content})
    return Bundle(folder, digest, manifest)


def read_bundle(folder: Path) -> Bundle:
    """A bundle written before, without looking inside; the executor's own verification is stricter."""
    content = (folder / MANIFEST).read_bytes()
    return Bundle(folder, sha256(content), json.loads(content))


def predict(onnx: bytes, rows: np.ndarray, kind: Kind = EXECUTION) -> np.ndarray:
    """What an exported policy says about some rows."""
    import onnxruntime

    session = onnxruntime.InferenceSession(onnx, providers=["CPUExecutionProvider"])
    return np.asarray(session.run([kind.tensor], {INPUT: np.asarray(rows, dtype=np.float32)})[0])


def code_sha256() -> str:
    """One hash over the sources a policy's answers come from."""
    root = Path(__file__).resolve().parent.parent
    files = [file for source in SOURCES for file in sorted(root.glob(source))]
    return sha256(b"".join(sha256(file.read_bytes()).encode() for file in files))


def _golden(rows: np.ndarray, answers: np.ndarray) -> dict[str, Any]:
    # Spread over the orders, so that quiet and wild moments are both among them.
    picked = np.unique(np.linspace(0, len(rows) - 1, num=min(GOLDEN_ROWS, len(rows))).round().astype(int)) if len(rows) else []
    return {
        "inputs": [[float(value) for value in rows[at]] for at in picked],
        "outputs": [[float(value) for value in answers[at]] for at in picked],
        "tolerance": TOLERANCE,
    }


def _refuse_disagreement(onnx: bytes, rows: np.ndarray, answers: np.ndarray, kind: Kind) -> None:
    if not len(rows):
        return
    off = np.abs(predict(onnx, rows, kind) - answers) / np.maximum(np.abs(answers), 1)
    wrong = int((~(off <= TOLERANCE)).any(axis=1).sum())
    if wrong:
        raise Broken(
            f"The exported graph differs from the policy by {off.max():.2g} on {wrong} of {len(rows)} orders; "
            "check that the features are 32-bit values and that the converter's version is the locked one.",
            worst=float(off.max()),
        )


def _place(folder: Path, files: Mapping[str, bytes]) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=".bundle-", dir=folder.parent))
    for name, content in files.items():
        (temporary / name).write_bytes(content)
    temporary.chmod(0o755)
    try:
        temporary.rename(folder)
    except OSError:
        # Another writer was faster; the name is the hash, so its content is ours.
        shutil.rmtree(temporary)
