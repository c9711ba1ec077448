"""Small lists of fictional people in the real formats, and where the real lists lie."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[4]
WALLET = "0x52908400098527886e0f7030069857d2e4169ee7"
SDN = [
    '101,"PETROVANOV, Sergei Mikhailovich","individual","TEST1] [TEST2",-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,'
    "\"DOB 01 Jan 1960; a.k.a. 'BISON'; Digital Currency Address - XBT 1BoatSLRHtKNngkdXEeobR76b53LETtpyT; "
    f'alt. Digital Currency Address - ETH {WALLET}."',
    '102,"AL-MUTHANNAWI, Abd al-Rahman Yusuf","individual","TEST1",-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ',
    '103,"NORTHWIND TURBINE TRADING L.L.C.",-0- ,"TEST2",-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ',
    '104,"GREY HERON","vessel","TEST2",-0- ,"T2AB",-0- ,-0- ,-0- ,"Nowhere",-0- ,-0- ',
]
ALT = ['101,1,"aka","PETROVANOFF, Serge",-0- ', '103,2,"fka","ZEPHYR BLADE COMPANY",-0- ']
ADD = ['101,1,"1 Harbour St.","Springfield","Ruritania",-0- ', '103,2,-0- ,"Strelsau","Ruritania",-0- ']
UN = """<?xml version="1.0" encoding="UTF-8"?>
<CONSOLIDATED_LIST dateGenerated="2026-02-27T00:00:09.554Z">
  <INDIVIDUALS>
    <INDIVIDUAL><DATAID>1</DATAID><FIRST_NAME>KWAMBO</FIRST_NAME><SECOND_NAME>TALLEYRANDI</SECOND_NAME><THIRD_NAME/>
      <UN_LIST_TYPE>TST</UN_LIST_TYPE><REFERENCE_NUMBER>TSi.001</REFERENCE_NUMBER>
      <NATIONALITY><VALUE>Ruritania</VALUE></NATIONALITY>
      <INDIVIDUAL_ALIAS><QUALITY>Good</QUALITY><ALIAS_NAME>Quambo Taleyrandi; Kuambo Talerandi</ALIAS_NAME></INDIVIDUAL_ALIAS>
      <INDIVIDUAL_ALIAS><QUALITY>Low</QUALITY><ALIAS_NAME>Lion</ALIAS_NAME></INDIVIDUAL_ALIAS>
      <NAME_ORIGINAL_SCRIPT>Квамбо Талейранди</NAME_ORIGINAL_SCRIPT>
    </INDIVIDUAL>
  </INDIVIDUALS>
  <ENTITIES>
    <ENTITY><DATAID>2</DATAID><FIRST_NAME>BUTTERFLY AIRWAYS (BAW)</FIRST_NAME><REFERENCE_NUMBER>TSe.002</REFERENCE_NUMBER></ENTITY>
  </ENTITIES>
</CONSOLIDATED_LIST>
"""


def write_lists(folder: Path, *, sdn: list[str] | None = None, alt: list[str] | None = None, un: str | None = UN) -> Path:
    """A folder of lists with these lines, or the usual ones."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sdn.csv").write_text("\r\n".join([*(SDN if sdn is None else sdn), "\x1a"]))
    (folder / "alt.csv").write_text("\r\n".join([*(ALT if alt is None else alt), "\x1a"]))
    (folder / "add.csv").write_text("\r\n".join([*ADD, "\x1a"]))
    if un is not None:
        (folder / "UN_consolidated.xml").write_text(un)
    (folder / "wallets.txt").write_text("# fictional\n0x00000000000000000000000000000000000000AB\n")
    return folder


def real_lists() -> Path:
    """The folder of real lists beside the checkout. Skips only where the shared folder itself is not there."""
    shared = ROOT.parent / "shared"
    if not shared.is_dir():
        pytest.skip(f"the real lists are not here: {shared} does not exist")
    return shared / "schemas" / "reference"
