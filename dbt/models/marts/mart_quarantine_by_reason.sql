-- What was set aside each day, from which table, and why?
with quarantined as (

    select * from {{ ref('stg_quarantine') }}

),

counted as (

    select
        day,
        source_table,
        reason,
        count(*) as quarantined_rows,
        min(row_key) as example_row_key,
        arg_min(detail, row_key) as example_detail
    from quarantined
    group by day, source_table, reason

),

final as (

    select * from counted
    order by day, source_table, reason

)

select * from final
