import pytest

from domain import events
from domain.amm.logs import decode_concentrated
from domain.problems import BadInput

POOL = "0x" + "aa" * 20
SIGNATURE = bytes(32)
SOMEBODY = bytes(12) + b"\x11" * 20


def word(value):
    return (value % (1 << 256)).to_bytes(32, "big")


def words(*values):
    return b"".join(map(word, values))


TICKS = [SIGNATURE, SOMEBODY, word(-60), word(60)]


@pytest.mark.parametrize(
    ("name", "topics", "data", "expected"),
    [
        ("swap", [SIGNATURE, SOMEBODY, SOMEBODY], words(-5, 7, 1 << 96, 9, -1), events.Swap(POOL, -5, 7, 1 << 96, 9, -1)),
        ("swap", [SIGNATURE, SOMEBODY, SOMEBODY], words(5, -7, 1, 9, 3, 2, 0), events.Swap(POOL, 5, -7, 1, 9, 3, 2, 0)),
        ("mint", TICKS, SOMEBODY + words(9, 1, 2), events.Mint(POOL, -60, 60, 9, 1, 2)),
        ("burn", TICKS, words(9, 1, 2), events.Burn(POOL, -60, 60, 9, 1, 2)),
        ("collect", TICKS, SOMEBODY + words(1, 2), events.Collect(POOL, -60, 60, 1, 2)),
        ("initialize", [SIGNATURE], words(1 << 96, 0), events.Initialize(POOL, 1 << 96, 0)),
        ("flash", [SIGNATURE, SOMEBODY, SOMEBODY], words(1, 2, 3, 4), events.Flash(POOL, 1, 2, 3, 4)),
        ("set_fee_protocol", [SIGNATURE], words(0, 0, 4, 5), events.SetFeeProtocol(POOL, 4, 5)),
        ("collect_protocol", [SIGNATURE, SOMEBODY, SOMEBODY], words(1, 2), events.CollectProtocol(POOL, 1, 2)),
        ("increase_observation_cardinality", [SIGNATURE], words(1, 300), events.IncreaseObservationCardinality(POOL, 300)),
    ],
)
def test_each_event_is_read_as_its_contract_writes_it(name, topics, data, expected):
    assert decode_concentrated(name, topics, data, POOL) == expected


def test_an_event_knows_where_it_stands():
    event = decode_concentrated("initialize", [SIGNATURE], words(1 << 96, 0), POOL, block_number=7, log_index=3, tx_hash="0x01")
    assert (event.block_number, event.log_index, event.tx_hash) == (7, 3, "0x01")


def test_an_event_that_changes_no_state_is_left_out():
    assert decode_concentrated("set_lm_pool", [SIGNATURE], words(1), POOL) is None


@pytest.mark.parametrize("length", [0, 159, 161, 192, 5 * 32 - 32])
def test_data_of_another_length_is_refused(length):
    with pytest.raises(BadInput, match="160 or 224 bytes") as refusal:
        decode_concentrated("swap", [SIGNATURE, SOMEBODY, SOMEBODY], bytes(length), POOL)
    assert refusal.value.facts == {"field": "data", "length": length}


@pytest.mark.parametrize("topics", [[SIGNATURE], [SIGNATURE, SOMEBODY, SOMEBODY[1:]]])
def test_topics_that_are_missing_or_cut_are_refused(topics):
    with pytest.raises(BadInput) as refusal:
        decode_concentrated("swap", topics, bytes(160), POOL)
    assert refusal.value.facts["field"] == "topics"


@pytest.mark.parametrize(
    ("field", "data"),
    [
        ("sqrt_price_x96", words(1, -1, 1 << 160, 9, 0)),
        ("liquidity", words(1, -1, 1 << 96, 1 << 128, 0)),
        ("tick", words(1, -1, 1 << 96, 9, 1 << 23)),
        ("tick", words(1, -1, 1 << 96, 9, -(1 << 23) - 1)),
        ("protocol_fees0", words(1, -1, 1 << 96, 9, 0, 1 << 128, 0)),
    ],
)
def test_a_number_wider_than_its_type_is_refused_by_name(field, data):
    with pytest.raises(BadInput, match="corrupt") as refusal:
        decode_concentrated("swap", [SIGNATURE, SOMEBODY, SOMEBODY], data, POOL)
    assert refusal.value.facts["field"] == field
