-- Orders, and whether each was filled.
with source as (

    select * from {{ source('lake', 'orders') }}

),

renamed as (

    select
        order_id,
        day,
        block_time as settled_at,
        origin,
        wallet,
        center,
        tx_hash,
        legs,
        status = 'filled' as is_filled,
        is_round_trip
    from source

)

select * from renamed
