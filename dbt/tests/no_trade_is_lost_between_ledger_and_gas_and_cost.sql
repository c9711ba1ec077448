-- Trades and wei of gas per centre add up to those of the ledger, exactly.
with ledger as (

    select count(*) as trades, coalesce(sum(gas_cost_wei), 0) as gas_cost_wei
    from {{ ref('stg_trades') }}

),

mart as (

    select coalesce(sum(trades), 0) as trades, coalesce(sum(gas_cost_wei), 0) as gas_cost_wei
    from {{ ref('mart_gas_and_cost') }}

)

select *
from ledger, mart
where ledger.trades <> mart.trades or ledger.gas_cost_wei <> mart.gas_cost_wei
