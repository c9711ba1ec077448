"""The rulebook, read from YAML: `regulations.yaml` and, over it, one file for each jurisdiction.

A later file wins where both say something: sections are put together by name, lists of sections with an `id` by that id, and any other
list is replaced. What is wrong is told with file, line, path and fix, several at once; a rulebook with a fault is not used at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from domain.problems import BadInput
from domain.regulation.reading_checks import check_rulebook
from domain.regulation.reading_shape import shape_faults
from domain.regulation.rulebook import (
    AccessTier,
    Acknowledgement,
    Condition,
    DocRef,
    Extension,
    Field,
    Format,
    Jurisdiction,
    KycChain,
    Lifecycle,
    Limit,
    Node,
    Regime,
    Report,
    RetentionRule,
    Rule,
    Rulebook,
    Source,
    Timing,
)
from domain.regulation.yaml_tree import Fault, NotReadable, Place, read_tree

MOST_FAULTS = 20
MOST_FILES = 300
# What an overlay may say beside the block of its jurisdiction.
SHARED = ("codelists", "lists", "rates")


def read_rulebook(texts: Mapping[str, str]) -> Rulebook:
    """The rulebook of these files, by name: the first is the base, each other holds one jurisdiction.

    Raises BadInput with up to 20 faults, one a line, also as the fact `faults` (file, line, path, sentence).
    """
    if not texts or len(texts) > MOST_FILES:
        raise BadInput(f"A rulebook is made of 1 to {MOST_FILES} files, not of {len(texts)}.", field="file")
    faults: list[Fault] = []
    whole: Place | None = None
    for file, text in texts.items():
        try:
            tree = read_tree(text, file)
        except NotReadable as error:
            faults.append(error.fault)
            continue
        if whole is None:
            whole = tree
        elif (overlay := _as_overlay(tree, faults)) is not None:
            whole = _merged(whole, overlay)
    if whole is None or faults:
        _refuse(faults)
    faults = list(shape_faults(whole))
    if faults:
        _refuse(faults)
    rulebook = _rulebook(whole)
    faults = list(check_rulebook(rulebook, whole))
    if faults:
        _refuse(faults)
    return rulebook


def _refuse(faults: list[Fault]) -> NoReturn:
    told = [str(one) for one in faults[:MOST_FAULTS]]
    if len(faults) > MOST_FAULTS:
        told.append(f"and {len(faults) - MOST_FAULTS} more")
    facts = [{"file": one.file, "line": one.line, "path": one.path, "sentence": one.sentence} for one in faults[:MOST_FAULTS]]
    raise BadInput("\n".join(told), field="regulations", faults=facts)


def _as_overlay(tree: Place, faults: list[Fault]) -> Place | None:
    """The file of a jurisdiction as the part of the rulebook that it is. A fault is added where it names none."""
    code = tree.told.get("jurisdiction")
    if code is None or not isinstance(code.told, str):
        where = code or tree
        faults.append(Fault(where.file, where.line, "jurisdiction", "it names no jurisdiction; write `jurisdiction: CODE` first."))
        return None
    block = {name: one for name, one in tree.told.items() if name != "jurisdiction" and name not in SHARED}
    shared = {name: one for name, one in tree.told.items() if name in SHARED}
    places = Place({code.told: Place(block, tree.file, code.line)}, tree.file, code.line)
    return Place({**shared, "jurisdictions": places}, tree.file, tree.line)


def _merged(base: Place, over: Place) -> Place:
    if isinstance(base.told, dict) and isinstance(over.told, dict):
        told = dict(base.told)
        for name, one in over.told.items():
            told[name] = _merged(told[name], one) if name in told else one
        return Place(told, over.file, over.line)
    if isinstance(base.told, list) and isinstance(over.told, list) and base.told and _have_ids(base) and _have_ids(over):
        told = {_id(one): one for one in base.told}
        for one in over.told:
            told[_id(one)] = _merged(told[_id(one)], one) if _id(one) in told else one
        return Place(list(told.values()), over.file, over.line)
    return over


def _have_ids(place: Place) -> bool:
    """Whether it is a list of sections, each with an id of its own."""
    ids = [_id(one) for one in place.told]
    return all(isinstance(one, str) for one in ids) and len(set(ids)) == len(ids)


def _id(place: Place) -> Any:
    found = place.told.get("id") if isinstance(place.told, dict) else None
    return found.told if found is not None else None


def _rulebook(whole: Place) -> Rulebook:
    told = whole.told
    codelists, lists = _words(told.get("codelists")), _words(told.get("lists"))
    known = {**codelists, **lists}
    places = {code: _jurisdiction(code, one, known) for code, one in told["jurisdictions"].told.items()}
    rates = told["rates"].plain() if "rates" in told else {}
    return Rulebook(version=told["version"].told, jurisdictions=places, codelists=codelists, lists=lists, rates=rates)


def _words(place: Place | None) -> dict[str, tuple[str, ...]]:
    return {} if place is None else {name: tuple(words) for name, words in place.plain().items()}


def _resolved(words: Any, lists: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Words, and in place of `@name` those of that list. A list that is not there stays as it is written; the checks tell of it."""
    found: list[str] = []
    for word in [words] if isinstance(words, str) else words:
        found += lists.get(word[1:], (word,)) if word.startswith("@") else (word,)
    return tuple(dict.fromkeys(found))


