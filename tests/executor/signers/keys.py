"""Keys of tests, and the search for what a key could leave behind."""

from __future__ import annotations

import base64
import traceback

from executor.signers.local import Secret

KEY_BYTES = bytes(range(7, 39))
KEY_HEX = KEY_BYTES.hex()
PASSWORD = "correct horse battery staple"
ROUTER = "0x" + "55" * 20


def key() -> Secret:
    """A key that is easy to find again."""
    return Secret(bytes(KEY_BYTES))


def traces(text: str) -> list[str]:
    """The forms in which the key, or the password, stands in a text."""
    forms = {
        "hex": KEY_HEX,
        "number": str(int(KEY_HEX, 16)),
        "bytes": repr(KEY_BYTES)[2:-1],
        "base64": base64.b64encode(KEY_BYTES).decode(),
        "password": PASSWORD,
    }
    return [name for name, form in forms.items() if form.lower() in text.lower()]


def with_locals(problem: BaseException) -> str:
    """A traceback that shows the variables of every frame of ours and of libraries, of every cause too; the tests' own left out."""
    told, seen = [], problem
    while seen is not None:
        trace = traceback.TracebackException.from_exception(seen, capture_locals=True)
        frames = [frame for frame in trace.stack if "/tests/" not in frame.filename]
        told.append(f"{trace} {[(frame.name, frame.locals) for frame in frames]}")
        seen = seen.__context__
    return "\n".join(told)
