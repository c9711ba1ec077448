"""Sentences that call a schema official, and whether they may.

Two schemas in the world of these reports are an authority's or standard setter's own and lie beside the checkout: the OECD's for CARF and
IVMS101. Whatever else is checked is a carrier or of our own, and no sentence here may say more.
"""

from __future__ import annotations

import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

OFFICIAL = re.compile(r"\b(CARF|OECD|IVMS ?101)", re.IGNORECASE)
REGIMES = re.compile(r"\b(MiCA|ESMA|MiFIR|EU|MAS|SF\(?RDC\)?R?|PSN02|CFTC|Part 45|SDR|FCA|ISO ?20022|auth\.\d{3}|STOR|1099)", re.IGNORECASE)
_SCHEMA = r"(?:XSD|XML Schema|JSON Schema|schema)s?"
# "official … schema", with up to four words between, and what it is of.
_CALLED = re.compile(
    rf"\bofficial((?:\s+(?!(?:is|are|was|of|for|or|and|not)\b)[\w.'’()-]+){{0,4}}?)\s+({_SCHEMA})\b((?:\s+(?:of|for|from|by)(?:\s+[\w.'’()-]+){{1,3}})?)",
    re.IGNORECASE,
)
# "the schema … is official".
_SAID = re.compile(rf"\b{_SCHEMA}\b[^.;:]{{0,60}}?\b(?:is|are)\s+(not\s+|never\s+)?official\b", re.IGNORECASE)
# A regime's schema, as if it had one.
_OWNED = re.compile(rf"\b(MiCA|ESMA|MAS|CFTC|Part 45)(?:['’]s)?\s+({_SCHEMA})\b", re.IGNORECASE)
_DENIED = re.compile(r"\b(no|not|never|without|neither|nor|own|isn't|is not|nobody)\b[^.;]{0,50}$", re.IGNORECASE)
_SENTENCE = re.compile(r"(?<=[.;!?])\s+")


def sentences(text: str) -> Iterator[str]:
    """The text's sentences on one line each; marks of comments and emphasis are left out."""
    plain = re.sub(r"^[ \t]*(?:#+|//|>|\*)[ \t]?", "", text, flags=re.MULTILINE)
    for block in re.split(r"\n\s*\n|\n(?=\s*[-|*] )", plain):
        yield from _SENTENCE.split(re.sub(r"[\s`*\"]+", " ", block).strip())


def false_claims(text: str) -> list[str]:
    """The sentences that call a schema official which is not."""
    return [sentence for sentence in sentences(text) if _is_false(sentence)]


def _is_false(sentence: str) -> bool:
    for found in _CALLED.finditer(sentence):
        if _DENIED.search(sentence[: found.start()]):
            continue
        about = found[1] + found[3]
        several = found[2].lower().endswith("s")
        if REGIMES.search(about) or not (several or OFFICIAL.search(about) or (OFFICIAL.search(sentence) and not REGIMES.search(sentence))):
            return True
    for found in _SAID.finditer(sentence):
        if not found[1] and not OFFICIAL.search(sentence):
            return True
    return any(not _DENIED.search(sentence[: found.start()]) for found in _OWNED.finditer(sentence))


def words_of(path: Path) -> str:
    """What a reader reads in a file: all of it, and of code the comments and texts."""
    text = path.read_text()
    if path.suffix != ".py" or not (re.search("official", text, re.IGNORECASE) or _OWNED.search(text)):
        return text
    with path.open("rb") as file:
        kinds = (tokenize.COMMENT, tokenize.STRING)
        return "\n\n".join(token.string for token in tokenize.tokenize(file.readline) if token.type in kinds)


def told_files(root: Path) -> list[Path]:
    """Every file whose words reach a reader: docs, README, rulebooks, schemas of ours, and the code itself; tests are not among them."""
    texts = [root / "README.md", root / "regulations.yaml", *(root / "regulations").glob("*.yaml"), *(root / "docs").rglob("*.md")]
    for package in ("domain", "executor", "models", "assets", "pipelines", "bench", "dbt"):
        texts += [path for kind in ("*.py", "*.yaml", "*.yml", "*.json", "*.xsd", "*.sql") for path in (root / package).rglob(kind)]
    return sorted(path for path in texts if "__pycache__" not in path.parts)
