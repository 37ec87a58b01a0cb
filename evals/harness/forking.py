"""The process that workers are forked from: small, without threads, and it has imported what their work needs.

This module imports little, so that a command can start that process before it imports the rest itself.
"""

import multiprocessing
from multiprocessing import forkserver
from multiprocessing.context import BaseContext


def context_of(module: str) -> BaseContext:
    """Where workers come from whose work lies in that module: forked, or spawned where there is no fork."""
    methods = multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
    context.set_forkserver_preload(["evals.harness.nursery", module])
    return context


def begin_importing(module: str) -> None:
    """Let the process import that module while this one goes on. Where there is no fork nothing is begun."""
    if "forkserver" in multiprocessing.get_all_start_methods():
        context_of(module)
        forkserver.ensure_running()
