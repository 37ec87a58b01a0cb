"""How people are told figures, times and states, in the console and in Slack. UTC everywhere, units always."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from agents.wording import duration, listed, looked_at, percent
from incidents.entity import Entity
from incidents.ids import EntityId
from incidents.incident import Phase

MINUTE, HOUR = 60, 3600
HALF_A_CENT = 0.005
VISIBLE_SHARE = 0.0005
"""Less is 0.0 % when written with one digit."""

PHASES: Mapping[Phase, str] = {
    Phase.OPEN: "opened",
    Phase.INVESTIGATING: "investigating",
    Phase.AWAITING_DECISION: "waiting for a decision",
    Phase.EXECUTING: "executing",
    Phase.VERIFYING: "verifying",
    Phase.VERIFIED: "verified",
    Phase.UNDONE: "undone",
    Phase.ESCALATED: "escalated",
    Phase.REJECTED: "rejected",
    Phase.EXPIRED: "expired",
    Phase.INCONCLUSIVE: "inconclusive",
    Phase.RESOLVED: "resolved",
}
TONES: Mapping[Phase, str] = {
    Phase.OPEN: "busy",
    Phase.INVESTIGATING: "busy",
    Phase.AWAITING_DECISION: "ask",
    Phase.EXECUTING: "busy",
    Phase.VERIFYING: "busy",
    Phase.VERIFIED: "good",
    Phase.UNDONE: "bad",
    Phase.ESCALATED: "bad",
    Phase.REJECTED: "plain",
    Phase.EXPIRED: "bad",
    Phase.INCONCLUSIVE: "plain",
    Phase.RESOLVED: "good",
}
"""Phase -> the tone in which it is shown; the word beside it says the same without colour."""


def hms(at: datetime) -> str:
    """`02:47:31`."""
    return at.astimezone(UTC).strftime("%H:%M:%S")


def hm(at: datetime) -> str:
    """`02:47`."""
    return at.astimezone(UTC).strftime("%H:%M")


def day(at: datetime) -> str:
    """`17 Nov 2026`."""
    return f"{at.astimezone(UTC):%d %b %Y}".lstrip("0")


def stamp(at: datetime) -> str:
    """`17 Nov 2026 02:47:31 UTC`."""
    return f"{day(at)} {hms(at)} UTC"


def iso(at: datetime) -> str:
    """For the `datetime` attribute of a time."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def span(start: datetime, end: datetime) -> str:
    """`7 min`, from one moment to another."""
    return duration(max(0.0, (end - start).total_seconds()))


def ago(at: datetime, now: datetime) -> str:
    """`7 min ago`."""
    return f"{span(at, now)} ago"


def expires(until: datetime, now: datetime) -> str:
    """`expires in 11:42`, as a countdown; `expired` when there is nothing left. The page's script says the same."""
    seconds = int((until - now).total_seconds())
    if seconds >= HOUR:
        return f"expires in {seconds // HOUR} h {seconds % HOUR // MINUTE} min"
    return f"expires in {seconds // MINUTE}:{seconds % MINUTE:02d}" if seconds > 0 else "expired"


def sure(probability: float) -> str:
    """`94 % sure`, in whole percents and never more than is honest to claim."""
    return f"{min(99, max(1, round(probability * 100)))} %"


def figure(value: float | None, unit: str) -> str:
    """`7.1 %`, `240 ms`, `6 pods`; `unknown` without a value."""
    if value is None:
        return "unknown"
    match unit:
        case "ratio":
            return percent(value) if value >= VISIBLE_SHARE else "0 %"
        case "seconds":
            return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.3g} s"
        case "usd_per_hour":
            return f"{value:.2f} $/h"
        case _:
            return f"{value:.6g} {unit if value != 1 else unit.removesuffix('s')}"


def name(entity: EntityId) -> str:
    """How people call an entity; the id itself when it is none."""
    try:
        return Entity.parse(entity).label
    except ValueError:
        return entity


def place(entity: EntityId) -> str:
    """Where it is: `shop · prod-eu`."""
    cluster, namespace, *_ = [*entity.split("/", 3), "", ""]
    return f"{namespace} · {cluster}" if namespace not in ("", "-") else cluster


def names(entities: tuple[EntityId, ...]) -> str:
    """`web, mobile-api, cart and 2 more`: each name once."""
    return listed((name(entity) for entity in entities), enough=4)


def plain(word: str) -> str:
    """`rollback_workload` -> `rollback workload`."""
    return word.replace("_", " ")


def sentence(text: str) -> str:
    """The text beginning with a capital letter."""
    return text[:1].upper() + text[1:]


def short_id(digest: str) -> str:
    """The first digits of a digest."""
    return digest.removeprefix("sha256:")[:12]


def count(number: int, noun: str) -> str:
    """`1 pod`, `2 pods`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def dollars(usd_per_hour: float | None) -> str:
    """`+0.04 $/h`; `unknown` without a price, `no change` below a cent."""
    if usd_per_hour is None:
        return "unknown"
    return f"{usd_per_hour:+.2f} $/h" if abs(usd_per_hour) >= HALF_A_CENT else "no change"


def phase_word(phase: Phase) -> str:
    """`waiting for a decision`."""
    return PHASES[phase]


def phase_tone(phase: Phase) -> str:
    """The tone of a phase."""
    return TONES[phase]


FILTERS: Mapping[str, Callable[..., str]] = {
    f.__name__: f
    for f in (
        hms, hm, day, stamp, iso, span, ago, expires, sure, figure, name, place, names, plain, sentence, short_id,
        count, dollars, phase_word, phase_tone, duration, percent, looked_at,
    )
}  # fmt: skip
"""What templates may use, by name."""
