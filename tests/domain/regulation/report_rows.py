"""Rows as the tables of compliance hold them, joined with people as a report joins them. Firms and persons are fictional."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl

from domain.regulation.report import Heading

DAY = date(2026, 3, 4)
MORNING = datetime(2026, 3, 4, tzinfo=UTC)
AMOUNT = pl.Decimal(38, 0)
WETH, USDC = "0x" + "c0" * 20, "0x" + "a0" * 20
WETH_DTI, USDC_DTI = "X9J9K872S", "D5RG2FHH0"
FIRM_LEI = "FICT00GREKKODEMO0005"
FIRM = {
    "lei": FIRM_LEI,
    "name": "Grekko Demo Markets SAS (fictional)",
    "tin": "FR00000000001",
    "tax_residence": "FR",
    "street": "1 rue de l'Exemple",
    "postcode": "75000",
    "city": "Paris",
    "country": "FR",
    "authorised_in": "FR",
}
PEOPLE: dict[str, dict[str, Any]] = {
    "C0001": {"kind": "legal", "country": "DE", "lei": "FICT00NORDLICHT00184", "name": "Nordlicht Handelsgesellschaft mbH (fictional)"},
    "C0002": {"kind": "legal", "country": "SG", "lei": "FICT00MERLIONFLOW104", "name": "Merlion Example Flow Pte. Ltd. (fictional)"},
    "C0003": {"kind": "natural", "country": "FR", "first_name": "Amélie", "surname": "Exemplaire", "birth": date(1984, 2, 29)},
    "C0004": {"kind": "legal", "country": "US", "lei": "FICT00CEDARPARTN0159", "name": "Cedar Example Partners LLC (fictional)"},
    "C0006": {
        "kind": "natural",
        "country": "SG",
        "first_name": "Mei Lin",
        "surname": "Sampleton",
        "birth": date(1990, 7, 17),
        "id": "S0000001A",
    },
    "C0007": {"kind": "natural", "country": "US", "first_name": "Jordan", "surname": "Placeholder", "birth": date(1988, 4, 1), "id": "X1"},
}


def heading(
    report_id: str = "EU.MiCA.transactions", days: int = 1, start: datetime = MORNING, reference: str = "GREKKO-2026-0001"
) -> Heading:
    """The heading of a report over some days from a morning, made an hour into the day after."""
    end = start + timedelta(days=days)
    return Heading(report_id, start, end, end + timedelta(hours=1), reference, FIRM)


def year(report_id: str = "OECD.CARF.annual", reference: str = "FR2026FR-GREKKO-0001") -> Heading:
    """The heading of a report over the calendar year 2026."""
    start, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
    return Heading(report_id, start, end, datetime(2027, 1, 15, 6, tzinfo=UTC), reference, FIRM)


def digest(text: str, size: int = 32) -> str:
    """A hash that a chain could have, from a text."""
    return "0x" + hashlib.sha256(text.encode()).hexdigest()[: 2 * size]


def person(client_id: str | None, prefix: str = "person_") -> dict[str, Any]:
    """The personal columns of a client, all null for nobody's."""
    names = [
        *(
            "kind",
            "name",
            "first_name",
            "surname",
            "birth_date",
            "birth_city",
            "birth_country",
            "nationality",
            "residence",
            "tax_residence",
        ),
        *("tin", "lei", "national_id", "national_id_scheme", "street", "postcode", "city", "country"),
    ]
    if client_id is None or client_id not in PEOPLE:
        return {prefix + name: None for name in names}
    who = PEOPLE[client_id]
    natural, country = who["kind"] == "natural", who["country"]
    told: dict[str, Any] = dict.fromkeys(names) | {"kind": who["kind"], "residence": country, "tax_residence": country}
    told |= {
        "tin": f"{country}-000-{client_id}",
        "lei": who.get("lei"),
        "street": "1 Sample Street",
        "postcode": "00001",
        "city": "Sampleton",
    }
    told |= {"country": country, "name": who.get("name") or f"{who['first_name']} {who['surname']}"}
    if natural:
        told |= {"first_name": who["first_name"], "surname": who["surname"], "birth_date": who["birth"], "birth_city": "Sampleton"}
        told |= {"birth_country": country, "nationality": country, "national_id_scheme": "NIDN" if "id" in who else "CONCAT"}
        told |= {"national_id": who.get("id") or f"{country}{who['birth']:%Y%m%d}AMELIEXEMP"}
    return {prefix + name: value for name, value in told.items()}


