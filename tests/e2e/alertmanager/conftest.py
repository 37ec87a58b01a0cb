"""One process of Midwatch with the web role over its own embedded PostgreSQL, shared by the tests of a file."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.alertmanager.midwatch import Midwatch
from tests.orchestrator.servers import short_folder


@pytest.fixture(scope="module")
def midwatch() -> Iterator[Midwatch]:
    """Started, ready, and stopped at the end."""
    with short_folder() as folder:
        made = Midwatch(folder)
        made.start()
        try:
            yield made
        finally:
            made.close()
