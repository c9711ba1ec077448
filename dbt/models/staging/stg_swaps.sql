-- Swaps with the wallet that signed their transaction, where the recording tells it.
with swaps as (

    select * from {{ source('lake', 'swaps') }}

),

signers as (

    select tx_hash, min(from_address) as wallet
    from {{ source('lake', 'transactions') }}
    group by tx_hash

),

renamed as (

    select
        swaps.pool,
        swaps.day,
        swaps.block_number,
        swaps.log_index,
        swaps.tx_hash,
        coalesce(signers.wallet, swaps.recipient) as trader
    from swaps
    left join signers on signers.tx_hash = swaps.tx_hash

)

select * from renamed
