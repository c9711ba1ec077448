"""A listed name is found under the spellings of the world, an innocent one is not stopped, and each hit says why."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench._screening_names import perturbed, random_people
from bench.screening import Standing, score_of, share
from executor.compliance.screening.folder import ListFolder
from executor.compliance.screening.letters import LONGEST, words_of
from executor.compliance.screening.names import KINDS, REVIEW_FROM, THRESHOLD, WEAK_AT_MOST, NameIndex
from executor.compliance.screening.sounds import consonants, folded
from tests.executor.compliance.screening.lists import real_lists, write_lists


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> NameIndex:
    lists = ListFolder.named(write_lists(tmp_path_factory.mktemp("lists")))
    return NameIndex([lists.ofac, lists.un])


@pytest.fixture(scope="module")
def real() -> ListFolder:
    return ListFolder.named(real_lists())


@pytest.fixture(scope="module")
def index(real) -> NameIndex:
    return NameIndex([real.ofac, real.un])


@pytest.mark.parametrize(
    ("asked", "entry"),
    [
        ("Sergei Mikhailovich Petrovanov", "101"),
        ("PETROVANOV SERGEY", "101"),
        ("Serge Petrovanoff", "101"),
        ("Sergej M. Petrovanow", "101"),
        ("Сергей Михайлович Петрованов", "101"),
        ("Abdulrahman Yusuf Al Muthannawi", "102"),
        ("Yousef Abdul-Rahman AlMuthannawi", "102"),
        ("عبد الرحمن يوسف المثناوي", "102"),
        ("Northwind Turbine Trading", "103"),
        ("Zephyr Blade Co.", "103"),
        ("Butterfly Airways", "TSe.002"),
        ("Quambo Taleyrandi", "TSi.001"),
        ("KWÂMBO TALLEYRÀNDI", "TSi.001"),
    ],
)
def test_a_listed_name_is_found_however_it_is_written(small, asked, entry):
    (first, *_) = small.search(asked, THRESHOLD)
    assert first.entry.uid == entry


@pytest.mark.parametrize(
    "asked", ["Sergei Ivanov", "Maria Petrova", "Northern Trading L.L.C.", "Lionel Butterfield", "", "…", "Yusuf Rahman"]
)
def test_another_name_is_not_a_hit(small, asked):
    assert small.search(asked, THRESHOLD) == []


def test_a_hit_says_which_words_agree_and_which_do_not(small):
    (match,) = small.search("Petrovanof, Sergey Dmitri", 0.5)
    told = match.to_json()
    assert (told["list"], told["entry"], told["primary_name"]) == ("ofac", "101", "PETROVANOV, Sergei Mikhailovich")
    assert {(word["asked"], word["how"]) for word in told["words"]} >= {("petrovanof", "nearly the same")}
    assert told["only_asked"] == ["dmitri"]
    assert 0 < told["score"] < 1


def test_a_nickname_alone_makes_work_for_a_person_and_no_hit(small):
    (match,) = small.search("Bison")
    assert (match.score, match.name.quality) == (WEAK_AT_MOST, "weak")


def test_ships_are_screened_only_when_asked_for(tmp_path):
    lists = ListFolder.named(write_lists(tmp_path))
    assert NameIndex([lists.ofac]).search("Grey Heron") == []
    assert NameIndex([lists.ofac], [*KINDS, "vessel"]).search("Grey Heron")[0].entry.uid == "104"


def test_the_same_name_on_two_lists_is_told_twice_and_the_order_is_fixed(tmp_path):
    lists = ListFolder.named(write_lists(tmp_path))
    doubled = NameIndex([lists.ofac, lists.ofac, lists.un])
    assert len(doubled) > len(NameIndex([lists.ofac, lists.un]))
    assert [match.entry.uid for match in doubled.search("Sergei Petrovanov", 0.5)] == ["101"]


def test_spellings_of_one_name_fold_into_one_word():
    assert len({folded(one) for one in ("mohammed", "muhammad", "mohamad", "muhamed")}) == 1
    assert folded("qaddafi") == folded("kaddafi") and folded("sergei") == folded("sergey") and folded("romanoff") == folded("romanov")
    assert consonants("abdullah") == consonants("bdallh") and folded("aa") == "a" and consonants("ai") == "ai"


def test_letters_become_latin_ones():
    assert [word.text for word in words_of("Øyvind Łukasz Straße İnci O’Neill")] == ["oyvind", "lukasz", "strasse", "inci", "oneill"]
    assert [word.text for word in words_of("Αλέξης Щукин יוסף")] == ["alexis", "shchukin", "yvsf"]
    assert [word.text for word in words_of("C.I. Disercom S.A.S.")] == ["c", "i", "disercom", "sas"]
    assert [word.bare for word in words_of("Omar عمر")] == [False, True]
    assert [word.text for word in words_of("金正恩")] == ["金正恩"]


@settings(max_examples=30, deadline=None)
@given(st.text(max_size=LONGEST + 20))
def test_for_any_text_the_answer_is_a_list_of_scores_from_0_to_1(small, text):
    assert all(0 <= match.score <= 1 for match in small.search(text, 0.0))


@settings(max_examples=40, deadline=None)
@given(st.randoms(use_true_random=False))
def test_for_any_order_of_its_words_a_name_is_the_same_name(small, chance):
    words = ["Abd", "al-Rahman", "Yusuf", "al-Muthannawi"]
    chance.shuffle(words)
    assert small.search(" ".join(words), THRESHOLD)[0].score == pytest.approx(1.0)


def test_on_the_real_lists_95_of_100_are_found_and_at_most_one_of_200_innocents_is_stopped(real, index):
    chance = random.Random(77)
    entries = [*real.ofac.entries, *real.un.entries]
    true = perturbed(chance, entries, 200)
    found = [score_of(index.search(name, REVIEW_FROM, 10), entry) for _, name, entry in true]
    standing = Standing(entries)
    innocent = [name for name in random_people(chance, 500) if not standing.holds(name)]
    stopped = [matches[0].score if (matches := index.search(name, THRESHOLD)) else 0.0 for name in innocent]
    assert share(found, THRESHOLD) >= 0.95
    assert share(stopped, THRESHOLD) <= 0.005


def test_every_primary_name_of_the_real_lists_finds_itself(real, index):
    chance = random.Random(3)
    for entry in chance.sample([one for one in (*real.ofac.entries, *real.un.entries) if one.kind in KINDS], 150):
        assert index.search(entry.names[0].text, 0.99, 50), entry.names[0].text
