"""The tickets of an incident as pages show them: what is filed, what is on its way, what a person may file. Pure."""

from dataclasses import dataclass

from incidents.approval import Person
from incidents.ticket import Target, Ticket
from orchestrator.ticket_settings import Tickets
from orchestrator.ticketing import FILING_ROLES

WORDS = {Target.GITHUB: "GitHub issue", Target.WEBHOOK: "Ticket"}


@dataclass(frozen=True, kw_only=True)
class TicketPanel:
    """What a page shows of tickets."""

    made: tuple[Ticket, ...]
    """Wanted or filed."""
    possible: tuple[tuple[Target, str, str], ...]
    """(target, how it is called, where it goes) of what this person may still file."""


def ticket_panel(made: tuple[Ticket, ...], *, given: Tickets, person: Person) -> TicketPanel:
    """For one incident and the person who looks."""
    there = {ticket.target for ticket in made}
    may = bool(set(person.roles) & FILING_ROLES) and not person.bot
    targets = [target for target in given.targets if may and target not in there]
    return TicketPanel(made=made, possible=tuple((target, WORDS[target], given.place(target)) for target in targets))