def _jurisdiction(code: str, place: Place, lists: Mapping[str, tuple[str, ...]]) -> Jurisdiction:
    told, plain = place.told, _scalars(place)
    regimes = {name: _regime(code, name, one) for name, one in _items(told.get("regimes"))}
    return Jurisdiction(
        **{name: plain[name] for name in ("name", "authority", "timezone", "holidays") if name in plain},
        code=code,
        countries=_resolved(told["countries"].plain(), lists),
        regimes=regimes,
        retention=tuple(_retention(one) for one in _list(told.get("retention"))),
        limits=tuple(_limit(one, lists) for one in _list(told.get("limits"))),
        kyc=_kyc(told["kyc"]) if "kyc" in told else None,
        line=place.line,
    )


def _regime(code: str, name: str, place: Place) -> Regime:
    reports = {key: _report(f"{code}.{name}.{key}", one) for key, one in place.told["reports"].told.items()}
    return Regime(name, tuple(place.told["corpus"].plain()), reports)


def _report(report_id: str, place: Place) -> Report:
    told, plain = place.told, _scalars(place)
    own = _doc_ref(told["doc_ref"])
    lifecycle = told["lifecycle"].plain() if "lifecycle" in told else {}
    becomes = {action: tuple(others) for action, others in lifecycle.get("becomes", {}).items()}
    ack = told["acknowledgement"].plain() if "acknowledgement" in told else None
    timing = told["timing"].told
    return Report(
        **{name: plain[name] for name in ("title", "record") if name in plain},
        id=report_id,
        source=Source(**_tuples(told["source"].plain())),
        timing=Timing(**_scalars(told["timing"]), doc_ref=_doc_ref(timing["doc_ref"]) if "doc_ref" in timing else None),
        formats={name: _format(name, one) for name, one in told["formats"].told.items()},
        tree=tuple(_node(one, own) for one in _list(told.get("tree"))),
        nil_tree=tuple(_node(one, own) for one in _list(told.get("nil_tree"))),
        doc_ref=own,
        eligibility=tuple(Condition(**_scalars(one), doc_ref=_own_or(one, own), line=one.line) for one in _list(told.get("eligibility"))),
        rules=tuple(Rule(**_scalars(one), doc_ref=_own_or(one, own), line=one.line) for one in _list(told.get("rules"))),
        lifecycle=Lifecycle(words=lifecycle.get("words", {}), becomes=becomes, nil=lifecycle.get("nil", False)),
        acknowledgement=None if ack is None else Acknowledgement(**_tuples(ack)),
        line=place.line,
    )


def _node(place: Place, inherited: DocRef) -> Node:
    told = place.told
    return Node(
        **_scalars(place),
        group_by=tuple(told["group_by"].plain()) if "group_by" in told else (),
        on=tuple(told["on"].plain()) if "on" in told else (),
        fields=tuple(_field(one, inherited) for one in _list(told.get("fields"))),
        children=tuple(_node(one, inherited) for one in _list(told.get("children"))),
        line=place.line,
    )


def _field(place: Place, inherited: DocRef) -> Field:
    plain = _tuples({name: one.plain() for name, one in place.told.items() if name != "doc_ref"})
    return Field(**plain, doc_ref=_own_or(place, inherited), line=place.line)


def _format(name: Any, place: Place) -> Format:
    plain = _tuples({key: one.plain() for key, one in place.told.items() if key != "extensions"})
    extensions = tuple(Extension(**one.plain()) for one in _list(place.told.get("extensions")))
    return Format(**{"schema": None, **plain}, name=name, extensions=extensions)


def _retention(place: Place) -> RetentionRule:
    access = tuple(AccessTier(**one.plain()) for one in _list(place.told.get("access")))
    records = tuple(place.told["records"].plain())
    return RetentionRule(**_scalars(place), records=records, access=access, doc_ref=_doc_ref(place.told["doc_ref"]), line=place.line)


def _limit(place: Place, lists: Mapping[str, tuple[str, ...]]) -> Limit:
    told = place.told
    members = _resolved(told["members"].plain(), lists) if "members" in told else ()
    if told["metric"].told.startswith("restricted_"):
        members = tuple(one.lower() for one in members)
    on_breach = tuple(told["on_breach"].plain()) if "on_breach" in told else ()
    return Limit(**_scalars(place), members=members, on_breach=on_breach, doc_ref=_doc_ref(told["doc_ref"]), line=place.line)


def _kyc(place: Place) -> KycChain | None:
    if place.told is None:
        return None
    told = place.told
    travel = told["travel_rule"].plain() if "travel_rule" in told else {}
    return KycChain(
        **_scalars(place),
        providers=tuple(told["providers"].plain()),
        travel_rule_standard=travel.get("standard"),
        travel_rule_minimum=travel.get("minimum"),
        doc_ref=_doc_ref(told["doc_ref"]) if "doc_ref" in told else None,
        line=place.line,
    )


def _doc_ref(place: Place) -> DocRef:
    return DocRef(**place.plain())


def _own_or(place: Place, inherited: DocRef) -> DocRef:
    return _doc_ref(place.told["doc_ref"]) if "doc_ref" in place.told else inherited


def _scalars(place: Place) -> dict[str, Any]:
    """The settings of a section that are neither lists nor sections; null is left out, so that the default holds."""
    return {name: one.told for name, one in place.told.items() if one.told is not None and not isinstance(one.told, list | dict)}


def _tuples(plain: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(one) if isinstance(one, list) else one for name, one in plain.items()}


def _list(place: Place | None) -> list[Place]:
    return [] if place is None else place.told


def _items(place: Place | None) -> list[tuple[str, Place]]:
    return [] if place is None else list(place.told.items())
