"""Databases for tests that hold the harness against the product: the same ones as the product's own tests use."""

from __future__ import annotations

from tests.orchestrator.conftest import database_url, embedded

__all__ = ["database_url", "embedded"]
