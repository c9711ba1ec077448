-- The orders by action add up to the orders of the trial.
with counted as (

    select coalesce(sum(orders), 0) as orders from {{ ref('mart_model_decisions') }}

),

trials as (

    select count(*) as orders from {{ ref('stg_shadow_trials') }}

)

select *
from counted, trials
where counted.orders <> trials.orders
