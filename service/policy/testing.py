"""`midwatch policy lint|test`."""

from pathlib import Path

from rich.console import Console

from orchestrator.policy.cases import CaseResult, read_cases, run_cases
from orchestrator.policy.load import CASES_NAME, SHIPPED, InvalidPolicyError, load_policy
from orchestrator.settings import load
from service.doctor.governance import unknown_actions


def lint_command(path: Path | None) -> int:
    """Read the policy; 1 when it cannot be used or names what does not exist, 2 when there is nothing to read."""
    if path is not None and not path.exists():
        _wrong(f"{path}: there is no such file or folder; write the policy's file, or the folder that holds it")
        return 2
    try:
        policy = load_policy(path or load().policy)
    except InvalidPolicyError as error:
        return _wrong(str(error))
    if unknown := unknown_actions(policy):
        return _wrong(
            f"{policy.source}: no such action: {', '.join(unknown)} (`midwatch doctor` lists those that exist)"
        )
    modules = ", ".join(module.name for module in policy.modules)
    Console().print(f"{policy.source}: {len(policy.rules)} rows, {modules}; version {policy.version}", markup=False)
    return 0


def test_command(path: Path | None) -> int:
    """Ask the cases; 1 when a verdict is another one, 2 when policy or cases cannot be read."""
    chosen = path or load().policy
    folder = chosen or SHIPPED
    file = (folder if folder.is_dir() else folder.parent) / CASES_NAME
    try:
        results = run_cases(load_policy(chosen), read_cases(file))
    except InvalidPolicyError as error:
        _wrong(str(error))
        return 2
    console = Console(soft_wrap=True)
    for result in results:
        _tell(console, result)
    failed = sum(1 for result in results if result.differences)
    console.print(f"{len(results) - failed} of {len(results)} cases as expected", style="red" if failed else "green")
    return 1 if failed else 0


def _tell(console: Console, result: CaseResult) -> None:
    if not result.differences:
        console.print(f"ok    {result.name}", markup=False, highlight=False)
        return
    console.print(f"WRONG {result.name}: {'; '.join(result.differences)}", markup=False, highlight=False, style="red")
    console.print(f"      {result.verdict.reason}", markup=False, highlight=False)


def _wrong(text: str) -> int:
    Console(stderr=True, soft_wrap=True).print(text, style="red", markup=False)
    return 1
