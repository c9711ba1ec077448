-- The last cumulated net P&L of a centre is the sum of its days.
with ends as (

    select
        center,
        arg_max(cumulative_net_pnl_usd, day) as cumulated,
        sum(net_pnl_usd) as summed
    from {{ ref('mart_profit_center_daily') }}
    group by center

)

select * from ends
where cumulated <> summed
