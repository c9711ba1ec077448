-- Pools, their fee as a fraction of the amount sold.
with source as (

    select * from {{ source('lake', 'pools') }}

),

renamed as (

    select
        pool,
        label as pool_label,
        venue,
        protocol,
        symbol0,
        symbol1,
        -- A fee counts hundredths of a basis point: 3000 is 0.30 %.
        cast(fee_pips as decimal(9, 2)) / 100 as fee_bps
    from source

)

select * from renamed
