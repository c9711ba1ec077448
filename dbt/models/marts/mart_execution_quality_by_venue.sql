-- What did trading cost on each venue, day by day?
with execution as (

    select * from {{ ref('stg_execution') }}

),

summed as (

    select
        day,
        venue,
        count(*) as trades,
        cast(coalesce(sum(notional_usd), 0) as decimal(38, 6)) as notional_usd,
        {{ weighted_bps('arrival_slippage_bps', 'notional_usd') }} as arrival_slippage_bps,
        cast(median(arrival_slippage_bps) as double) as arrival_slippage_median_bps,
        cast(quantile_cont(arrival_slippage_bps, 0.95) as double) as arrival_slippage_p95_bps,
        {{ weighted_bps('quote_slippage_bps', 'notional_usd') }} as quote_slippage_bps,
        {{ weighted_bps('reference_slippage_bps', 'notional_usd') }} as reference_slippage_bps,
        {{ weighted_bps('price_impact_bps', 'notional_usd') }} as price_impact_bps,
        {{ weighted_bps('markout_10s_bps', 'notional_usd') }} as markout_10s_bps,
        {{ weighted_bps('markout_1m_bps', 'notional_usd') }} as markout_1m_bps,
        {{ weighted_bps('markout_5m_bps', 'notional_usd') }} as markout_5m_bps,
        {{ weighted_bps('markout_1h_bps', 'notional_usd') }} as markout_1h_bps,
        {{ weighted_bps('gas_bps', 'notional_usd') }} as gas_bps,
        cast(avg(cast(stopped_at_limit as integer)) as double) as share_stopped_at_limit
    from execution
    group by day, venue

),

final as (

    select * from summed
    order by day, venue

)

select * from final
