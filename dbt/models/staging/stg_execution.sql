-- What each trade cost, in basis points as exact decimals.
with source as (

    select * from {{ source('lake', 'execution_quality') }}

),

renamed as (

    select
        trade_id,
        day,
        venue,
        pool,
        center,
        cast(notional_usd as decimal(38, 6)) as notional_usd,
        cast(arrival_slippage_bps as decimal(24, 6)) as arrival_slippage_bps,
        cast(quote_slippage_bps as decimal(24, 6)) as quote_slippage_bps,
        cast(reference_slippage_bps as decimal(24, 6)) as reference_slippage_bps,
        cast(price_impact_bps as decimal(24, 6)) as price_impact_bps,
        cast(markout_1_block_bps as decimal(24, 6)) as markout_1_block_bps,
        cast(markout_10s_bps as decimal(24, 6)) as markout_10s_bps,
        cast(markout_1m_bps as decimal(24, 6)) as markout_1m_bps,
        cast(markout_5m_bps as decimal(24, 6)) as markout_5m_bps,
        cast(markout_1h_bps as decimal(24, 6)) as markout_1h_bps,
        cast(gas_bps as decimal(24, 6)) as gas_bps,
        stopped_at_limit
    from source

)

select * from renamed
