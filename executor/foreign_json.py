"""JSON from outside, read only when it is not nested deeper than anything we know: the parser's own stack is not endless."""

from __future__ import annotations

import json
import re
from itertools import accumulate
from typing import Any

DEEPEST = 64
_TEXT = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_STEPS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}


def read_foreign(content: bytes | str, deepest: int = DEEPEST) -> Any:
    """The document. Raises ValueError when it is no JSON (RFC 8259), or nested deeper than `deepest`."""
    raw = content.encode(errors="surrogatepass") if isinstance(content, str) else content
    # An unfinished text is left in; its brackets count then, and the parser refuses it anyway.
    steps = (_STEPS[byte] for byte in _TEXT.sub(b"", raw) if byte in _STEPS)
    if max(accumulate(steps), default=0) > deepest:
        raise ValueError(f"nested deeper than {deepest}")
    return json.loads(content)
