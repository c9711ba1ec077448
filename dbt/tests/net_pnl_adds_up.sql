-- Net P&L is realised plus the change in unrealised minus gas, to a millionth of a dollar, in every row.
select *
from {{ ref('mart_profit_center_daily') }}
where net_pnl_usd <> realised_pnl_usd + unrealised_pnl_usd - gas_usd
