"""Whose result is whose: the wallets and strategies of each profit centre, read from one YAML file.

Whatever the file does not name belongs to the centre "Unassigned", which is reported like the others.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
import yaml

from domain.problems import BadInput

UNASSIGNED = "Unassigned"
SHIPPED = Path(__file__).resolve().parents[2] / "profit_centers.yaml"
ADDRESS = re.compile(r"0x[0-9a-f]{40}")
FIELDS = ("description", "wallets", "strategies")


@dataclass(frozen=True, slots=True)
class ProfitCenters:
    """The centres in the order of the file, and which one each wallet (lowercase) and each strategy belongs to."""

    descriptions: Mapping[str, str]
    of_wallet: Mapping[str, str] = field(default_factory=dict)
    of_strategy: Mapping[str, str] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """Every centre, Unassigned last."""
        return [*self.descriptions, UNASSIGNED]

    def center_of(self, wallet: str | None = None, strategy: str | None = None) -> str:
        """The centre of an order: by its strategy when that is named, else by its wallet."""
        if strategy is not None and strategy in self.of_strategy:
            return self.of_strategy[strategy]
        return self.of_wallet.get((wallet or "").lower(), UNASSIGNED)

    def of_wallets(self, wallet: pl.Expr) -> pl.Expr:
        """The centre of each wallet of a column."""
        names = list(self.of_wallet)
        return wallet.replace_strict(names, [self.of_wallet[name] for name in names], default=UNASSIGNED, return_dtype=pl.String)


def profit_centers_file() -> Path:
    """The setting GREKKO_CENTERS, else the file at the root of the repository."""
    return Path(os.environ.get("GREKKO_CENTERS") or SHIPPED)


def center_names() -> list[str]:
    """Every profit centre by name, Unassigned last."""
    return load_profit_centers().names


def load_profit_centers(path: Path | None = None) -> ProfitCenters:
    """The centres of the file; raises BadInput with the line, the field and the fix where it is not what it must be."""
    file = path or profit_centers_file()
    try:
        document = yaml.compose(file.read_text(), Loader=yaml.SafeLoader)
    except OSError as error:
        raise BadInput(
            f"{file} cannot be read ({error.strerror}); set GREKKO_CENTERS to the file of profit centres.", field="GREKKO_CENTERS"
        ) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise BadInput(
            f"{file}, line {mark.line + 1 if mark else '?'}: this is not YAML ({getattr(error, 'problem', error)}).", field="file"
        ) from error
    return _Reader(file).centers(document)


class _Reader:
    """Walks the document's nodes, which know their lines and keep an unquoted address as the text it is."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def centers(self, document: yaml.Node | None) -> ProfitCenters:
        top = {name: node for name, _, node in self._entries(document, "the file", "profit_centers")}
        if list(top) != ["profit_centers"]:
            raise self._wrong(document, "profit_centers", f"the file must have the one key profit_centers, it has {sorted(top)}")
        descriptions, of_wallet, of_strategy = dict[str, str](), dict[str, str](), dict[str, str]()
        for name, key, node in self._entries(top["profit_centers"], "profit_centers", "profit_centers"):
            if name == UNASSIGNED or name in descriptions:
                why = "is what all others belong to; leave it out" if name == UNASSIGNED else "stands here twice; merge the two"
                raise self._wrong(key, name, f"the centre {name} {why}")
            descriptions[name] = self._center(name, node, of_wallet, of_strategy)
        return ProfitCenters(descriptions, of_wallet, of_strategy)

    def _center(self, name: str, node: yaml.Node, of_wallet: dict[str, str], of_strategy: dict[str, str]) -> str:
        description = ""
        for part, key, value in self._entries(node, name, name):
            if part not in FIELDS:
                raise self._wrong(key, f"{name}.{part}", f"a centre has {', '.join(FIELDS)}; {part!r} is none of them")
            if part == "description":
                description = self._text(value, f"{name}.{part}")
            elif part == "wallets":
                self._assign(name, value, of_wallet, "wallet", ADDRESS)
            else:
                self._assign(name, value, of_strategy, "strategy", None)
        return description

    def _assign(self, center: str, node: yaml.Node, owners: dict[str, str], what: str, shape: re.Pattern[str] | None) -> None:
        where = f"{center}.{'wallets' if shape else 'strategies'}"
        if not isinstance(node, yaml.SequenceNode):
            raise self._wrong(node, where, "this must be a list; write each entry on its own line after a dash")
        for item in node.value:
            name = self._text(item, where)
            name = name.lower() if shape else name
            if shape and not shape.fullmatch(name):
                raise self._wrong(item, where, f"{name!r} is no address; write 0x and 40 hexadecimal digits")
            if name in owners:
                raise self._wrong(item, where, f"the {what} {name} belongs to {owners[name]} already; name it once")
            owners[name] = center

    def _entries(self, node: yaml.Node | None, name: str, where: str) -> Iterator[tuple[str, yaml.Node, yaml.Node]]:
        if not isinstance(node, yaml.MappingNode):
            raise self._wrong(node, where, f"{name} must be a mapping of names to values")
        for key, value in node.value:
            yield self._text(key, where), key, value

    def _text(self, node: yaml.Node, where: str) -> str:
        if not isinstance(node, yaml.ScalarNode) or not node.value:
            raise self._wrong(node, where, "a name or text is expected here")
        return str(node.value)

    def _wrong(self, node: yaml.Node | None, where: str, why: str) -> BadInput:
        line = node.start_mark.line + 1 if node is not None else 1
        return BadInput(f"{self.file}, line {line}, {where}: {why}.", field=where, line=line, file=str(self.file))
