"""The last thing between an error and a person at a terminal: a sentence and an exit code, never a stack trace.

What people can put right (settings, files, a database that is down, a port that is taken) is said in the words of the
error and ends with 2. Everything else is a defect of Midwatch and says so; MIDWATCH_LOG_LEVEL=DEBUG adds the stack.
Exit codes: docs/commands.md.
"""

import os
import sys
import traceback
from collections.abc import Callable, Iterator

DONE, NO, UNUSABLE, DEFECT, INTERRUPTED = 0, 1, 2, 70, 130
"""Exit codes: done; the answer is no; it cannot be tried as asked; a defect (sysexits.h); stopped by Ctrl-C."""


def ended(command: Callable[[], object]) -> int:
    """Run the command line; the process's exit code. SystemExit passes: the command has said what it wanted to say."""
    try:
        command()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has seen enough (`| head`). What is left in the buffer must not complain either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except Exception as error:  # noqa: BLE001 - outermost: whatever it is, people get a sentence
        return _told(error)
    return DONE


def _told(error: Exception) -> int:
    leaves = list(_leaves(error))
    if os.environ.get("MIDWATCH_LOG_LEVEL", "").upper() == "DEBUG":
        traceback.print_exception(error)
    said = [sentence for leaf in leaves if (sentence := sentence_of(leaf))]
    if len(said) == len(leaves):
        sys.stderr.write("".join(f"{sentence}\n" for sentence in dict.fromkeys(said)))
        return UNUSABLE
    for leaf in leaves:
        sys.stderr.write(f"This is a defect of Midwatch: {_place(leaf)}{type(leaf).__name__}: {leaf}\n")
    sys.stderr.write("MIDWATCH_LOG_LEVEL=DEBUG shows the stack; send it with a report.\n")
    return DEFECT


def sentence_of(error: BaseException) -> str | None:
    """What people can do about it, in words; None when only we can. Imports late, so that `--help` is quick."""
    from orchestrator.people_file import InvalidPeopleError
    from orchestrator.policy.load import InvalidPolicyError
    from orchestrator.postgres import EmbeddedServerError
    from orchestrator.settings import InvalidSettingsError
    from orchestrator.store.inspection import DatabaseUnreachableError, unreachable
    from orchestrator.store.migrate import MigrationTimeoutError
    from orchestrator.store.outages import is_outage
    from service.listening import PortTakenError
    from tools.errors import ToolError
    from worlds.scenario.load import ScenarioError

    files = (InvalidSettingsError, InvalidPolicyError, InvalidPeopleError, ScenarioError)
    places = (PortTakenError, EmbeddedServerError, DatabaseUnreachableError, MigrationTimeoutError)
    match error:
        case _ if isinstance(error, (*files, *places, ToolError)):
            return str(error)
        case OSError(filename=str() as path, strerror=str() as why):
            return f"{path}: {why[:1].lower()}{why[1:]}"
        case _ if is_outage(error):
            return str(unreachable(error))
        case _:
            return None


def _leaves(error: BaseException) -> Iterator[BaseException]:
    """The errors themselves, out of the groups that tasks put them in."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename}:{frames[-1].lineno}: " if frames else ""
