"""Eval runs over time: read from a folder, compared with the run before, and what is no run is named."""

from __future__ import annotations

import json
import os
from pathlib import Path

import httpx
import pytest

from orchestrator.settings import Settings
from service.web.evalruns import runs_in
from tests.service.web.serving import web_settings
from tests.service.web.signing import sign_in


def run(right: float, *, suite: str = "scenarios", wrong: tuple[str, ...] = ()) -> dict[str, object]:
    metrics = {"right": right, "AC@1": right, "harmed": 1 - right}
    return {
        "suite": suite,
        "cases": 40,
        "metrics": metrics,
        "families": {"dns": {"right": 1.0}, "storage": {"right": right}},
        "intervals": {"overall": {name: [value - 0.02, value + 0.02, 40] for name, value in metrics.items()}},
        "failures": 0,
        "results": [{"case": case, "metrics": {"right": 0.0}, "error": None} for case in wrong],
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for day, right in enumerate((0.9, 0.95, 0.8)):
        path = tmp_path / f"{day}.json"
        path.write_text(json.dumps(run(right, wrong=("storage/full",))))
        os.utime(path, (1_790_000_000 + day * 86400,) * 2)
    (tmp_path / "other.json").write_text("[1, 2]")
    return tmp_path


@pytest.fixture
def settings(folder: Path) -> Settings:
    return web_settings(eval_results=str(folder))


def test_a_folder_is_read_oldest_first_and_what_is_no_run_is_named(folder: Path) -> None:
    found = runs_in(folder)
    assert [one.metrics["right"] for one in found.by_suite["scenarios"]] == [0.9, 0.95, 0.8]
    assert found.unreadable == ("other.json: holds no run of `midwatch eval run --json`",)
    assert runs_in(folder / "nothing").by_suite == {}


async def test_the_page_compares_with_the_run_before(client: httpx.AsyncClient) -> None:
    await sign_in(client, "ada")
    page = (await client.get("/evals")).text
    assert "80.0 %" in page
    assert '<span class="num tone-bad">-15.0 points</span>' in page
    assert '<span class="num tone-bad">+15.0 points</span>' in page, "more harm is worse"
    assert "storage/full" in page
    assert "<svg" in page
    assert "other.json" in page


async def test_a_run_that_was_stopped_is_listed_and_not_compared_with(client: httpx.AsyncClient, folder: Path) -> None:
    path = folder / "3.json"
    path.write_text(json.dumps({**run(0.2), "cases": 3, "complete": False}))
    await sign_in(client, "ada")
    page = (await client.get("/evals")).text
    assert '<td class="num">3 <span class="quiet">stopped</span></td>' in page
    assert '<span class="num tone-bad">-15.0 points</span>' in page, "of the last whole run"
    assert "3 runs, the last: right 80.0%" in page, "what the line is drawn of"
    for whole in ("0", "1", "2"):
        (folder / f"{whole}.json").unlink()
    alone = (await client.get("/evals")).text
    assert "stopped before its end" in alone
    assert "20.0 %" in alone


async def test_without_a_folder_it_says_how_to_name_one(client: httpx.AsyncClient, context: object) -> None:
    object.__setattr__(context, "settings", web_settings())
    await sign_in(client, "ada")
    page = (await client.get("/evals")).text
    assert "No folder of runs is named." in page
    assert "eval_results" in page
