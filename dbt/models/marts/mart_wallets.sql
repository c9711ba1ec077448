-- Who trades, how much, and how often does it fail?
with orders as (

    select * from {{ ref('stg_orders') }}

),

by_wallet as (

    select
        wallet,
        center,
        count(*) as orders,
        count(*) filter (is_filled) as filled_orders,
        count(*) filter (not is_filled) as reverted_orders,
        count(*) filter (is_round_trip) as round_trips,
        min(settled_at) as first_order_at,
        max(settled_at) as last_order_at
    from orders
    group by wallet, center

),

turnover as (

    select
        wallet,
        center,
        cast(coalesce(sum(notional_usd), 0) as decimal(38, 6)) as turnover_usd,
        cast(coalesce(sum(gas_cost_usd), 0) as decimal(38, 6)) as gas_usd
    from {{ ref('stg_trades') }}
    group by wallet, center

),

final as (

    select
        by_wallet.wallet,
        by_wallet.center,
        by_wallet.orders,
        by_wallet.filled_orders,
        by_wallet.reverted_orders,
        by_wallet.round_trips,
        cast(coalesce(turnover.turnover_usd, 0) as decimal(38, 6)) as turnover_usd,
        cast(coalesce(turnover.gas_usd, 0) as decimal(38, 6)) as gas_usd,
        by_wallet.first_order_at,
        by_wallet.last_order_at
    from by_wallet
    left join turnover on turnover.wallet = by_wallet.wallet and turnover.center = by_wallet.center
    order by turnover_usd desc, by_wallet.wallet

)

select * from final
