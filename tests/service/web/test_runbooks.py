"""How runbooks stand: the incidents that used them, fixes that held, lint, and what makes one stale."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from agents.runbooks.folders import SHIPPED, RunbookFolders
from incidents.course import Course
from incidents.incident import Phase
from incidents.verification import Outcome
from orchestrator.settings import Settings
from service.web.shelf import BROKEN, Standing, shelf
from tests.incidents.test_course import course
from tests.service.web.casebook import NOW, Casebook
from tests.service.web.serving import web_settings
from tests.service.web.signing import sign_in

BOOK = (SHIPPED / "memory-limit-too-low.md").read_text()
WRONG = BOOK.replace("container.oom_killed", "container.oom_kiled", 1)


def standing(folder: Path, *courses: Course) -> Standing:
    folders = RunbookFolders((folder,))
    library = folders.library()
    [one] = shelf(library, folders.problems, courses)
    return one


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "memory.md").write_text(BOOK)
    os.utime(tmp_path / "memory.md", ((NOW - timedelta(days=100)).timestamp(),) * 2)
    return tmp_path


@pytest.mark.parametrize(
    ("outcomes", "stale"),
    [
        pytest.param([], False, id="never used"),
        pytest.param([Outcome.VERIFIED, Outcome.UNDONE], True, id="the last fix did not hold"),
        pytest.param([Outcome.UNDONE, Outcome.VERIFIED], False, id="an earlier one did not"),
        pytest.param([Outcome.VERIFIED, None], False, id="nothing was executed last"),
    ],
)
def test_a_runbook_is_stale_when_its_last_fix_did_not_hold(
    folder: Path, outcomes: list[Outcome | None], stale: bool
) -> None:
    used = [course(str(n), days_ago=10 - n, outcome=end) for n, end in enumerate(outcomes)]
    one = standing(folder, *used)
    assert bool(one.stale) is stale
    assert len(one.uses) == len(outcomes)
    assert one.verified == outcomes.count(Outcome.VERIFIED)


def test_who_changes_the_text_afterwards_has_looked_at_it(folder: Path) -> None:
    os.utime(folder / "memory.md", (NOW.timestamp(),) * 2)
    assert standing(folder, course("a", days_ago=2, outcome=Outcome.UNDONE)).stale == ""


def test_a_file_that_broke_is_stale_and_says_where(folder: Path) -> None:
    folders = RunbookFolders((folder,))
    folders.library()
    (folder / "memory.md").write_text("---\ntitle: [\n---\n")
    library = folders.library()
    [one] = shelf(library, folders.problems, ())
    assert one.stale == BROKEN
    assert one.errors == 1


def test_lint_names_the_fact_that_does_not_exist(folder: Path) -> None:
    (folder / "memory.md").write_text(WRONG)
    one = standing(folder)
    assert [problem.instead for problem in one.problems if problem.field == "facts.must[0]"]
    assert one.errors == 1


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "oom.md").write_text(WRONG.replace("cause: memory_limit_too_low", "cause: memory_of_ours"))
    return web_settings(runbooks=[str(tmp_path)])


async def test_the_pages_show_uses_and_problems(client: httpx.AsyncClient, book: Casebook) -> None:
    incident = await book.reach(Phase.VERIFIED)
    await book.clock.advance(60)
    await sign_in(client, "ada")
    used = (await client.get("/runbooks?show=used")).text
    assert "/runbooks/memory-limit-too-low" in used
    assert "1 of 1" in used
    assert "/runbooks/dns-failure" not in used
    one = (await client.get("/runbooks/memory-limit-too-low")).text
    assert f"/incidents/{incident}" in one
    assert "1 of 1 fixes verified" in one
    wrong = (await client.get("/runbooks?show=problems")).text
    assert "/runbooks/oom" in wrong
    assert "/runbooks/memory-limit-too-low" not in wrong
    assert "container.oom_killed" in (await client.get("/runbooks/oom")).text
    assert "No runbook is stale." in (await client.get("/runbooks?show=stale")).text
    found = (await client.get("/runbooks?q=dns.failing")).text
    assert "/runbooks/dns-failure" in found
    assert "/runbooks/memory-limit-too-low" not in found
