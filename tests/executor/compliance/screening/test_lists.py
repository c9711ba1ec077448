"""Lists are read whole or said to be missing; what cannot be read is set aside with its line."""

from __future__ import annotations

import pytest

from domain.problems import BadInput
from executor.compliance.screening import entries
from executor.compliance.screening.entries import ListedName, bytes_of
from executor.compliance.screening.folder import ListFolder
from executor.compliance.screening.ofac import read_ofac
from executor.compliance.screening.un import read_un
from tests.executor.compliance.screening.lists import SDN, UN, WALLET, real_lists, write_lists


def test_an_ofac_entry_has_its_names_programs_countries_and_wallets(tmp_path):
    read = read_ofac(write_lists(tmp_path))
    first = read.entries[0]
    assert (first.list_name, first.uid, first.kind) == ("ofac", "101", "individual")
    assert first.names == (
        ListedName("PETROVANOV, Sergei Mikhailovich", "primary"),
        ListedName("PETROVANOFF, Serge", "alias"),
        ListedName("BISON", "weak"),
    )
    assert (first.programs, first.countries) == (("TEST1", "TEST2"), ("Ruritania",))
    assert first.addresses == ("1BoatSLRHtKNngkdXEeobR76b53LETtpyT", WALLET)
    assert [entry.kind for entry in read.entries] == ["individual", "individual", "entity", "vessel"]
    assert read.version.version.startswith("sha256:") and read.version.entries == 4 and not read.set_aside


def test_a_bad_line_is_set_aside_with_its_reason_and_harms_no_other(tmp_path):
    bad = [
        '7,"UNCLOSED, Quote,"individual"',
        "x1," + SDN[1][4:],
        SDN[0],
        '8,"",' + SDN[1].split('",', 1)[1],
        SDN[2].replace("103", "9", 1)[:-5],
    ]
    bad.append('10,"ODD","spaceship","T",-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ')
    filler = [f'{number},"PERSON, Number{number}","individual","T",-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ' for number in range(200, 206)]
    alt = [*['101,1,"aka","A, B",-0- '] * 3, '101,2,"aka",-0- ,-0- ', '999,3,"aka","C",-0- ']
    read = read_ofac(write_lists(tmp_path, sdn=[*SDN, *bad, *filler], alt=alt))
    assert len(read.entries) == len(SDN) + len(filler)
    reasons = " | ".join(one.reason for one in read.set_aside if one.file == "sdn.csv").split(" | ")
    told = ("is not a line of CSV", "is not a whole number", "is there twice", "has no name", "columns and not 12", "its type")
    assert [want in reason for want, reason in zip(told, reasons, strict=True)] == [True] * 6, reasons
    assert {one.reason for one in read.set_aside if one.file == "alt.csv"} == {
        "the alias has no name",
        "it belongs to entry '999', which sdn.csv does not have",
    }
    assert read.version.set_aside == len(read.set_aside) == len(bad) + 2


def test_a_page_of_html_is_not_taken_for_an_empty_list(tmp_path):
    with pytest.raises(BadInput, match="does not read as the list"):
        read_ofac(write_lists(tmp_path, sdn=["<html>", "<body>Try again later</body>", "</html>"]))


def test_a_line_in_latin_1_is_read(tmp_path):
    folder = write_lists(tmp_path)
    (folder / "sdn.csv").write_bytes("\r\n".join(SDN).replace("Mikhailovich", "Mikhaïlovich").encode("latin-1"))
    assert read_ofac(folder).entries[0].names[0].text == "PETROVANOV, Sergei Mikhaïlovich"


def test_the_un_list_has_its_date_its_aliases_and_their_quality(tmp_path):
    read = ListFolder.named(write_lists(tmp_path)).un
    assert str(read.version) == "un 2026-02-27"
    assert [(one.text, one.quality) for one in read.entries[0].names] == [
        ("KWAMBO TALLEYRANDI", "primary"),
        ("Квамбо Талейранди", "alias"),
        ("Quambo Taleyrandi", "alias"),
        ("Kuambo Talerandi", "alias"),
        ("Lion", "weak"),
    ]
    assert (read.entries[0].uid, read.entries[0].countries) == ("TSi.001", ("Ruritania",))
    assert (read.entries[1].kind, read.entries[1].names[0].text) == ("entity", "BUTTERFLY AIRWAYS (BAW)")


