"""What the product logs while cases run: errors only, with a plain traceback, on standard error."""

import logging
import sys

import structlog


def plain_logs() -> None:
    """Set it once per process; a process that set its own keeps it."""
    if structlog.is_configured():
        return
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR),
        # Standard error as it is when something is said: who runs cases may have put another in its place since.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )
