-- Where does each profit centre trade, and what does it pay there?
with trades as (

    select * from {{ ref('stg_trades') }}

),

pools as (

    select * from {{ ref('stg_pools') }}

),

execution as (

    select * from {{ ref('stg_execution') }}

),

joined as (

    select
        trades.center,
        pools.venue,
        pools.protocol,
        trades.notional_usd,
        trades.gas_cost_usd,
        execution.reference_slippage_bps
    from trades
    inner join pools on pools.pool = trades.pool
    left join execution on execution.trade_id = trades.trade_id

),

summed as (

    select
        center,
        venue,
        protocol,
        count(*) as trades,
        coalesce(sum(notional_usd), 0) as turnover_usd,
        coalesce(sum(gas_cost_usd), 0) as gas_usd,
        {{ weighted_bps('reference_slippage_bps', 'notional_usd') }} as reference_slippage_bps
    from joined
    group by center, venue, protocol

),

final as (

    select
        center,
        venue,
        protocol,
        trades,
        cast(turnover_usd as decimal(38, 6)) as turnover_usd,
        {{ share_of('turnover_usd', 'sum(turnover_usd) over (partition by center)') }} as share_of_center_turnover,
        cast(gas_usd as decimal(38, 6)) as gas_usd,
        reference_slippage_bps
    from summed
    order by center, turnover_usd desc, venue

)

select * from final
