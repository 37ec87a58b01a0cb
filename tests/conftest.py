"""What holds for every test: the named suites, the network, the environment, and the summary at the end of a run.

Where a component is looked for stands in tests/suites.py, what the network guard does in tests/loopback.py.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Generator, Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tests.loopback import LoopbackOnly
from tests.suites import SUITES, MissingComponent, require

# Settings and credentials of the person who runs the tests must not change what they do, nor be used by them.
FOREIGN_PREFIXES = (
    *("MIDWATCH_", "OPENAI_", "ANTHROPIC_", "AZURE_", "GOOGLE_", "GEMINI_", "MISTRAL_", "GROQ_", "COHERE_", "AWS_"),
    *("LANGCHAIN_", "LANGSMITH_", "LANGGRAPH_", "OTEL_", "SLACK_", "GITHUB_", "GITLAB_", "ARGOCD_", "PG", "KUBECONFIG"),
)
FOREIGN_NAMES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
OURS = ("MIDWATCH_CACHE_DIR", "MIDWATCH_TEST_", "MIDWATCH_SCREENSHOTS", "GITHUB_ACTIONS")
IN_CI = os.environ.get("CI", "").lower() in ("1", "true", "yes")


def pytest_configure(config: pytest.Config) -> None:
    """Close the network and clear the environment before anything is imported or started."""
    LoopbackOnly.install()
    for name in list(os.environ):
        if (name.startswith(FOREIGN_PREFIXES) or name.upper() in FOREIGN_NAMES) and not name.startswith(OURS):
            del os.environ[name]
    os.environ["LANGGRAPH_STRICT_MSGPACK"] = "true"
    os.environ["LANGSMITH_TRACING"] = "false"
    # A deadline per example measures the machine; the timeout per test (pyproject.toml) finds what hangs.
    settings.register_profile("midwatch", deadline=None)
    settings.load_profile("midwatch")


# ---------------------------------------------------------------------------------------------------------------------
# Named suites
# ---------------------------------------------------------------------------------------------------------------------


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of one file in one process, and everything that shares the one control plane too."""
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            shared = "cluster" if item.get_closest_marker("cluster") else item.nodeid.split("::")[0]
            item.add_marker(pytest.mark.xdist_group(shared))


@pytest.hookimpl(tryfirst=True)  # before fixtures start anything
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose suite's component is missing, with the reason."""
    for suite in _suites_of(item):
        if reason := _missing(suite, stash=item.config.stash):
            pytest.skip(f"suite {suite}: {reason}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tell the summary about suites; where everything must be there (CI=true), a skipped suite is a failed one."""
    report = yield
    suites = _suites_of(item)
    # The property travels with the report from a test process to the one that prints the summary.
    report.user_properties.append(("suites", suites))
    if report.skipped and not hasattr(report, "wasxfail") and suites:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        report.user_properties.append(("suite skipped", reason.removeprefix("Skipped: ")))
        if IN_CI:
            report.outcome = "failed"
            report.longrepr = f"CI=true allows no skipped suite: {reason}"
    return report


@pytest.fixture(name="require")
def _require() -> Callable[[str], Path]:
    """`require("browser")` answers where a suite's component is; the test is skipped, or in CI failed, without it."""

    def component(suite: str) -> Path:
        try:
            return require(suite)
        except MissingComponent as missing:
            pytest.skip(f"suite {suite}: {missing}")

    return component


def _suites_of(item: pytest.Item) -> list[str]:
    return [suite for suite in SUITES if item.get_closest_marker(suite)]


KNOWN = pytest.StashKey[dict[str, str]]()


def _missing(suite: str, *, stash: pytest.Stash) -> str:
    """Why the suite cannot run, or nothing. Looked up once per process."""
    known = stash.setdefault(KNOWN, {})
    if suite not in known:
        try:
            require(suite)
            known[suite] = ""
        except MissingComponent as missing:
            known[suite] = str(missing)
    return known[suite]


# ---------------------------------------------------------------------------------------------------------------------
# The network
# ---------------------------------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def _stays_on_loopback() -> Generator[None]:
    """Fail a test that tried to leave the machine, also when the code under test swallowed the refusal."""
    LoopbackOnly.refused.clear()
    yield
    assert not LoopbackOnly.refused, f"this test wanted to reach {', '.join(sorted(set(LoopbackOnly.refused)))}"


# ---------------------------------------------------------------------------------------------------------------------
# The end of the run
# ---------------------------------------------------------------------------------------------------------------------


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print figures by suite, and by name what was skipped and why."""
    figures: dict[str, Counter[str]] = defaultdict(Counter)
    skipped: dict[str, set[str]] = defaultdict(set)
    for outcome, report in _reports(terminalreporter.stats):
        properties: dict[str, Any] = dict(report.user_properties)
        for suite in properties.get("suites") or [_folder(report.nodeid)]:
            figures[suite][outcome] += 1
            if reason := properties.get("suite skipped"):
                skipped[suite].add(str(reason))
    if not figures:
        return
    terminalreporter.section("by suite")
    for suite, counts in sorted(figures.items()):
        terminalreporter.write_line(f"{suite:<16} " + ", ".join(f"{counts[name]} {name}" for name in sorted(counts)))
    for suite, reasons in sorted(skipped.items()):
        for reason in sorted(reasons):
            terminalreporter.write_line(
                f"SUITE SKIPPED: {suite}: {reason.removeprefix(f'suite {suite}: ')}", yellow=True
            )


def _reports(stats: dict[str, list[Any]]) -> Iterable[tuple[str, pytest.TestReport]]:
    for outcome in ("passed", "failed", "error", "skipped", "xfailed"):
        for report in stats.get(outcome, []):
            if isinstance(report, pytest.TestReport):
                yield outcome, report


def _folder(nodeid: str) -> str:
    """The suite of a test without a named one: its folder under tests/, or its file."""
    parts = nodeid.split("::", maxsplit=1)[0].split("/")
    return parts[1].removesuffix(".py") if len(parts) > 1 else parts[0]
