-- The market of each pool, hour by hour.
with source as (

    select * from {{ source('lake', 'market_conditions') }}

),

renamed as (

    select
        pool,
        day,
        hour,
        swaps,
        cast(volume_usd as decimal(38, 6)) as volume_usd,
        close_price,
        cast(realised_volatility * realised_volatility as decimal(38, 18)) as realised_variance,
        cast(depth_buy_50bps_usd as decimal(38, 6)) as depth_buy_50bps_usd,
        cast(depth_sell_50bps_usd as decimal(38, 6)) as depth_sell_50bps_usd,
        cast(spread_to_reference_bps as decimal(24, 6)) as spread_to_reference_bps
    from source

)

select * from renamed
