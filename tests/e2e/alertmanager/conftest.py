"""One process of Midwatch with the web role over its own embedded PostgreSQL, shared by the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.alertmanager.midwatch import Midwatch
from tests.orchestrator.servers import short_folder


@pytest.fixture(scope="session")
def midwatch() -> Iterator[Midwatch]:
    """Started, ready, and stopped at the end. Tests use namespaces of their own, so that they do not meet."""
    with short_folder() as folder:
        made = Midwatch(folder)
        made.start()
        try:
            yield made
        finally:
            made.close()
