-- Trades per centre and venue add up to those of the ledger, and each trade counts once.
with ledger as (

    select count(*) as trades, coalesce(sum(notional_usd), 0) as turnover_usd
    from {{ ref('stg_trades') }}

),

mart as (

    select coalesce(sum(trades), 0) as trades, coalesce(sum(turnover_usd), 0) as turnover_usd
    from {{ ref('mart_center_by_venue') }}

)

select *
from ledger, mart
where ledger.trades <> mart.trades or ledger.turnover_usd <> mart.turnover_usd
