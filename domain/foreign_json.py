"""JSON from outside, read only when it is not nested deeper than anything we know: the parser's own stack is not endless."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from itertools import accumulate
from typing import Any

DEEPEST = 64
_TEXT = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_STEPS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_OTHERS = bytes(byte for byte in range(256) if byte not in _STEPS)


def read_foreign(content: bytes | str, deepest: int = DEEPEST, parse_constant: Callable[[str], Any] | None = None) -> Any:
    """The document. Raises ValueError when it is no JSON (RFC 8259), or nested deeper than `deepest`.

    `parse_constant` is asked about NaN and the infinities, as the parser of the standard library does.
    """
    raw = content.encode(errors="surrogatepass") if isinstance(content, str) else content
    # An unfinished text is left in; its brackets count then, and the parser refuses it anyway.
    brackets = _TEXT.sub(b"", raw).translate(None, _OTHERS)
    if max(accumulate(_STEPS[byte] for byte in brackets), default=0) > deepest:
        raise ValueError(f"nested deeper than {deepest}")
    return json.loads(content, parse_constant=parse_constant)
