-- Orders that champion and challenger both answered, with what was traded.
with trials as (

    select * from {{ source('lake', 'shadow_trials') }}

),

orders as (

    select * from {{ source('lake', 'features') }}

),

renamed as (

    select
        trials.day,
        trials.order_id,
        orders.symbol_in,
        orders.symbol_out,
        trials.challenger_action,
        cast(trials.champion_cost_bps as decimal(24, 6)) as champion_cost_bps,
        cast(trials.challenger_cost_bps as decimal(24, 6)) as challenger_cost_bps,
        cast(trials.promised_bps as decimal(24, 6)) as promised_bps
    from trials
    left join orders on orders.order_id = trials.order_id

)

select * from renamed
