"""The page on bad input knows every reason that the code gives, and no other."""

import ast
import re
from pathlib import Path

from tests.docs.pages import ROOT, Page

PAGE = Page(ROOT / "docs" / "bad-input.md")
WORD = re.compile(r"[a-z]+(_[a-z]+)+")


def reasons_in(path: Path) -> set[str]:
    """The reasons for setting rows aside that a module gives: keys of its rules, and what it writes into `reason`."""
    found: set[object] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if (
            isinstance(node, ast.Assign)
            and isinstance(node.value, ast.Dict)
            and [ast.unparse(target) for target in node.targets] == ["rules"]
        ):
            found |= {key.value for key in node.value.keys if isinstance(key, ast.Constant) and isinstance(key.value, str)}
        if isinstance(node, ast.keyword) and node.arg == "reason":
            calls = [call for call in ast.walk(node.value) if isinstance(call, ast.Call) and ast.unparse(call.func) == "pl.lit"]
            found |= {argument.value for call in calls for argument in call.args if isinstance(argument, ast.Constant)}
    return {reason for reason in found if isinstance(reason, str) and WORD.fullmatch(reason)}


def test_every_reason_in_the_code_is_explained_and_none_is_made_up():
    explained = set(re.findall(r"^\| `(\w+)` \|", PAGE.text, flags=re.MULTILINE))
    given = set().union(*(reasons_in(path) for group in ("chain", "ledger") for path in (ROOT / "assets" / group).glob("*.py")))
    assert explained == given


def test_reasons_are_found_where_code_gives_them(tmp_path: Path):
    module = tmp_path / "module.py"
    module.write_text(
        'rules = {"wrong_chain": 1}\nframe.with_columns(reason=pl.when(x).then(pl.lit("late_block")))\nother = {"no_reason": 1}\n'
    )
    assert reasons_in(module) == {"wrong_chain", "late_block"}
