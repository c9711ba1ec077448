-- What a unit of gas cost in each block.
with source as (

    select * from {{ source('lake', 'gas_prices') }}

),

renamed as (

    select
        day,
        block_number,
        base_fee_per_gas as base_fee_wei
    from source

)

select * from renamed
