"""Whom an order is for is known, with a residence, and lives where the firm serves."""

from __future__ import annotations

from domain.problems import GuardRefused
from executor.guards.rule import Case, Rule

NAME = "client_jurisdiction"


def check(case: Case) -> None:
    """Raises GuardRefused for a client nobody knows, or of whom no residence is known; LimitViolated where its country is not served."""
    client_id = case.order.request.client_id
    if client_id is None:
        return
    governing = case.governing
    client = governing.client if governing else None
    if governing is None or client is None:
        raise GuardRefused(
            NAME,
            f"nobody knows a client {client_id}, so no rules can be chosen for it; add it to the file that the desk file names as "
            "`parties`, or leave client_id out for the firm's own account.",
            client_id=client_id,
            value=client_id,
            limit="a client that is known",
            unit="client id",
        )
    if client.residence is None:
        raise GuardRefused(
            NAME,
            f"the client {client_id} has no residence, so no rules can be chosen for it; add its country to the file of parties.",
            client_id=client_id,
            value="",
            limit="a residence",
            unit="country of residence",
        )
    for placed in governing.of("client_residence"):
        if client.residence in placed.members:
            raise placed.violated(
                NAME,
                f"the client lives in {client.residence}, which is not served.",
                client_id=client_id,
                value=client.residence,
                unit="country of residence",
            )


RULE = Rule(
    NAME,
    ("intent", "sign"),
    "Whose law holds is asked before anything is traded: without an answer the strictest would be the guess.",
    check,
)