def owner(client_id: str | None) -> dict[str, Any]:
    """The columns that say who a row is for: a client, FIRM for the firm itself, None for nobody of ours."""
    told: dict[str, Any] = {"client_id": client_id, "client_national_id": None, "firm_lei": FIRM_LEI}
    who = PEOPLE.get(client_id or "")
    if client_id == "FIRM":
        told |= {"client_kind": "legal", "client_country": "FR", "client_tax_residence": "FR", "client_lei": FIRM_LEI, "capacity": "DEAL"}
    elif who:
        told |= {"client_kind": who["kind"], "client_country": who["country"], "client_tax_residence": who["country"]}
        told |= {"client_lei": who.get("lei"), "capacity": "AOTC"}
    else:
        told |= dict.fromkeys(("client_kind", "client_country", "client_tax_residence", "client_lei", "capacity"))
    ours = client_id is not None
    return {**told, "executed_by_firm": ours, "decentralised_without_intermediary": not ours, **person(client_id)}


def half_even(top: int, bottom: int, places: int = 18) -> str:
    """A ratio as decimal text, rounded half-even."""
    size, rest = divmod(top * 10**places, bottom)
    size += rest * 2 > bottom or (rest * 2 == bottom and size % 2)
    return f"{size // 10**places}.{size % 10**places:0{places}d}"


_OWNERS = ("C0001", "C0003", "FIRM", "C0002", "C0006", "C0004", "C0007")


def trade(number: int = 0, client: str | None = "", **told: Any) -> dict[str, Any]:
    """A spot trade of wrapped ether for dollars; even numbers buy the ether."""
    who = _OWNERS[number % len(_OWNERS)] if client == "" else client
    buys = number % 2 == 0
    base, quote = 1_234_567_890_123_456_789 + number * 10**15 + number, 3_210_987_654 + number * 77_777
    row: dict[str, Any] = {
        "trade_id": f"1:{21_000_000 + number}:{number % 300}",
        "chain_id": 1,
        "block_number": 21_000_000 + number,
        "block_hash": digest(f"block {number}"),
        "block_time": MORNING + timedelta(seconds=13 * (number % 6_000) + 1),
        "tx_hash": digest(f"transaction {number}"),
        "transaction_index": number % 200,
        "log_index": number % 300,
        "order_id": f"O-{number:06d}",
        "leg": 0,
        "origin": "live",
        "settled": True,
        "wallet": digest(f"wallet {who}", 20),
        "center": "Trend-Following",
        "protocol": "uniswap_v3",
        "pool": digest("pool", 20),
        "from_address": digest(f"wallet {who}", 20),
        "to_address": digest(f"wallet {who}", 20),
        "token_in": USDC if buys else WETH,
        "token_out": WETH if buys else USDC,
        "amount_in": quote if buys else base,
        "amount_out": base if buys else quote,
        "side": "BUY" if buys else "SELL",
        "base_token": WETH,
        "quote_token": USDC,
        "base_symbol": "WETH",
        "quote_symbol": "USDC",
        "base_decimals": 18,
        "quote_decimals": 6,
        "base_amount": base,
        "quote_amount": quote,
        "base_dti": WETH_DTI,
        "quote_dti": USDC_DTI,
        "dti_basis": "registry",
        "price": half_even(quote * 10**12, base),
        "price_usd": f"{2600 + number % 7}.12345678",
        "notional_usd": "3210.98",
        **owner(who),
        "is_derivative": False,
        "model_version": f"ppo-2026.03.0{number % 3 + 1}" if number % 3 else None,
        "executor_id": "grekko Trend-Following" if who else None,
        "gas_used": 123_456 + number,
        "gas_cost_wei": 2_469_120_000_000_000 + number,
        "gas_cost_usd": 6.42,
        "day": DAY,
    }
    return row | told


