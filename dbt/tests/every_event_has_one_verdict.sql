-- Exact, inexact, before the snapshot or without a state: the four add up to the events.
select *
from {{ ref('mart_proofs_by_pool') }}
where events <> exact + inexact + before_snapshot + no_state
