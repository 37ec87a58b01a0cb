"""The report as people read it in a terminal: tables at a glance, what is seen and what is not, the five answers."""

from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from service.doctor.finding import Answer, Finding, State, Yes
from service.doctor.report import Report

MARKS = {
    State.OK: ("● ok", "green"),
    State.DEGRADED: ("◐ degraded", "yellow"),
    State.MISSING: ("○ missing", "bright_black"),
    State.FAILED: ("✗ failed", "bold red"),
}
ANSWERS = {Yes.YES: "green", Yes.PARTLY: "yellow", Yes.NO: "red"}
ITSELF = "Midwatch itself"


def shown(report: Report) -> RenderableType:
    """Everything, in the order in which it is read."""
    clusters = list(dict.fromkeys(finding.cluster for finding in report.findings))
    parts: list[RenderableType] = []
    for cluster in clusters:
        parts += [_heading(cluster or ITSELF), _table(f for f in report.findings if f.cluster == cluster), Text()]
    parts += [_heading("What Midwatch can see and what it cannot"), _sight(report), Text()]
    if report.answers:
        parts += [_heading("What an agent can do on this estate"), _answers(report.answers), Text()]
    return Group(*parts, _verdict(report))


def _heading(text: str) -> Text:
    return Text(text, style="bold")


def _table(findings: Iterable[Finding]) -> Table:
    table = Table(expand=True, show_lines=True, border_style="bright_black", header_style="bright_black")
    table.add_column("what", ratio=3)
    table.add_column("state", width=10, no_wrap=True)
    table.add_column("what it means for Midwatch", ratio=10)
    table.add_column("what to do", ratio=6)
    for finding in findings:
        mark, style = MARKS[finding.state]
        meaning = Text(finding.means, style="" if finding.state is State.OK else "bold")
        meaning.append(f"\n{finding.found}" if finding.means else finding.found, style="not bold bright_black")
        table.add_row(Text(finding.what), Text(mark, style=style), meaning, Text(finding.do))
    return table


def _sight(report: Report) -> Table:
    table = Table(expand=True, show_lines=True, border_style="bright_black", header_style="bright_black")
    several = len({finding.cluster for finding in report.findings if finding.cluster}) > 1
    table.add_column("by", ratio=3)
    table.add_column("sees, or can do", ratio=10)
    table.add_column("does not", ratio=7)
    for finding in report.findings:
        if finding.sees or finding.blind:
            by = f"{finding.what} ({finding.cluster})" if several and finding.cluster else finding.what
            sees, blind = " · ".join(finding.sees), " · ".join(finding.blind)
            table.add_row(Text(by), Text(sees, style="green"), Text(blind, style="red"))
    return table


def _answers(answers: tuple[Answer, ...]) -> Table:
    table = Table(expand=True, show_lines=True, border_style="bright_black", header_style="bright_black")
    several = len({answer.cluster for answer in answers}) > 1
    table.add_column("Can an agent ...", ratio=6)
    table.add_column("answer", width=7, no_wrap=True)
    table.add_column("because", ratio=7)
    table.add_column("how to get to yes", ratio=7)
    for answer in answers:
        question = f"{answer.cluster}: {answer.question}" if several else answer.question
        table.add_row(
            Text(question), Text(answer.answer, style=ANSWERS[answer.answer]), Text(answer.evidence), Text(answer.how)
        )
    return table


def _verdict(report: Report) -> Text:
    failed = [finding for finding in report.findings if finding.state is State.FAILED]
    if not failed:
        return Text("Everything that is configured works.", style="bold green")
    names = ", ".join(f"{f.what} ({f.cluster})" if f.cluster else f.what for f in failed)
    return Text(f"Does not work: {names}.", style="bold red")
