"""Every link of the README and the docs leads somewhere."""

from pathlib import Path

import pytest

from tests.docs.pages import ROOT, Page, every_page


def dead_links(page: Page) -> list[str]:
    """The relative links of a page whose file or heading does not exist."""
    dead = []
    for link in page.links():
        if "://" in link or link.startswith("mailto:"):
            continue
        file, _, anchor = link.partition("#")
        target = page.path.parent / file if file else page.path
        if not target.exists() or (anchor and (target.suffix != ".md" or anchor not in Page(target).anchors())):
            dead.append(link)
    return dead


@pytest.mark.parametrize("page", every_page(), ids=lambda page: str(page.path.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Page):
    assert dead_links(page) == []


def test_every_page_of_the_docs_can_be_found_from_the_readme():
    reached, ahead = set(), [ROOT / "README.md"]
    while ahead:
        path = ahead.pop()
        if path in reached:
            continue
        reached.add(path)
        targets = [(path.parent / link.partition("#")[0]).resolve() for link in Page(path).links() if "://" not in link]
        ahead.extend(
            page for target in targets for page in (sorted(target.glob("*.md")) if target.is_dir() else [target]) if page.suffix == ".md"
        )
    assert {page.path for page in every_page()} - reached == set()


def test_a_dead_link_a_missing_heading_and_nothing_else_are_reported(tmp_path: Path):
    page = Page(tmp_path / "page.md")
    page.path.write_text(
        "# A title, `quoted`!\n[file](page.md) [heading](#a-title-quoted) [far](https://example.org/x)\n"
        "![picture](no.png) [gone](no.md#x) [nowhere](#no)\n"
        "`[code](never.md)`\n```text\n[block](never.md)\n```\n"
    )
    assert dead_links(page) == ["no.png", "no.md#x", "#no"]
