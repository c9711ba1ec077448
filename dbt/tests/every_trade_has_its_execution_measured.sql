-- Each trade of the ledger has one row of execution quality, and the mart counts all of them.
with ledger as (

    select day, exchange as venue, count(*) as trades
    from {{ ref('stg_trades') }}
    group by day, exchange

)

select ledger.*, mart.trades as measured
from ledger
left join {{ ref('mart_execution_quality_by_venue') }} as mart on mart.day = ledger.day and mart.venue = ledger.venue
where mart.trades is distinct from ledger.trades
