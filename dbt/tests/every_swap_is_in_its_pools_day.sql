-- The swaps of a pool and day in the mart are those of the swaps table.
with swaps as (

    select day, pool, count(*) as swaps
    from {{ ref('stg_swaps') }}
    group by day, pool

)

select swaps.*, mart.swaps as counted
from swaps
inner join {{ ref('mart_pool_day') }} as mart on mart.day = swaps.day and mart.pool = swaps.pool
where mart.swaps <> swaps.swaps
