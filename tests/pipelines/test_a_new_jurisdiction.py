"""A jurisdiction that does not exist: sixty lines of YAML at most, and it has its asset, checks, job, schedule, limit and retention."""

from __future__ import annotations

import shutil
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from assets.compliance.cabinet import Cabinet
from assets.compliance.outcomes import outcomes_table
from assets.warehouse import Warehouse
from domain.problems import GuardRefused
from domain.regulation.calendar import period_of
from domain.regulation.report import Document, validate
from domain.regulation.retention import START_EVENTS, kept, rules_for
from domain.regulation.rulebook import Rulebook
from executor.compliance.rulebook_file import SHIPPED, load_rulebook
from executor.compliance.schema_folder import SchemaFolder
from executor.guards import Jurisdictions
from pipelines.build import graph_of
from pipelines.filing_calendar import job_name
from pipelines.home import Home
from pipelines.run import run_job
from tests.executor.compliance.rulebooks import Known, client
from tests.executor.guards.cases import NOON, ONE, Floor, by_id, desk_limits, order

YAML = Path(__file__).resolve().parents[1] / "domain" / "regulation" / "fictional_jurisdiction.yaml"
ID, SLUG = "XF.TRA.trades", "xf_tra_trades"
VIENNA = ZoneInfo("Europe/Vienna")


@pytest.fixture
def rulebook(tmp_path: Path) -> Rulebook:
    """What is shipped, with one file more: nothing else is written."""
    text = YAML.read_text()
    assert len(text.splitlines()) <= 60
    folder = tmp_path / "rules"
    shutil.copytree(SHIPPED.parent / "regulations", folder / "regulations")
    shutil.copy(SHIPPED, folder)
    (folder / "regulations" / "XF.yaml").write_text(text)
    return load_rulebook(folder / SHIPPED.name)


def test_it_is_in_the_graph_with_its_schedule_and_its_report_is_made_and_valid(own_home: Home, rulebook: Rulebook, tmp_path: Path):
    report, graph = rulebook.reports[ID], graph_of(own_home.root, rulebook)
    repository = graph.get_repository_def()
    specs = {spec.key.to_user_string(): spec for spec in graph.resolve_all_asset_specs()}
    assert specs[SLUG].group_name == "compliance"
    assert "Trades of residents" in (specs[SLUG].description or "") and "references to the law are not verified" in specs[SLUG].description
    assert dg.AssetKey("reportable_trades") in {dep.asset_key for dep in specs[SLUG].deps}
    checks = {key.name for key in repository.asset_graph.asset_check_keys if key.asset_key.path[-1] == SLUG}
    assert checks == {
        "every_document_is_valid",
        "every_row_has_one_outcome",
        "it_adds_up_to_the_ledger_and_the_chain",
        "nothing_is_blocked",
    }
    schedule = repository.get_schedule_def(f"when_{SLUG}_is_made")
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("0 5 * * *", "Europe/Vienna")

    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:

        def ticked(day: int) -> tuple[list[str | None], str | None]:
            moment = datetime(2026, 1, day, 5, tzinfo=VIENNA)
            context = dg.build_schedule_context(instance=instance, scheduled_execution_time=moment, repository_def=repository)
            data = schedule.evaluate_tick(context)
            return [one.partition_key for one in data.run_requests or ()], data.skip_message

        # Epiphany is a holiday in Austria, whose calendar it has.
        assert ticked(6) == ([], "2026-01-06 is no business day of Freedonia (fictional); the next is 2026-01-07.")
        asked, _ = ticked(7)
        assert asked == ["2026-01-05", "2026-01-06"]
        job = graph.resolve_job_def(job_name(report))
        made = run_job(job, ["2026-01-05", "2026-01-06"], instance)
        assert made.succeeded and made.broken_promises == [] and len(made.checks) == 4
        assert ticked(7) == ([], f"Every period of {ID} that is over has its report.")
        assert ticked(8) == (["2026-01-07"], None)

    documents = Cabinet(folder=str(own_home.compliance)).every_form(report, period_of("day", date(2026, 1, 6)))
    assert documents.keys() == {"json", "csv"}
    for name, one in documents.items():
        assert one.card["counts"]["reported"] > 0
        assert validate(report, Document(one.file_name, name, one.content, {}), SchemaFolder()).is_empty()
    told = Warehouse(lake=str(own_home.lake)).read(outcomes_table(report))
    assert set(told["outcome"]) == {"reported", "not_reportable"}
    assert told["day"].unique().sort().to_list() == [date(2026, 1, 5), date(2026, 1, 6)]


def test_its_limit_refuses_an_order_and_others_go_on(rulebook: Rulebook, tmp_path: Path):
    clients = Known({"freedonian": client("freedonian", "XF"), "swiss": client("swiss", "CH")})
    wide = desk_limits(max_notional_per_order_usd=None, max_notional_per_day_usd=None, max_notional_per_symbol_usd={}, allowed_tokens=None)
    floor = Floor(tmp_path / "floor", limits=wide, jurisdictions=Jurisdictions(rulebook, clients))
    too_much = order(amount=3 * ONE, client_id="freedonian")  # 6,000 dollars
    with pytest.raises(GuardRefused, match=r"limit XF-L1 of XF, by law \(Token Records Act s. 9\)"):
        floor.guards.check("intent", too_much, by_id(too_much), NOON)
    for one in (order(amount=2 * ONE, client_id="freedonian"), order(amount=3 * ONE, client_id="swiss")):
        floor.guards.check("intent", one, by_id(one), NOON)


def test_its_retention_is_the_longest_of_all_and_so_holds(rulebook: Rulebook):
    day = date(2026, 1, 6)
    events = dict.fromkeys(START_EVENTS, day)
    before = kept(["transaction"], events, rules_for(load_rulebook(SHIPPED), ["transaction"]))
    found = kept(["transaction"], events, rules_for(rulebook, ["transaction"]))
    assert set(found.rule_ids) - set(before.rule_ids) == {"XF-RET-1"}
    assert before.until is not None and before.until < day.replace(year=2035) == found.until
    [term] = [term for term in found.terms if term.until == found.until]
    assert str(term) == "XF-RET-1 (XF Token Records Act s. 4): until 2035-01-06"
