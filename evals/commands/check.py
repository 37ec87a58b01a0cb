"""`midwatch eval check`: reads scenarios without playing them."""

from evals.harness.scenarios import NoScenarioError, jobs, problems
from evals.report import terminal

USAGE = 2


def check_command(names: tuple[str, ...]) -> int:
    """0 when all can be read, 1 with a line per problem, 2 when there is nothing of that name."""
    console = terminal.terminal()
    try:
        chosen = jobs(names)
    except NoScenarioError as error:
        console.print(str(error), markup=False, soft_wrap=True)
        return USAGE
    found = [line for job in chosen for line in problems(job.path)]
    for line in found:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    console.print(f"{len(chosen)} scenarios, {len(found)} problems")
    return 1 if found else 0
