-- What did each profit centre pay for gas each day, and how much of its trading did that eat?
with trades as (

    select * from {{ ref('stg_trades') }}

),

by_center as (

    select
        day,
        center,
        count(distinct tx_hash) as transactions,
        count(*) as trades,
        cast(sum(gas_used) as bigint) as gas_used,
        cast(coalesce(sum(gas_cost_wei), 0) as decimal(38, 0)) as gas_cost_wei,
        cast(coalesce(sum(gas_cost_usd), 0) as decimal(38, 6)) as gas_cost_usd,
        cast(coalesce(sum(notional_usd), 0) as decimal(38, 6)) as notional_usd
    from trades
    group by day, center

),

base_fees as (

    select day, cast(median(base_fee_wei) as double) / 1e9 as median_base_fee_gwei
    from {{ ref('stg_gas_prices') }}
    group by day

),

final as (

    select
        by_center.day,
        by_center.center,
        by_center.transactions,
        by_center.trades,
        by_center.gas_used,
        by_center.gas_cost_wei,
        by_center.gas_cost_usd,
        by_center.notional_usd,
        cast(by_center.gas_cost_usd as double) / by_center.trades as gas_cost_per_trade_usd,
        {{ bps_of('by_center.gas_cost_usd', 'by_center.notional_usd') }} as gas_bps,
        base_fees.median_base_fee_gwei
    from by_center
    left join base_fees on base_fees.day = by_center.day
    order by by_center.day, by_center.center

)

select * from final
