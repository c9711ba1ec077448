"""The kit itself: which checks a venue must pass, and what came of them."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from domain.problems import Problem
from executor.conformance.stage import Stage
from executor.venue import Venue

_SHAPES = {"ranges": "concentrated", "pairs": "constant_product"}


@dataclass(frozen=True, slots=True)
class Check:
    """One promise: its name, the sentence that is true when it holds, and how it is tried."""

    name: str
    promise: str
    run: Callable[[Stage], Awaitable[None]]
    shape: str | None


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of a check: whether the promise held, and if not, why."""

    check: str
    promise: str
    held: bool
    reason: str | None = None
    facts: tuple[tuple[str, Any], ...] = ()


@cache
def every_check() -> tuple[Check, ...]:
    """All checks: the public coroutines of the modules in `executor/conformance/checks/`, in the order they are written."""
    folder = importlib.import_module("executor.conformance.checks")
    found = []
    for module in pkgutil.iter_modules(folder.__path__):
        loaded = importlib.import_module(f"{folder.__name__}.{module.name}")
        shape = _SHAPES.get(module.name.split("_")[0])
        for name, value in vars(loaded).items():
            if inspect.iscoroutinefunction(value) and value.__module__ == loaded.__name__ and not name.startswith("_"):
                found.append(Check(name, (value.__doc__ or "").strip(), value, shape))
    return tuple(found)


def checks_for(venue: Venue) -> tuple[Check, ...]:
    """The checks that a venue of this shape must pass."""
    return tuple(check for check in every_check() if check.shape in (None, venue.shape))


async def run_check(check: Check, stage: Stage) -> Finding:
    """One check; what it did to the chain is taken back."""
    with stage.undone():
        try:
            await check.run(stage)
        except Problem as problem:
            return Finding(check.name, check.promise, False, problem.message, tuple(problem.facts.items()))
        except (ArithmeticError, AttributeError, LookupError, NotImplementedError, TypeError, ValueError) as fault:
            # A venue under trial may be wrong in any way; that is a finding, and the other checks still run.
            return Finding(check.name, check.promise, False, f"{type(fault).__name__}: {fault}")
    return Finding(check.name, check.promise, True)


async def run_kit(venue: Venue, stage: Stage) -> list[Finding]:
    """Every check of the venue's shape, in order."""
    return [await run_check(check, stage) for check in checks_for(venue)]
