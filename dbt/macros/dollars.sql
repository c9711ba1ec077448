{# Millionths of a dollar as dollars, exact: a decimal with six places holds every one of them. #}
{% macro dollars(micro_usd) -%}
cast(cast({{ micro_usd }} as decimal(32, 0)) * 0.000001 as decimal(38, 6))
{%- endmacro %}

{# A dollar figure per dollar of another, in basis points; null when there is nothing to divide by. #}
{% macro bps_of(part_usd, whole_usd) -%}
cast(10000 * cast({{ part_usd }} as double) / nullif(cast({{ whole_usd }} as double), 0) as double)
{%- endmacro %}

{# Mean of a column in basis points weighted by the dollars traded: large trades count for what they are. #}
{% macro weighted_bps(bps, weight_usd) -%}
cast(sum(cast({{ bps }} * cast({{ weight_usd }} as decimal(18, 2)) as decimal(38, 6))) as double)
        / nullif(cast(sum(case when {{ bps }} is not null then cast({{ weight_usd }} as decimal(18, 2)) end) as double), 0)
{%- endmacro %}

{# A part of a whole, from 0 to 1; null when the whole is nothing. #}
{% macro share_of(part, whole) -%}
cast(cast({{ part }} as double) / nullif(cast({{ whole }} as double), 0) as double)
{%- endmacro %}
