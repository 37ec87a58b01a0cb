"""What an entry of the ledger says, in a few words: for the terminal, the console and the page of an evidence pack."""

from collections.abc import Mapping

from incidents.ledger import EntryKind

GOOD = frozenset({EntryKind.EXECUTED, EntryKind.VERIFIED, EntryKind.RESUMED})
BAD = frozenset(
    {
        EntryKind.DECISION_REFUSED,
        EntryKind.POLICY_DENIED,
        EntryKind.EXECUTION_REFUSED,
        EntryKind.FAILED,
        EntryKind.UNKNOWN,
        EntryKind.UNDONE,
        EntryKind.ESCALATED,
        EntryKind.EXPIRED,
        EntryKind.PAUSED,
        EntryKind.STEERING_REFUSED,
        EntryKind.POLICY_REFUSED,
    }
)
BUSY = frozenset({EntryKind.DISPATCHED, EntryKind.UNDO_DISPATCHED})
ASK = frozenset({EntryKind.PROPOSED, EntryKind.DECIDED, EntryKind.NARROWED, EntryKind.REJECTION_LIFTED})


def tone(kind: EntryKind) -> str:
    """The tone in which a kind of entry is shown; the word beside it says the same without colour."""
    tones = {"good": GOOD, "bad": BAD, "busy": BUSY, "ask": ASK}
    return next((name for name, kinds in tones.items() if kind in kinds), "plain")


def about(payload: Mapping[str, object]) -> str:
    """What an entry says, in a few words."""
    decision, body = _part(payload, "decision"), _part(payload, "proposal")
    if decision:
        reason = f": {decision.get('reason')}" if decision.get("reason") else ""
        return f"{decision.get('choice')} ({decision.get('channel')}){reason}"
    if verification := _part(payload, "verification"):
        return f"{verification.get('outcome')}: {verification.get('reason')}"
    if body:
        actions = body.get("actions")
        return "; ".join(str(_plain(a).get("summary")) for a in actions) if isinstance(actions, list) else ""
    if diagnosis := _part(payload, "diagnosis"):
        return f"{diagnosis.get('verdict')}: {diagnosis.get('reason')}"
    return _beside(payload)


def _beside(payload: Mapping[str, object]) -> str:
    """The same of an entry that is about no decision, check, proposal or diagnosis."""
    if isinstance(differences := payload.get("differences"), list):
        return "; ".join(str(one) for one in differences)
    if key := _part(payload, "key"):
        return f"{key.get('id')} signs from here on"
    names = ("policy", "action", "target", "detail", "message", "verdict", "because", "reason", "problem", "title")
    return " · ".join(str(text) for text in (payload.get(name) for name in names) if text)


def _part(payload: Mapping[str, object], name: str) -> Mapping[str, object]:
    """A part that is an object; empty when it is none."""
    return _plain(payload.get(name))


def _plain(found: object) -> Mapping[str, object]:
    return found if isinstance(found, Mapping) else {}