def test_un_entries_without_name_or_number_are_set_aside(tmp_path):
    worse = UN.replace("</ENTITIES>", "<ENTITY><FIRST_NAME>X</FIRST_NAME></ENTITY><ENTITY><DATAID>4</DATAID></ENTITY></ENTITIES>")
    read = read_un(write_lists(tmp_path, un=worse.replace("2026-02-27", "soon")) / "UN_consolidated.xml")
    assert [one.reason for one in read.set_aside] == ["it has neither a REFERENCE_NUMBER nor a DATAID", "4 has no name"]
    assert read.version.version.startswith("sha256:")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("<CONSOLIDATED_LIST><INDIVIDUALS>", "not XML"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><CONSOLIDATED_LIST/>', "document type"),
        ("<HTML/>", "not the consolidated list"),
        ("<CONSOLIDATED_LIST/>", "does not read as the list"),
    ],
)
def test_what_is_no_un_list_is_refused(tmp_path, content, why):
    (tmp_path / "consolidated.xml").write_text(content)
    with pytest.raises(BadInput, match=why):
        read_un(tmp_path / "consolidated.xml")


def test_missing_lists_are_an_error_that_says_how_to_get_them(tmp_path, monkeypatch):
    monkeypatch.delenv("GREKKO_LISTS", raising=False)
    with pytest.raises(BadInput, match=r"No folder of lists was named\. Grekko ships no lists\. Put sdn\.csv"):
        ListFolder.named()
    with pytest.raises(BadInput, match="does not exist"):
        ListFolder.named(tmp_path / "nowhere")
    empty = ListFolder.named(tmp_path)
    for ask, why in (("ofac", "no sdn.csv"), ("un", "no consolidated list"), ("addresses", "no list of addresses")):
        with pytest.raises(BadInput, match=why):
            getattr(empty, ask)
    (tmp_path / "sdn.csv").write_text("\r\n".join(SDN))
    with pytest.raises(BadInput, match=r"no alt.csv"):
        _ = ListFolder.named(tmp_path).ofac
    monkeypatch.setenv("GREKKO_LISTS", str(tmp_path))
    assert ListFolder.named().path == tmp_path


def test_two_un_lists_are_not_chosen_between(tmp_path):
    folder = write_lists(tmp_path)
    (folder / "old_consolidated.xml").write_text(UN)
    with pytest.raises(BadInput, match="more than one"):
        _ = ListFolder.named(folder).un


def test_the_wallets_of_a_list_of_people_are_screened_too(tmp_path):
    lists = ListFolder.named(write_lists(tmp_path))
    assert lists.addresses.find(WALLET) == "ofac 101"
    assert lists.addresses.find("0x00000000000000000000000000000000000000ab") == "wallets.txt line 2"
    assert [one.name for one in lists.addresses.versions] == ["wallets", "ofac"]
    assert lists.set_aside == ()


def test_a_file_that_is_too_large_or_missing_is_refused(tmp_path, monkeypatch):
    with pytest.raises(BadInput, match="is missing"):
        bytes_of(tmp_path / "none")
    (tmp_path / "big").write_bytes(b"12345")
    monkeypatch.setattr(entries, "MAX_BYTES", 4)
    with pytest.raises(BadInput, match="no list of this kind"):
        bytes_of(tmp_path / "big")


def test_the_real_lists_are_read_without_a_line_lost():
    lists = ListFolder.named(real_lists())
    assert (lists.ofac.version.entries, lists.un.version.entries) == (7_379, 1_003)
    assert sum(len(entry.names) for entry in lists.ofac.entries) > 7_379 + 9_682
    assert len(lists.addresses.entries) == 154
    assert lists.set_aside == ()
    assert str(lists.un.version) == "un 2026-02-27"
