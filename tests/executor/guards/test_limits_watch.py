"""Limits while the desk runs: a changed file is taken, a bad one never, and without a signature nothing becomes looser in live."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.problems import BadInput
from executor.desk_file import load_desk_file, read_desk_file
from executor.desk_signature import check_signature, sign_desk_file
from executor.guards import Change, LimitsWatch
from executor.guards.limits_watch import signature_path
from executor.signers import LocalSigner
from executor.signers.local import Secret
from tests.executor.desk_files import DESK, desk_text

KEY, THIEF = (LocalSigner(Secret(bytes([number]) * 32), None) for number in (1, 2))
LINE = "  max_slippage_bps: 50\n"


@dataclass
class Watched:
    """A desk file in a folder, watched as in the mode it says."""

    folder: Path
    live: bool = True
    heard: list[Change] = field(default_factory=list)
    alerts: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.path = self.folder / "desk.yaml"
        self.path.write_text(desk_text("live" if self.live else "paper"))
        self.sign()
        self.watch = LimitsWatch(
            self.path,
            load_desk_file(self.path).limits,
            lambda content: read_desk_file(content, self.path).limits,
            approve=(lambda content: check_signature(content, self.path, 1, KEY.address)) if self.live else None,
            heard=self.heard.append,
            alert=self.alerts.append,
        )
        self.watch.look()

    def sign(self, signer: LocalSigner = KEY) -> None:
        sign_desk_file(self.path.read_bytes(), self.path, 1, signer)

    def change(self, old: str, new: str) -> None:
        text = self.path.read_text()
        assert old in text
        self.path.write_text(text.replace(old, new))


@pytest.fixture
def live(tmp_path: Path) -> Watched:
    return Watched(tmp_path)


@pytest.fixture
def paper(tmp_path: Path) -> Watched:
    return Watched(tmp_path, live=False)


def test_a_changed_file_is_taken_in_paper(paper: Watched):
    paper.change(LINE, "  max_slippage_bps: 75\n")
    paper.watch.look()
    assert paper.watch.limits.max_slippage_bps == 75
    assert [change.changed for change in paper.heard] == [["max_slippage_bps"]]
    assert paper.watch.trouble is None


def test_a_file_that_is_signed_loosens_in_live(live: Watched):
    live.change(LINE, "  max_slippage_bps: 75\n")
    live.sign()
    live.watch.look()
    assert live.watch.limits.max_slippage_bps == 75
    assert live.alerts == []


def test_without_the_signature_what_is_tighter_holds_and_what_is_looser_waits_for_it(live: Watched):
    live.change(LINE, "  max_slippage_bps: 75\n")
    live.change("  max_notional_per_day_usd: 10000\n", "  max_notional_per_day_usd: 9000\n")
    live.watch.look()
    live.watch.look()
    assert (live.watch.limits.max_slippage_bps, live.watch.limits.max_notional_per_day_usd) == (50, Decimal(9000))
    assert live.heard[-1].waiting == ["max_slippage_bps"]
    assert live.heard[-1].to_json()["limits"]["max_notional_per_day_usd"] == "9000"
    assert len(live.alerts) == 1 and "changed after it was signed" in live.alerts[0]
    live.sign()
    live.watch.look()
    assert live.watch.limits.max_slippage_bps == 75
    assert live.watch.trouble is None


@pytest.mark.parametrize("what", ["another key", "no signature", "not a signature"])
def test_only_the_trading_key_s_signature_loosens(live: Watched, what: str):
    live.change(LINE, "  max_slippage_bps: 75\n")
    live.sign(THIEF)
    if what != "another key":
        signature_path(live.path).write_text("{}") if what == "not a signature" else signature_path(live.path).unlink()
    live.watch.look()
    assert live.watch.limits.max_slippage_bps == 50
    assert live.alerts


def test_a_limit_in_force_is_not_dropped_by_leaving_it_out(live: Watched):
    live.change("  max_rejects: 10\n", "")
    live.sign()
    live.watch.look()
    assert live.watch.limits.max_rejects == 10
    assert "leaves out limits that are in force: max_rejects" in live.alerts[0]
    live.change(LINE, LINE + "  max_rejects: none\n")
    live.sign()
    live.watch.look()
    assert live.watch.limits.max_rejects is None


def test_a_market_or_a_token_is_not_dropped_by_leaving_it_out(paper: Watched):
    for old, new in (("{WETH/USDC: 8000, ", "{"), ("{WETH: {max_per_order: 1.5}}", "{}")):
        paper.change(old, new)
        with pytest.raises(BadInput, match="leaves out"):
            paper.watch.reload()


@pytest.mark.parametrize("bad", ["", "limits: [", "mode: paper\n", "gone", "a folder"])
def test_a_bad_file_keeps_the_limits_says_so_once_and_a_good_one_mends_it(paper: Watched, bad: str):
    before, text = paper.watch.limits, paper.path.read_text()
    if bad in ("gone", "a folder"):
        paper.path.unlink()
        if bad == "a folder":
            paper.path.mkdir()
    else:
        paper.path.write_text(bad)
    paper.watch.look()
    paper.watch.look()
    assert paper.watch.limits == before
    assert len(paper.alerts) == 1
    assert paper.watch.trouble == paper.alerts[0]
    with pytest.raises(BadInput):
        paper.watch.reload()
    assert paper.watch.limits == before
    if bad == "a folder":
        paper.path.rmdir()
    paper.path.write_text(text)
    paper.watch.look()
    assert paper.watch.trouble is None


def test_a_reload_says_what_changed_and_what_waits(live: Watched):
    assert live.watch.reload().changed == []
    live.change(LINE, "  max_slippage_bps: 75\n")
    told = live.watch.reload().to_json()
    assert (told["changed"], told["waiting"], told["limits"]["max_slippage_bps"]) == ([], ["max_slippage_bps"], 50)
    assert "changed after it was signed" in told["why"]


def test_the_watch_looks_again_and_again(paper: Watched):
    class Clock:
        naps = 0

        async def sleep(self, seconds: float) -> None:
            self.naps += 1
            if self.naps == 2:
                raise asyncio.CancelledError
            paper.change(LINE, "  max_slippage_bps: 60\n")

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(paper.watch.run(Clock()))  # type: ignore[arg-type]
    assert paper.watch.limits.max_slippage_bps == 60


BYTES = DESK.encode()
EDITS = st.lists(st.tuples(st.integers(0, len(BYTES)), st.integers(0, 12), st.binary(max_size=12)), max_size=4)
NUMBERS = st.integers(0, 20_000).map(str)
FILES = st.one_of(
    st.binary(max_size=200),
    EDITS,
    # Files that stay valid, looser and tighter.
    st.builds(lambda slip, day: DESK.replace("bps: 50", f"bps: {slip}").replace("10000", day).encode(), st.integers(0, 9_999), NUMBERS),
    st.just(DESK.replace("limits:", "limits_:").encode()),
    st.just(DESK[: DESK.index("limits:")].encode()),
)


def edited(told: object) -> bytes:
    if isinstance(told, bytes):
        return told
    content = BYTES
    for at, cut, put in told:  # type: ignore[attr-defined]
        content = content[:at] + put + content[at + cut :]
    return content


@settings(max_examples=150, deadline=None)
@given(files=st.lists(st.tuples(FILES, st.sampled_from(["unsigned", "thief", "owner"])), min_size=1, max_size=4))
def test_for_any_bytes_in_the_file_limits_only_loosen_by_a_valid_and_signed_one(files):
    with TemporaryDirectory() as folder:
        for live in (True, False):
            shutil.rmtree(folder)
            Path(folder).mkdir()
            watched = Watched(Path(folder), live=live)
            for told, signed in files:
                before = watched.watch.limits
                content = edited(told)
                watched.path.write_bytes(content)
                if signed != "unsigned":
                    watched.sign(KEY if signed == "owner" else THIEF)
                watched.watch.look()
                try:
                    valid = read_desk_file(content, watched.path).limits
                except BadInput:
                    assert watched.watch.limits == before
                    continue
                if before.said - valid.said:
                    assert watched.watch.limits == before
                elif is_approved(watched, content):
                    assert watched.watch.limits == valid
                else:
                    assert watched.watch.limits.looser_than(before) == []
                    assert watched.watch.limits.looser_than(valid) == []


def is_approved(watched: Watched, content: bytes) -> bool:
    if not watched.live:
        return True
    try:
        check_signature(content, watched.path, 1, KEY.address)
    except BadInput:
        return False
    return True
