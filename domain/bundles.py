"""A model bundle as both sides know it: the side that trains writes it, the side that trades verifies it, and neither imports the other.

A folder named by the hash of its manifest; the manifest names every file by its hash, so the folder's name pins all of it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

FORMAT = "grekko-bundle/2"
MANIFEST, MODEL = "manifest.json", "model.onnx"
INPUT, OUTPUT = "features", "saving_bps"

# What a policy may choose. The first is the one every saving is measured against.
NOW, SPLIT, WAIT = "now", "split", "wait"
ACTIONS = (NOW, SPLIT, WAIT)
MEANING: Mapping[str, str] = {
    NOW: "execute at once on the best single path",
    SPLIT: "execute at once, shared between two paths",
    WAIT: "let the wait pass, then execute on the better of one path and a split",
}

GOLDEN_ROWS = 64
MOST_GOLDEN_ROWS = 1024
# A policy that decides in microseconds is small; what is larger is not read at all.
LARGEST_MODEL_BYTES, LARGEST_MANIFEST_BYTES = 32 << 20, 4 << 20
TOLERANCE = 1e-5  # of a golden answer, relative to the larger of it and 1


def canonical(manifest: Mapping[str, Any]) -> bytes:
    """The manifest as it is written and hashed: keys sorted, no blanks that could differ."""
    return (json.dumps(manifest, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False) + "\n").encode()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def choice(savings: Mapping[str, float]) -> str:
    """The action that saves most; of equals the one that stands first, so nothing is done without a reason."""
    return max(savings, key=lambda action: savings[action])
