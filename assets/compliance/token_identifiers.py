"""Token identifiers: the DTI of every token our pools hold, or why it has none."""

import dagster as dg
import polars as pl

from assets.chain import tokens
from assets.compliance.known_dtis import LOCAL_CHAIN, load_known_dtis
from assets.compliance.pairs import QUOTES
from assets.tables import whole
from assets.warehouse import Warehouse
from domain.regulation.identifiers import check
from domain.schemas import CHAIN, COUNT, DAY, FLAG, TEXT, Column, Table, columns

TABLE = Table(
    "token_identifiers",
    row="One token.",
    columns=columns(
        CHAIN,
        Column("token", TEXT, "Address of the token."),
        Column("symbol", TEXT, "Symbol, as the contract tells it; it identifies nothing."),
        Column("decimals", COUNT, "Base units per whole token, as a power of ten."),
        Column("dti", TEXT, "Digital Token Identifier (ISO 24165).", nullable=True),
        Column(
            "dti_basis", TEXT, "registry, or stand_in where a token of the local chain has the code of the one it plays.", nullable=True
        ),
        Column("dti_reason", TEXT, "Why it has no DTI.", nullable=True),
        Column("stands_in_for", TEXT, "chain:address of the token it plays.", nullable=True),
        Column("quote_rank", COUNT, "Place among the tokens that prices are told in, from 0.", nullable=True),
        Column("registry_name", TEXT, "What the source calls it.", nullable=True),
        Column("source", TEXT, "Where the code was read.", nullable=True),
        Column("source_day", DAY, "Day of that source.", nullable=True),
        Column("verified", FLAG, "True when somebody has read the source.", nullable=True),
    ),
    key=("chain_id", "token"),
)


def identified(tokens_: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """Every token with the code that the file of known ones has for its chain and address."""
    ranks = {dti: place for place, dti in enumerate(QUOTES)}
    reason = pl.format("No DTI is known for the contract {} on chain {}; a symbol such as {} proves none.", "token", "chain_id", "symbol")
    return (
        tokens_.select("chain_id", "token", "symbol", "decimals")
        .join(known, on=["chain_id", "token"], how="left")
        .with_columns(
            dti_reason=pl.when(pl.col("dti").is_null()).then(reason),
            quote_rank=pl.col("dti").replace_strict(ranks, default=None, return_dtype=pl.Int64),
        )
        .select(TABLE.names)
    )


@whole(TABLE, deps=[tokens.tokens])
def token_identifiers(context: dg.AssetExecutionContext, warehouse: Warehouse) -> dg.MaterializeResult:
    """The DTI of every token our pools hold, found by chain and contract address.

    On the local chain our own tokens stand in for known ones and have their codes, which `dti_basis` says. Nothing else is guessed.
    """
    rows = identified(warehouse.read(tokens.TABLE), load_known_dtis())
    return warehouse.write(
        TABLE,
        rows,
        context,
        of_the_registry=rows.filter(pl.col("dti_basis") == "registry").height,
        stand_ins=rows.filter(pl.col("dti_basis") == "stand_in").height,
        without_a_code=", ".join(rows.filter(pl.col("dti").is_null())["symbol"].sort()),
    )


@dg.asset_check(asset=token_identifiers, blocking=True)
def every_token_has_a_right_code_or_a_reason(warehouse: Warehouse) -> dg.AssetCheckResult:
    """Each token is here once, with a DTI whose check character is right or the reason why it has none."""
    rows = warehouse.read(TABLE)
    wrong = [dti for dti in rows["dti"].drop_nulls() if check("dti", dti)]
    silent = rows.filter(pl.col("dti").is_null() == pl.col("dti_reason").is_null()).height
    missing = warehouse.read(tokens.TABLE).join(rows, on=["chain_id", "token"], how="anti").height
    return dg.AssetCheckResult(
        passed=not wrong and not silent and not missing,
        metadata={"wrong": ", ".join(wrong), "without_a_reason": silent, "missing": missing},
    )


@dg.asset_check(asset=token_identifiers, blocking=True)
def nothing_stands_in_for_a_token_on_a_public_chain(warehouse: Warehouse) -> dg.AssetCheckResult:
    """Codes of stand-ins are given on the local chain only."""
    found = warehouse.count(TABLE, f"dti_basis = 'stand_in' and chain_id <> {LOCAL_CHAIN}")
    return dg.AssetCheckResult(passed=found == 0, metadata={"stand_ins": found})
