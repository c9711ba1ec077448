-- The counts by reason add up to the rows of the quarantine.
with counted as (

    select coalesce(sum(quarantined_rows), 0) as quarantined_rows from {{ ref('mart_quarantine_by_reason') }}

),

kept as (

    select count(*) as quarantined_rows from {{ ref('stg_quarantine') }}

)

select *
from counted, kept
where counted.quarantined_rows <> kept.quarantined_rows
