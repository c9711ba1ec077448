-- Rows that were set aside, without their bodies.
with source as (

    select * from {{ source('lake', 'quarantine') }}

),

renamed as (

    select
        day,
        source as source_table,
        reason,
        detail,
        row_key
    from source

)

select * from renamed
