"""The ledger's tables. A trade is written once and never changed; whether it counts is a mark on its block.

So a reorg of any depth marks a few blocks, the trades of blocks that were taken back stay as history, and nothing depends on the order
in which logs and blocks arrive. A block is visible when it is on the chain and all its logs are here.
"""

from __future__ import annotations

SCHEMA = """
create table if not exists facts (name text primary key, value text) strict, without rowid;

create table if not exists blocks (
    block_id integer primary key,
    hash blob not null unique,
    number integer not null,
    parent_hash blob,
    time integer not null,
    expected integer,                      -- logs of the block; null until the block itself was told
    on_chain integer not null default 0,
    visible integer not null default 0
) strict;
create unique index if not exists blocks_on_chain on blocks (number) where on_chain = 1;
create index if not exists blocks_incomplete on blocks (number) where on_chain = 1 and visible = 0;

create table if not exists pools (
    pool_id integer primary key, address blob not null unique, protocol text not null, token0 text not null, token1 text not null,
    fee_pips integer
) strict;

create table if not exists trades (
    block_id integer not null, log_index integer not null, tx_hash blob not null, transaction_index integer not null,
    pool_id integer not null, sender blob not null, recipient blob not null, sells0 integer not null,
    amount_in text not null, amount_out text not null,
    primary key (block_id, log_index)
) strict, without rowid;

create table if not exists other_events (
    block_id integer not null, log_index integer not null, pool_id integer not null, event text not null,
    primary key (block_id, log_index)
) strict, without rowid;

create table if not exists quarantine (
    block_id integer not null, log_index integer not null, address blob not null, reason text not null, detail text not null,
    message blob not null,
    primary key (block_id, log_index)
) strict, without rowid;

create table if not exists unreadable (
    stream text not null, partition integer not null, offset integer not null, reason text not null, message blob not null,
    primary key (stream, partition, offset)
) strict, without rowid;

create table if not exists positions (
    stream text not null, partition integer not null, next_offset integer not null, session integer not null, sequence integer not null,
    primary key (stream, partition)
) strict, without rowid;

create table if not exists changes (seq integer primary key autoincrement, block_id integer not null, change integer not null) strict;
create table if not exists our_transactions (tx_hash blob primary key, order_id text not null) strict, without rowid;

create view if not exists trade_rows as
select
    (select cast(value as integer) from facts where name = 'chain_id') as chain_id,
    b.number as block_number, '0x' || lower(hex(b.hash)) as block_hash, b.time as block_time,
    '0x' || lower(hex(t.tx_hash)) as tx_hash, t.transaction_index as transaction_index, t.log_index as log_index,
    'DEX' as venue, p.protocol as protocol, '0x' || lower(hex(p.address)) as pool,
    '0x' || lower(hex(t.sender)) as sender, '0x' || lower(hex(t.recipient)) as recipient,
    iif(t.sells0, p.token0, p.token1) as token_in, iif(t.sells0, p.token1, p.token0) as token_out,
    t.amount_in as amount_in, t.amount_out as amount_out, p.fee_pips as fee_pips,
    o.order_id as order_id, b.block_id as block_id, b.visible as visible
from trades t join blocks b using (block_id) join pools p using (pool_id) left join our_transactions o using (tx_hash);

create view if not exists trade_ledger as select * from trade_rows where visible = 1;
create view if not exists trade_ledger_final as
select * from trade_rows
where visible = 1 and block_number <= (select cast(value as integer) from facts where name = 'final_number');
create view if not exists trade_ledger_retracted as
select * from trade_rows where visible = 0 and block_id in (select block_id from changes where change = -1);
"""

TRADE_COLUMNS = (
    "chain_id, block_number, block_hash, block_time, tx_hash, transaction_index, log_index, venue, protocol, pool, sender, recipient, "
    "token_in, token_out, amount_in, amount_out, fee_pips, order_id"
)
