-- Events of the pools and whether their amounts were re-derived to the wei.
with source as (

    select * from {{ source('lake', 'event_proofs') }}

),

renamed as (

    select
        day,
        pool,
        kind,
        verdict,
        ticks_crossed
    from source

)

select * from renamed