def order(number: int = 0, event: str = "NEWO", seq: int = 1, client: str | None = "", **told: Any) -> dict[str, Any]:
    """An event of an order: placed in the first, filled in whole or in part afterwards."""
    who = _OWNERS[number % len(_OWNERS)] if client == "" else client
    asked = 2 * 10**18 + number
    traded = {"FILL": asked, "PARF": asked // 2}.get(event)
    row: dict[str, Any] = {
        "order_id": f"O-{number:06d}",
        "event_seq": seq,
        "event": event,
        "event_time": MORNING + timedelta(seconds=13 * number + seq),
        "token_in": USDC if number % 2 == 0 else WETH,
        "token_out": WETH if number % 2 == 0 else USDC,
        "amount_in": 5_200_000_000 if number % 2 == 0 else (traded or asked),
        "amount_out": (traded or asked) if number % 2 == 0 else 5_200_000_000,
        "side": "BUY" if number % 2 == 0 else "SELL",
        "base_token": WETH,
        "quote_token": USDC,
        "base_dti": WETH_DTI,
        "quote_dti": USDC_DTI,
        "base_decimals": 18,
        "quote_decimals": 6,
        "initial_quantity": asked,
        "remaining_quantity": asked - (traded or 0),
        "traded_quantity": traded,
        "limit_price": "2600.5" if number % 2 else None,
        "status": "INAC" if event == "FILL" else "ACTI",
        "pool": digest("pool", 20),
        "tx_hash": digest(f"transaction {number}") if traded else None,
        **owner(who),
        "model_version": None,
        "executor_id": "grekko Trend-Following" if who else None,
        "day": DAY,
    }
    return row | told


def contract(number: int = 0, client: str = "", **told: Any) -> dict[str, Any]:
    """A derivatives contract of the firm with a client, on wrapped ether."""
    who = client or ("C0002", "C0006", "C0004", "C0007")[number % 4]
    row: dict[str, Any] = {
        "contract_id": f"K-{number:06d}",
        "action": "NEW",
        "corrects": None,
        "event_time": MORNING + timedelta(hours=2, seconds=number),
        "event_day": DAY,
        "trade_id": None,
        "uti": f"{FIRM_LEI}{number:032d}",
        "upi": "QZ000EXAMPLE",
        "contract_type": "SWAP",
        "asset_class": "COMM",
        "is_derivative": True,
        **owner(who),
        "side": "BUY" if number % 2 == 0 else "SELL",
        "notional": f"{1_000_000 + number}.50",
        "notional_currency": "USD",
        "price": f"{2600 + number}.125",
        "price_currency": "USD",
        "settlement_currency": "USD",
        "delivery": "CASH",
        "platform": "XXXX",
        "cleared": number % 3 == 0,
        "event_type": "TRAD",
        "booked_in": "SG" if number % 2 == 0 else "US",
        "traded_in": "SG",
        "execution_time": MORNING + timedelta(hours=2, seconds=number),
        "effective_date": DAY,
        "expiry_date": DAY + timedelta(days=90),
        "day": DAY,
    }
    return row | told


def transfer(number: int = 0, originator: str = "", beneficiary: str | None = "C0001", **told: Any) -> dict[str, Any]:
    """Tokens from a client's wallet to another wallet; odd ones are above the threshold."""
    who = originator or ("C0002", "C0006")[number % 2 if number < 2 else number // 2 % 2]
    row: dict[str, Any] = {
        "transfer_id": f"1:{digest(f'transfer {number}')}:{number}",
        "tx_hash": digest(f"transfer {number}"),
        "block_time": MORNING + timedelta(seconds=13 * number),
        "token": USDC,
        "symbol": "USDC",
        "decimals": 6,
        "dti": USDC_DTI,
        "amount": (5_000_000_000 if number % 2 else 900_000_000) + number,
        "amount_usd": "5000.00" if number % 2 else "900.00",
        "amount_sgd": "6750.00" if number % 2 else "1215.00",
        "originator_client_id": who,
        "originator_wallet": digest(f"wallet {who}", 20),
        "originator_country": PEOPLE[who]["country"],
        "beneficiary_wallet": digest(f"wallet of beneficiary {number}", 20),
        "beneficiary_client_id": beneficiary,
        "beneficiary_kind": "wallet",
        "beneficiary_is_self": False,
        **person(who),
        **person(beneficiary, "beneficiary_person_"),
        "day": DAY,
    }
    return row | told


def movements(number: int = 0, client: str = "C0001", **told: Any) -> list[dict[str, Any]]:
    """What a trade means for tax: one token out, another in."""
    made = trade(number, client)
    rows: list[dict[str, Any]] = []
    for direction, end in (("out", "in"), ("in", "out")):
        base = made[f"token_{end}"] == WETH
        rows.append(
            {
                "movement_id": f"{made['trade_id']}:{direction}",
                "trade_id": made["trade_id"],
                "block_time": made["block_time"],
                "tx_hash": made["tx_hash"],
                "token": made[f"token_{end}"],
                "symbol": "WETH" if base else "USDC",
                "dti": WETH_DTI if base else USDC_DTI,
                "decimals": 18 if base else 6,
                "amount": made[f"amount_{end}"],
                "direction": direction,
                "value_usd": f"{3210 + number}.98",
                **owner(client),
                "action": "NEW",
                "corrects": None,
                "day": DAY,
            }
            | told
        )
    return rows


def frame(rows: list[dict[str, Any]], **types: Any) -> pl.DataFrame:
    """Rows as a frame with the types of the tables: amounts exact, times in UTC."""
    if not rows:
        return pl.DataFrame()
    amounts = ("amount_in", "amount_out", "base_amount", "quote_amount", "gas_cost_wei", "initial_quantity", "remaining_quantity")
    told: dict[str, Any] = {}
    for name in rows[0]:
        if name in (*amounts, "traded_quantity", "amount"):
            told[name] = AMOUNT
        elif name in types:
            told[name] = types[name]
        elif name.endswith("birth_date") or name in ("effective_date", "expiry_date", "event_day", "day"):
            told[name] = pl.Date()
        elif name in ("block_time", "event_time", "execution_time"):
            told[name] = pl.Datetime("us", "UTC")
        elif all(row[name] is None for row in rows):
            told[name] = pl.String()
    return pl.DataFrame(rows, schema_overrides=told, infer_schema_length=None)
