"""Nothing is traded with, through, to or from an address that stands on a list of those nobody may deal with."""

from __future__ import annotations

from collections.abc import Iterator

from domain.problems import LimitViolated
from executor.guards.rule import Case, Rule, tokens_of

NAME = "sanctioned_address"


def check(case: Case) -> None:
    """Raises LimitViolated for a listed token, pool, router, receiver or wallet. Holds for the firm's own account too."""
    governing = case.governing
    if governing is None or governing.listed is None:
        return
    for what, address in _met(case):
        entry = governing.listed.find(address)
        if entry is not None:
            raise LimitViolated(
                NAME,
                f"{what} {address} stands on a list of those nobody may deal with ({entry}); trade without it.",
                limit_id=NAME,
                jurisdiction=None,
                basis="law",
                doc_ref=entry,
                verified=False,
                client_id=case.order.request.client_id,
                value=address,
                limit="0",
                unit="listed addresses",
                on_breach="alert:slack, alert:email",
            )


def _met(case: Case) -> Iterator[tuple[str, str]]:
    """Everybody that the order meets, lowercase, and as what."""
    order, routed = case.order, case.order.routed
    yield from (("the token", token) for token in tokens_of(order))
    if order.account:
        yield "the account that pays and receives", order.account.lower()
    if case.governing is not None and case.governing.client is not None:
        yield from (("the client's wallet", wallet.lower()) for wallet in case.governing.client.wallets)
    if routed is None:
        return
    yield from (("the pool", leg.pool.lower()) for leg in routed.legs)
    yield from (("the router", address.lower()) for address in dict.fromkeys((routed.to, routed.spender)) if address)


RULE = Rule(NAME, ("intent", "routed", "sign"), "A swap with a listed address cannot be taken back, and ignorance is no excuse.", check)
