"""What is logged while cases run goes to standard error as it is then, not as it was when the first case began."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator

import pytest
import structlog

from evals.harness.logs import plain_logs


@pytest.fixture
def unset() -> Iterator[None]:
    """No configuration before; the one that there was, after."""
    before = structlog.get_config() if structlog.is_configured() else None
    structlog.reset_defaults()
    yield
    structlog.reset_defaults()
    if before is not None:
        structlog.configure(**before)


@pytest.mark.usefixtures("unset")
def test_an_error_is_written_to_the_standard_error_of_now(monkeypatch: pytest.MonkeyPatch) -> None:
    first, now = io.StringIO(), io.StringIO()
    log = structlog.get_logger()
    monkeypatch.setattr(sys, "stderr", first)
    plain_logs()
    log.error("before")
    first.close()
    monkeypatch.setattr(sys, "stderr", now)
    log.error("after")
    log.warning("not an error")
    assert "after" in now.getvalue()
    assert "not an error" not in now.getvalue()


@pytest.mark.usefixtures("unset")
def test_a_process_that_set_its_own_keeps_it() -> None:
    structlog.configure(processors=[structlog.processors.KeyValueRenderer()])
    own = structlog.get_config()
    plain_logs()
    assert structlog.get_config() == own
