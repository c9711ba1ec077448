-- What did the challenger do differently from the champion, and did it pay?
with trials as (

    select * from {{ ref('stg_shadow_trials') }}

),

by_action as (

    select
        day,
        challenger_action,
        count(*) as orders,
        avg(champion_cost_bps) as champion_cost_bps,
        avg(challenger_cost_bps) as challenger_cost_bps,
        avg(promised_bps) as promised_saving_bps,
        count(*) filter (challenger_cost_bps < champion_cost_bps) as cheaper_orders,
        count(*) filter (challenger_cost_bps > champion_cost_bps) as dearer_orders
    from trials
    group by day, challenger_action

),

final as (

    select
        day,
        challenger_action,
        orders,
        {{ share_of('orders', 'sum(orders) over (partition by day)') }} as share_of_orders,
        champion_cost_bps,
        challenger_cost_bps,
        champion_cost_bps - challenger_cost_bps as saving_bps,
        promised_saving_bps,
        cheaper_orders,
        dearer_orders
    from by_action
    order by day, challenger_action

)

select * from final
