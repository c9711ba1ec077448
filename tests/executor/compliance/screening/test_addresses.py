"""An address is on the list or it is not: no prefix, no capitals, no guess."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.problems import BadInput
from executor.compliance.screening.addresses import AddressList, read_addresses
from executor.compliance.screening.entries import ListVersion

LISTED = "0x52908400098527886E0F7030069857D2E4169EE7"
MIXED = "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359"
VERSION = ListVersion("plain", "sha256:00", "00", 2, 0)
LIST = AddressList.of(
    [(LISTED, "plain line 1"), (MIXED, "plain line 2"), ("1BoatSLRHtKNngkdXEeobR76b53LETtpyT", "plain line 3")], [VERSION]
)


def test_capitals_do_not_hide_a_listed_address():
    assert LIST.find(LISTED.lower()) == LIST.find(LISTED) == LIST.find(f" 0X{LISTED[2:]} ") == "plain line 1"
    assert LIST.find(MIXED) == LIST.find(MIXED.lower()) == LIST.find(f"0x{MIXED[2:].upper()}") == "plain line 2"
    assert LIST.version == "plain sha256:00"


def test_a_mixed_case_address_with_a_wrong_checksum_is_refused():
    with pytest.raises(BadInput, match="no checksum"):
        LIST.find(MIXED.replace("fB", "Fb"))


@pytest.mark.parametrize("told", ["", "0x", LISTED[:-1], LISTED + "0", "0xzz" + "0" * 38, "vitalik.eth", "a b" * 12])
def test_what_is_no_address_is_refused_and_never_clear(told):
    with pytest.raises(BadInput, match="no address"):
        LIST.find(told)


def test_other_chains_addresses_keep_their_case_where_it_counts():
    assert LIST.find("1BoatSLRHtKNngkdXEeobR76b53LETtpyT") == "plain line 3"
    assert LIST.find("1boatSLRHtKNngkdXEeobR76b53LETtpyT") is None
    bech = AddressList.of([("BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4", "one")], [])
    assert bech.find("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4") == "one"


@given(st.integers(0, 2**160 - 1), st.integers(0, 159))
def test_for_any_address_one_changed_bit_is_another_address(number, bit):
    alone = AddressList.of([(f"0x{number:040x}", "it")], [])
    assert alone.find(f"0x{number:040X}") == "it"
    assert alone.find(f"0x{number ^ (1 << bit):040x}") is None


def test_a_plain_list_keeps_its_lines_and_sets_aside_what_is_none(tmp_path):
    path = tmp_path / "mine.txt"
    path.write_text(f"# comment\n{LISTED}  # who\n\n0x1234\n{MIXED}\n1BoatSLRHtKNngkdXEeobR76b53LETtpyT\n")
    found, version, set_aside = read_addresses(path)
    assert [where for _, where in found] == ["mine.txt line 2", "mine.txt line 5", "mine.txt line 6"]
    assert (version.name, version.entries, version.set_aside) == ("mine", 3, 1)
    assert (set_aside[0].line, set_aside[0].reason) == (4, "'0x1234' is no address")


def test_an_empty_list_of_addresses_is_an_error(tmp_path):
    (tmp_path / "none.txt").write_text("# nothing yet\n")
    with pytest.raises(BadInput, match="does not read as the list"):
        read_addresses(tmp_path / "none.txt")
