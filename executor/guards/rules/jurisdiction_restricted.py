"""A client trades no token, and through no pool, that its jurisdictions restrict."""

from __future__ import annotations

from collections.abc import Iterator

from executor.guards.rule import Case, Rule, tokens_of

NAME = "jurisdiction_restricted"


def check(case: Case) -> None:
    """Raises LimitViolated for a token that is sold, bought or held on the way, and for a pool of the plan."""
    governing = case.governing
    if governing is None:
        return
    for placed in (*governing.of("restricted_tokens"), *governing.of("restricted_pools")):
        for address in _traded(case, placed.limit.metric):
            if address in placed.members:
                raise placed.violated(
                    NAME,
                    f"{case.name_of(address)} is restricted for this client; trade another.",
                    client_id=case.order.request.client_id,
                    value=address,
                    unit="restricted addresses",
                )


def _traded(case: Case, metric: str) -> Iterator[str]:
    if metric == "restricted_tokens":
        yield from tokens_of(case.order)
    elif case.order.routed is not None:
        yield from (leg.pool.lower() for leg in case.order.routed.legs)


RULE = Rule(NAME, ("intent", "routed", "sign"), "What may be sold to one client may not be sold to every other.", check)
