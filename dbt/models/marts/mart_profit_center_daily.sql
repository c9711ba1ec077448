-- How did each profit centre do each day, and in all since the first day?
with days as (

    select * from {{ ref('stg_profit_days') }}

),

running as (

    select
        *,
        sum(net_pnl_usd) over (partition by center order by day) as cumulative_net_pnl_usd
    from days

),

peaks as (

    select
        *,
        -- Before the first trade the result was zero, so a centre that only loses falls from zero.
        greatest(0, max(cumulative_net_pnl_usd) over (partition by center order by day)) as peak_net_pnl_usd
    from running

),

final as (

    select
        day,
        center,
        trades,
        turnover_usd,
        realised_pnl_usd,
        unrealised_pnl_usd,
        edge_usd,
        gas_usd,
        pool_fees_usd,
        net_pnl_usd,
        cast(cumulative_net_pnl_usd as decimal(38, 6)) as cumulative_net_pnl_usd,
        cast(peak_net_pnl_usd - cumulative_net_pnl_usd as decimal(38, 6)) as drawdown_usd,
        {{ bps_of('net_pnl_usd', 'turnover_usd') }} as net_pnl_over_turnover_bps
    from peaks
    order by day, center

)

select * from final
