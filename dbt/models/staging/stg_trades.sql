-- Trades of the ledger, dollars as exact decimals so that sums do not depend on the order of the rows.
with source as (

    select * from {{ source('lake', 'trade_ledger') }}

),

renamed as (

    select
        trade_id,
        order_id,
        tx_hash,
        day,
        block_time as traded_at,
        origin,
        wallet,
        center,
        venue as market,
        protocol as exchange,
        pool,
        pool_label,
        symbol_in,
        symbol_out,
        amount_in,
        amount_out,
        gas_used,
        gas_cost_wei,
        cast(gas_cost_usd as decimal(38, 6)) as gas_cost_usd,
        cast(notional_usd as decimal(38, 6)) as notional_usd
    from source

)

select * from renamed
