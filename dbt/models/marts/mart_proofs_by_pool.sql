-- How many events of each pool were re-derived to the wei, and how many could not be?
with proofs as (

    select * from {{ ref('stg_event_proofs') }}

),

counted as (

    select
        pool,
        kind,
        count(*) as events,
        count(*) filter (verdict = 'exact') as exact,
        count(*) filter (verdict = 'inexact') as inexact,
        count(*) filter (verdict = 'before_snapshot') as before_snapshot,
        count(*) filter (verdict = 'no_state') as no_state,
        count(*) filter (ticks_crossed > 0) as crossing_a_tick
    from proofs
    group by pool, kind

),

final as (

    select
        counted.pool,
        pools.pool_label,
        counted.kind,
        counted.events,
        counted.exact,
        counted.inexact,
        counted.before_snapshot,
        counted.no_state,
        counted.crossing_a_tick,
        {{ share_of('counted.exact', 'counted.exact + counted.inexact') }} as exact_share
    from counted
    left join {{ ref('stg_pools') }} as pools on pools.pool = counted.pool
    order by pools.pool_label, counted.pool, counted.kind

)

select * from final
