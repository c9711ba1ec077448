"""A small rulebook of a place that does not exist, for tests; and the same with one line changed."""

from __future__ import annotations

from domain.regulation.reading import read_rulebook
from domain.regulation.rulebook import Rulebook

BASE = """\
version: 1
codelists:
  capacity: [DEAL, AOTC]
lists:
  LANDS: [AA, "NO"]
  restricted: ["0xAAaaAAaaAAaaAAaaAAaaAAaaAAaaAAaaAAaaAAaa"]
rates:
  SGD: {per_usd: "1.35", day: 2026-01-02, source: a round rate, verified: false}
jurisdictions:
  ZZ:
    name: Zedland
    authority: ZA
    countries: "@LANDS"
    timezone: Europe/Paris
    holidays: TARGET
    retention:
      - records: [transaction]
        years: 5
        extend_on_request_to: 7
        access:
          - {until_years: 2, tier: hot}
          - {until_years: null, tier: cold, within_business_days: 3}
        doc_ref: {corpus: Z Act, segment: Art 1, verified: true}
    limits:
      - {id: ZZ-L1, basis: law, metric: position_usd, most: "250000", on_breach: ["alert:slack"], text: most, doc_ref: {corpus: Z Act}}
      - {id: ZZ-L2, basis: internal_policy, metric: restricted_tokens, members: ["@restricted"], text: none, doc_ref: {corpus: firm}}
      - {id: ZZ-L3, basis: law, metric: client_residence, members: [IR], text: none, doc_ref: {corpus: Z Act}}
    kyc:
      providers: ["sanctions:un", "wallet:ofac"]
      threshold: 0.85
      review_from: 0.75
      refresh_days: 365
      travel_rule: {standard: ivms101.2023, minimum: "0"}
      doc_ref: {corpus: Z Act, segment: Art 2}
    regimes:
      ZMR:
        corpus: [Z Act]
        reports:
          trades:
            title: Trades
            record: transaction
            doc_ref: {body: ZA, corpus: Z Act, segment: Art 3, verified: true}
            source: {table: reportable_trades, key: [trade_id]}
            timing:
              period: day
              cron: "0 6 * * 1-5"
              deadline: T+1bd
              doc_ref: {corpus: Z Act, segment: Art 4}
            eligibility:
              - {id: ZZ-E1, test: executed_by_firm and side in @sides, reason: not ours}
            formats:
              xml:
                schema: iso20022/auth.016.001.03.xsd
                schema_status: carrier
                claim: Valid against auth.016.
                root: Document
                namespace: "urn:a"
                namespaces: {b: "urn:b"}
                extensions: [{prefix: gx, namespace: "urn:x", schema: own/x.xsd, schema_status: own_from_public_table}]
              csv: {schema: null, schema_status: none, claim: A listing., columns: [trade, price]}
            tree:
              - at: Tx
                json: trades
                group_by: [trade_id]
                on: [NEW]
                fields:
                  - {id: Z1, name: trade, path: "{action}/Id", json: trade.id, source: trade_id, clean: [alnum], length: 52}
                  - {id: Z2, name: price, path: gx:Price, expr: decimal(price) * 2, format: "decimal(18,5)", when: "side == 'BUY'"}
                children:
                  - at: More
                    fields:
                      - {id: Z3, name: rows, agg: count, format: integer, doc_ref: {corpus: Z Act, segment: Art 5}}
                      - {id: Z4, name: capacity, source: capacity, validate: "@capacity", map: {X: AOTC}, attributes: {Ccy: =USD}}
            nil_tree:
              - fields: [{id: N1, name: nothing, const: "0"}]
            rules:
              - {id: ZZ-R1, field: Z2, when: price is not null, then: decimal(price) > 0, text: more than nothing, severity: warn}
            lifecycle: {words: {NEW: New, CANCEL: Cxl}, becomes: {CORRECT: [CANCEL, NEW]}, nil: true}
            acknowledgement: {message: auth.031.001.01, timeout_business_days: 3, on_nack: [ticket]}
"""
BASE = BASE.replace("  LANDS:", "  sides: [BUY, SELL]\n  LANDS:")


def changed(old: str, new: str) -> dict[str, str]:
    """The base with one passage changed, which must be there once."""
    assert BASE.count(old) == 1, f"{old!r} is there {BASE.count(old)} times"
    return {"regulations.yaml": BASE.replace(old, new)}


def zedland() -> Rulebook:
    """The rulebook of Zedland."""
    return read_rulebook({"regulations.yaml": BASE})
