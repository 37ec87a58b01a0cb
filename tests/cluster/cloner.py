"""A process that tries a change on a clone, to be killed while it watches: kubeconfig, namespace, scratch namespace."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from orchestrator.executor.cloning import on_a_clone
from tests.cluster.test_clone import KIND, connected, request
from tools.action import actions


async def main(kubeconfig: str, namespace: str, scratch: str) -> None:
    """Try it."""
    await on_a_clone(connected(Path(kubeconfig), scratch=scratch), actions()[KIND], request(namespace))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
