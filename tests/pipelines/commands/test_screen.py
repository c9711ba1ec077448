"""`grekko screen` says hit, clear or "look at it" by its exit code, screens what can be read of a file, and tells the rest."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from executor.compliance.kyc.store import DecisionStore
from pipelines.cli import main
from tests.executor.compliance.screening.lists import WALLET, write_lists

FREE = "0x" + "9" * 40


@pytest.fixture
def lists(tmp_path, monkeypatch) -> Path:
    folder = write_lists(tmp_path / "lists")
    monkeypatch.setenv("GREKKO_LISTS", str(folder))
    # A rulebook of its own, so that the shipped one may change.
    monkeypatch.setattr("executor.compliance.rulebook_file.SHIPPED", tmp_path / "none.yaml")
    for name in ("GREKKO_REGULATIONS", "GREKKO_PEP_REGISTER", "GREKKO_KYC_KEY"):
        monkeypatch.delenv(name, raising=False)
    return folder


def screened(capsys, *arguments: str) -> tuple[int, list[dict]]:
    code = main(["screen", *arguments, "--json"])
    return code, [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_listed_name_is_a_hit_with_its_words_and_lists(lists, capsys):
    code, (told,) = screened(capsys, "--name", "Petrovanov Sergey")
    assert (code, told["verdict"], told["matched"], told["query"]) == (1, "hit", "ofac 101", {"name": "Petrovanov Sergey"})
    assert told["score"] >= told["threshold"] == 0.85
    ofac, un = told["answers"]
    assert {word["how"] for word in ofac["explanation"]["words"]} == {"sounds the same", "nearly the same"}
    assert (un["outcome"], un["list_version"]) == ("clear", "un 2026-02-27")


def test_a_listed_wallet_is_a_hit_and_another_is_clear(lists, capsys):
    assert screened(capsys, "--address", WALLET)[0] == 1
    code, (told,) = screened(capsys, "--address", FREE)
    assert (code, told["verdict"], told["providers"]) == (0, "clear", ["wallet:ofac"])


def test_a_person_reads_why(lists, capsys):
    assert main(["screen", "--name", "Sergey Petrovanoff", "--country", "DE"]) == 1
    told = capsys.readouterr().out
    assert "HIT  Sergey Petrovanoff  (DEFAULT)" in told
    assert (
        "petrovanoff = petrovanoff (same); sergey = serge (nearly the same)" in told
        or "sergey = serge (nearly the same); petrovanoff = petrovanoff (same)" in told
    )
    assert "pep:register    not asked" in told and "country:fatf    clear" in told


def test_a_near_name_is_looked_at_by_a_person(lists, capsys):
    assert screened(capsys, "--name", "Bison")[0] == 3
    assert screened(capsys, "--name", "Bison", "--threshold", "0.8")[0] == 1
    assert main(["screen", "--name", "Petrovanov Sergej Dmitri Ivan", "--threshold", "0.3"]) == 1
    assert "only asked: dmitri, ivan" in capsys.readouterr().out


def test_a_missing_list_is_an_error_or_undecided_and_never_clear(lists, capsys, monkeypatch, tmp_path):
    (lists / "UN_consolidated.xml").unlink()
    code, (told,) = screened(capsys, "--name", "Gundula Harmlos")
    assert (code, told["verdict"]) == (3, "undecided")
    assert "no consolidated list" in told["answers"][1]["reason"] and "Grekko ships no lists" in told["answers"][1]["reason"]
    monkeypatch.delenv("GREKKO_LISTS")
    assert main(["screen", "--name", "A B"]) == 2
    assert "Put sdn.csv" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--name", "A", "--file", "x.csv"],
        ["--address", "0x12"],
        ["--name", "A B", "--country", "Germany"],
        ["--name", "A B", "--threshold", "2"],
        ["--file", "none.csv"],
        ["--file", "names.xlsx"],
        ["--name", "A B", "--keep", "k.sqlite"],
    ],
)
def test_what_cannot_be_asked_is_exit_code_2(lists, arguments, capsys):
    assert main(["screen", *arguments]) == 2
    assert "BadInput" in capsys.readouterr().err


def test_of_a_csv_file_every_good_line_is_screened_and_every_bad_one_told(lists, capsys, tmp_path):
    path = tmp_path / "many.csv"
    rows = [
        "\ufeffid,name,address,country",
        "1,Gundula Harmlos,,DE",
        '2,"Never closed,,',
        "3,too,many,DE,columns",
        "4,,,DE",
        "",
        "5,Serge Petrovanoff,,SG",
    ]
    path.write_bytes(
        "\n".join([*rows, f"6,,{WALLET},", "7,A B,0x12,", f"8,C D,,Deutschland,{'x' * 70_000}"]).encode() + b"\n9,\xff,,\n10,Last One,,\n"
    )
    code, told = screened(capsys, "--file", str(path))
    assert code == 1
    assert [(one["query"]["line"], one["verdict"]) for one in told] == [
        (2, "clear"),
        (3, "bad_line"),
        (4, "bad_line"),
        (5, "bad_line"),
        (7, "hit"),
        (8, "hit"),
        (9, "bad_line"),
        (10, "bad_line"),
        (11, "bad_line"),
        (12, "clear"),
    ]
    reasons = [one["reason"] for one in told if one["verdict"] == "bad_line"]
    for reason, why in zip(reasons, ("CSV", "5 columns", "neither a name", "no address", "longer than", "UTF-8"), strict=True):
        assert why in reason


def test_of_a_jsonl_file_too_and_a_person_sees_only_what_needs_them(lists, capsys, tmp_path):
    path = tmp_path / "many.jsonl"
    path.write_text(
        "x" * 70_000 + "\n" + '{"name": "Gundula Harmlos"}\n[1]\n{"name": 7}\n{"name"\n{"name": "Kwambo Talleyrandi", "country": "KW"}\n'
    )
    assert main(["screen", "--file", str(path)]) == 1
    told = capsys.readouterr()
    assert "Gundula" not in told.out and "line 6: HIT  Kwambo Talleyrandi" in told.out
    assert told.out.count("NOT SCREENED") == 4
    assert "4 bad line, 1 clear, 1 hit" in told.err


def test_a_csv_file_without_a_header_is_refused_and_an_empty_one_asks_nothing(lists, capsys, tmp_path, monkeypatch):
    (tmp_path / "many.csv").write_text("Gundula,Harmlos\n")
    assert main(["screen", "--file", str(tmp_path / "many.csv")]) == 2
    (tmp_path / "many.jsonl").write_text("")
    monkeypatch.setenv("FORCE_COLOR", "1")  # as if somebody looked: with a bar
    assert main(["screen", "--file", str(tmp_path / "many.jsonl")]) == 0
    assert "nothing to screen" in capsys.readouterr().err


def test_a_long_file_has_a_bar_where_somebody_looks(lists, capsys, tmp_path, monkeypatch):
    (tmp_path / "many.csv").write_text("name,address\n" + "Gundula Harmlos,\n" * 20)
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert main(["screen", "--file", str(tmp_path / "many.csv")]) == 0
    assert "20 lines screened" in capsys.readouterr().err


def test_a_line_of_a_list_that_screens_nobody_is_told(lists, capsys):
    (lists / "wallets.txt").write_text(f"{FREE}\nnot one\n")
    assert main(["screen", "--address", "0x" + "8" * 40]) == 0
    assert "wallets.txt, line 2 was set aside and screens nobody" in capsys.readouterr().err


def test_decisions_are_kept_under_an_id_and_without_the_name(lists, capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("GREKKO_KYC_KEY", "k" * 40)
    kept = tmp_path / "kyc.sqlite"
    path = tmp_path / "many.csv"
    path.write_text("id,name\nc-1,Gundula Harmlos\n,Nobody Known\n")
    assert main(["screen", "--file", str(path), "--keep", str(kept), "--json"]) == 3
    assert main(["screen", "--name", "Serge Petrovanoff", "--id", "c-2", "--keep", str(kept)]) == 1
    assert main(["screen", "--name", "Serge Petrovanoff", "--keep", str(kept)]) == 2
    assert [(one.client_id, one.verdict) for one in DecisionStore(kept, b"k" * 40).all()] == [("c-1", "clear"), ("c-2", "hit")]


def test_a_country_goes_through_the_chain_of_the_rulebook(lists, capsys, monkeypatch):
    from tests.executor.compliance.kyc.places import RULEBOOK

    monkeypatch.setenv("GREKKO_REGULATIONS", "somewhere.yaml")
    monkeypatch.setattr("executor.compliance.rulebook_file.load_rulebook", lambda path: RULEBOOK)
    for country, jurisdiction, threshold in (("DE", "EU", 0.85), ("SG", "SG", 0.8), ("US", "US", 0.9), ("CH", "DEFAULT", 0.85)):
        _, (told,) = screened(capsys, "--name", "Gundula Harmlos", "--country", country)
        assert (told["jurisdictions"], told["threshold"]) == ([jurisdiction], threshold)
    assert "pep:register" in told["not_asked"]
