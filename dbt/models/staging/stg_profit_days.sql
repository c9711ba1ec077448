-- Profit centres by day, millionths of a dollar turned into exact dollars.
with source as (

    select * from {{ source('lake', 'profit_center_daily') }}

),

renamed as (

    select
        day,
        center,
        trades,
        {{ dollars('realised_pnl_micro_usd') }} as realised_pnl_usd,
        {{ dollars('unrealised_pnl_micro_usd') }} as unrealised_pnl_usd,
        {{ dollars('edge_micro_usd') }} as edge_usd,
        {{ dollars('gas_micro_usd') }} as gas_usd,
        {{ dollars('pool_fees_micro_usd') }} as pool_fees_usd,
        {{ dollars('net_pnl_micro_usd') }} as net_pnl_usd,
        {{ dollars('turnover_micro_usd') }} as turnover_usd
    from source

)

select * from renamed
