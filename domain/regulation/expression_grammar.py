"""The grammar of the rulebook's expressions: text in, a tree of terms out, and back. Nothing of Python is ever evaluated.

condition   or, and, not, ( )
comparison  == != < <= > >=, in ('A', 'B'), in @list, not in, is null, is not null, matches 'regex'
arithmetic  + - * /, -x, abs(x), decimal(x), length(x), count(), sum(x), power10(x)
    text        joined(a, 'b', …)
values      12, 0.05, 'text' ('' is a quote in it), true, false, names of columns (also heading.reference)
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, NoReturn

from domain.problems import BadInput

MAX_LENGTH = 2_000
MAX_DEPTH = 40
MAX_DIGITS = 38  # what a Decimal column can hold
COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")
# Least and most values that each takes.
FUNCTIONS = {"abs": (1, 1), "decimal": (1, 1), "length": (1, 1), "sum": (1, 1), "power10": (1, 1), "count": (0, 0), "joined": (2, 20)}
KEYWORDS = ("and", "or", "not", "in", "is", "null", "matches", "true", "false")
_TOKEN = re.compile(
    r"""\s*(?:(?P<number>[0-9]+(?:\.[0-9]+)?(?![\w.]))
        |(?P<text>'(?:[^']|'')*')
        |(?P<list>@[A-Za-z_]\w*)
        |(?P<name>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)
        |(?P<sign>==|!=|<=|>=|[<>+\-*/(),]))""",
    re.VERBOSE | re.ASCII,
)
_SLIPS = {"=": "==", "&": "and", "|": "or", "!": "not", '"': "'…'", "%": "/ 100 *", "^": "*"}


@dataclass(frozen=True, slots=True)
class Term:
    """One node: `op` is an operator, a function, `column`, `number`, `text`, `boolean` or `is null`; `at` is where it stands, from 1.

    `value` is the name, the number (Decimal), the text, the truth, the regex of `matches` or the name of the list of `in`.
    """

    op: str
    args: tuple[Term, ...] = ()
    value: Any = None
    at: int = field(default=0, compare=False)
    depth: int = field(init=False, default=0, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "depth", 1 + max((one.depth for one in self.args), default=0))

    def every(self) -> Iterator[Term]:
        """This term and all below it."""
        yield self
        for one in self.args:
            yield from one.every()


@lru_cache(maxsize=4_096)
def parse(text: str) -> Term:
    """The tree of an expression. Raises BadInput naming the text, the position and the fix."""
    if not isinstance(text, str) or not text.strip():
        raise BadInput("An expression is empty; write a condition such as side == 'BUY'.", text=text, position=1)
    if len(text) > MAX_LENGTH:
        raise BadInput(f"An expression is {len(text)} characters long; write at most {MAX_LENGTH}.", text=text[:80], position=MAX_LENGTH)
    return _Parser(text).whole()


def refuse(text: str, at: int, fault: str) -> NoReturn:
    """Raises BadInput about a place in an expression."""
    raise BadInput(f"In the expression {text!r}, position {at}: {fault}", text=text, position=at)


def closest(name: str, known: Sequence[str]) -> str:
    """What to write instead of a name that is not known."""
    close = get_close_matches(name, known, n=1)
    if close:
        return f"did you mean {close[0]}?"
    return f"there are: {', '.join(sorted(known)[:20])}." if known else "there are none."


def shown(term: Term) -> str:
    """The expression as text; parsing it gives the same tree."""
    match term.op:
        case "column":
            return term.value
        case "number":
            return format(term.value, "f")
        case "text":
            return _quoted(term.value)
        case "boolean":
            return "true" if term.value else "false"
        case "and" | "or":
            return "(" + f" {term.op} ".join(shown(one) for one in term.args) + ")"
        case "not" | "-" if len(term.args) == 1:
            return f"({term.op} {shown(term.args[0])})"
        case "is null":
            return f"({shown(term.args[0])} is null)"
        case "matches":
            return f"({shown(term.args[0])} matches {_quoted(term.value)})"
        case "in":
            of = f"@{term.value}" if term.value else "(" + ", ".join(shown(one) for one in term.args[1:]) + ")"
            return f"({shown(term.args[0])} in {of})"
        case op if op in FUNCTIONS:
            return f"{op}({', '.join(shown(one) for one in term.args)})"
        case op:
            return f"({shown(term.args[0])} {op} {shown(term.args[1])})"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int


class _Parser:
    """One method for each level of binding, the loosest first."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = list(_tokens(text))
        self.next = 0
        self.open = 0

    def whole(self) -> Term:
        term = self._or()
        if self.tokens[self.next].kind != "end":
            self._unexpected("an operator such as and, or, ==")
        return term

    def _or(self) -> Term:
        return self._chain("or", self._and)

    def _and(self) -> Term:
        return self._chain("and", self._not)

    def _chain(self, word: str, below: Any) -> Term:
        at = self._now.at
        found = [below()]
        while self._take(word):
            found.append(below())
        return found[0] if len(found) == 1 else self._term(word, tuple(found), at=at)

    def _not(self) -> Term:
        at = self._now.at
        if not self._take("not"):
            return self._comparison()
        self._deeper(at)
        inner = self._not()
        self.open -= 1
        return self._term("not", (inner,), at=at)

    def _comparison(self) -> Term:
        left = self._sum()
        token = self._now
        if token.text in COMPARISONS and token.kind == "sign":
            self.next += 1
            if self._now.text == "null":
                self._fault("a comparison with null is never true; write is null or is not null.")
            found = self._term(token.text, (left, self._sum()), at=token.at)
            if self._now.text in COMPARISONS and self._now.kind == "sign":
                self._fault("comparisons are not chained; join two with and.")
            return found
        if self._take("is"):
            negated = self._take("not")
            self._need("null", "null after is")
            return self._maybe_not(negated, self._term("is null", (left,), at=token.at))
        if self._take("matches"):
            pattern = self._text()
            return self._term("matches", (left,), pattern, at=token.at)
        negated = token.text == "not" and self.tokens[self.next + 1].text in ("in", "matches")
        self.next += negated
        if negated and self._take("matches"):
            return self._maybe_not(True, self._term("matches", (left,), self._text(), at=token.at))
        return self._maybe_not(negated, self._in(left)) if self._take("in") else left

    def _maybe_not(self, negated: bool, term: Term) -> Term:
        return self._term("not", (term,), at=term.at) if negated else term

    def _in(self, left: Term) -> Term:
        token = self._now
        if token.kind == "list":
            self.next += 1
            return self._term("in", (left,), token.text[1:], at=token.at)
        self._need("(", "a list such as ('A', 'B') or @name after in")
        items = [self._literal()]
        while self._take(","):
            items.append(self._literal())
        self._need(")", "a comma or )")
        return self._term("in", (left, *items), at=token.at)

    def _literal(self) -> Term:
        token = self._now
        found = self._primary() if token.text != "-" else self._unary()
        if found.op in ("text", "number"):
            return found
        refuse(self.text, token.at, "a list holds 'texts' or numbers.")

    def _sum(self) -> Term:
        return self._left(("+", "-"), lambda: self._left(("*", "/"), self._unary))

    def _left(self, signs: tuple[str, ...], below: Any) -> Term:
        found = below()
        while self._now.kind == "sign" and self._now.text in signs:
            token = self._now
            self.next += 1
            found = self._term(token.text, (found, below()), at=token.at)
        return found

    def _unary(self) -> Term:
        at = self._now.at
        if not self._take("-"):
            return self._primary()
        self._deeper(at)
        inner = self._unary()
        self.open -= 1
        if inner.op == "number":  # not by a minus sign: that would round to Decimal's context
            return self._term("number", value=inner.value.copy_negate(), at=at)
        return self._term("-", (inner,), at=at)

    def _primary(self) -> Term:
        token = self._now
        if token.kind == "number":
            self.next += 1
            if len(token.text.replace(".", "")) > MAX_DIGITS:
                refuse(self.text, token.at, f"the number has more than {MAX_DIGITS} digits; write fewer.")
            return self._term("number", value=Decimal(token.text), at=token.at)
        if token.kind == "text":
            return self._term("text", value=self._text(), at=token.at)
        if token.text in ("true", "false"):
            self.next += 1
            return self._term("boolean", value=token.text == "true", at=token.at)
        if token.kind == "name" and token.text not in KEYWORDS:
            self.next += 1
            if self._now.text == "(":
                return self._call(token)
            return self._term("column", value=token.text, at=token.at)
        if self._take("("):
            self._deeper(token.at)
            found = self._or()
            self.open -= 1
            self._need(")", "an operator or )")
            return found
        self._unexpected("a column, a number, a 'text', a function or (")

    def _call(self, token: _Token) -> Term:
        if token.text not in FUNCTIONS:
            refuse(self.text, token.at, f"there is no function {token.text}; {closest(token.text, list(FUNCTIONS))}")
        self.next += 1
        self._deeper(token.at)
        least, most = FUNCTIONS[token.text]
        args: list[Term] = [self._sum()] if most else []
        while len(args) < most and self._take(","):
            args.append(self._sum())
        self.open -= 1
        if len(args) < least:
            self._unexpected(f"a comma and another value: {token.text} takes {least} or more")
        self._need(")", f"{token.text} takes {most or 'nothing'}, then )")
        return self._term(token.text, tuple(args), at=token.at)

    def _text(self) -> str:
        token = self._now
        if token.kind != "text":
            self._unexpected("a 'text'")
        self.next += 1
        return token.text[1:-1].replace("''", "'")

    def _term(self, op: str, args: tuple[Term, ...] = (), value: Any = None, *, at: int) -> Term:
        term = Term(op, args, value, at)
        if term.depth > MAX_DEPTH:
            refuse(self.text, at, f"it is nested deeper than {MAX_DEPTH} levels; write two rules.")
        return term

    def _deeper(self, at: int) -> None:
        self.open += 1
        if self.open > MAX_DEPTH:
            refuse(self.text, at, f"it is nested deeper than {MAX_DEPTH} levels; write two rules.")

    @property
    def _now(self) -> _Token:
        return self.tokens[self.next]

    def _take(self, word: str) -> bool:
        here = self._now.kind in ("name", "sign") and self._now.text == word
        self.next += here
        return here

    def _need(self, word: str, wanted: str) -> None:
        if not self._take(word):
            self._unexpected(wanted)

    def _unexpected(self, wanted: str) -> NoReturn:
        found = "the end" if self._now.kind == "end" else self._now.text
        self._fault(f"here stands {found}; write {wanted}.")

    def _fault(self, fault: str) -> NoReturn:
        refuse(self.text, self._now.at, fault)


def _tokens(text: str) -> Iterator[_Token]:
    place = 0
    while text[place:].strip():
        found = _TOKEN.match(text, place)
        if found is None:
            place += len(text[place:]) - len(text[place:].lstrip())
            sign = text[place]
            if sign == "'":
                refuse(text, place + 1, "the text that begins here does not end; close it with '.")
            if sign in "0123456789":
                refuse(text, place + 1, "a number is digits with at most one point, and a name begins with a letter.")
            fix = f"write {_SLIPS[sign]}." if sign in _SLIPS else "leave it out."
            refuse(text, place + 1, f"{sign} is not part of the language; {fix}")
        kind = found.lastgroup or ""
        yield _Token(kind, found[kind], found.start(kind) + 1)
        place = found.end()
    yield _Token("end", "", len(text) + 1)
