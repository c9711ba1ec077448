"""What can go wrong, named for what the caller does next.

Problem
├── Refused        the request cannot be served as it stands: change it, do not retry
│   ├── BadInput           a file, field or argument is not what it must be
│   ├── NotEnoughLiquidity the pool cannot give that much
│   ├── NoRoute            no path joins the two tokens
│   ├── UnknownPool        no pool goes by that id or address
│   ├── UnknownToken       no token goes by that symbol or address
│   ├── BundleRejected     a model bundle failed its verification
│   ├── NotAllowed         the caller did not show that it may do this
│   └── OrderConflict      an order id was used before for another order
├── Unavailable    the other side did not answer: retry later
└── Broken         an invariant of ours does not hold: page a person
"""

from __future__ import annotations

from typing import Any


class Problem(Exception):
    """Anything Grekko raises on purpose: a sentence that says what to do, and the facts behind it."""

    def __init__(self, message: str, **facts: Any) -> None:
        super().__init__(message)
        self.message = message
        self.facts = facts

    def to_json(self) -> dict[str, Any]:
        """The error as a flat document: `error` is the name, `message` the sentence, the rest are the facts."""
        return {"error": type(self).__name__, "message": self.message, **self.facts}


class Refused(Problem):
    """The request cannot be served as it stands; the same request will be refused again."""


class Unavailable(Problem):
    """Something outside did not answer; the same request may succeed later."""


class Broken(Problem):
    """An invariant of ours does not hold; a person must look."""


class BadInput(Refused):
    """A file, field or argument is not what it must be."""


class NotEnoughLiquidity(Refused):
    """The pool cannot give, or take, that much."""


class NoRoute(Refused):
    """No path of pools joins the two tokens."""


class UnknownPool(Refused):
    """No pool goes by that id or address."""


class UnknownToken(Refused):
    """No token goes by that symbol or address."""


class BundleRejected(Refused):
    """A model bundle failed its verification and is not loaded."""


class NotAllowed(Refused):
    """The caller did not show that it may do this."""


class OrderConflict(Refused):
    """A client order id was used before, for an order that was not the same."""
