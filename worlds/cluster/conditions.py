"""Status conditions: one entry per type, with the time of the last change of value."""

from worlds.objects.kinds import JsonObject


def set_condition(
    conditions: list[JsonObject], name: str, *, value: bool | str, reason: str = "", message: str = "", now: str
) -> None:
    """Set a condition in place. `lastTransitionTime` moves only when the value does."""
    status = value if isinstance(value, str) else str(value)
    known = next((entry for entry in conditions if entry["type"] == name), None)
    if known is None:
        known = {"type": name, "status": "", "lastTransitionTime": now}
        conditions.append(known)
    if known["status"] != status:
        known["lastTransitionTime"] = now
    known |= {"status": status, "reason": reason, "message": message}
    for empty in ("reason", "message"):
        if not known[empty]:
            del known[empty]


def condition(obj: JsonObject, name: str) -> JsonObject | None:
    """Return a condition of an object by its type."""
    known: JsonObject
    for known in obj.get("status", {}).get("conditions", ()):  # asked so often that a generator's start shows
        if known["type"] == name:
            return known
    return None


def is_true(obj: JsonObject, name: str) -> bool:
    """Say whether a condition holds."""
    found = condition(obj, name)
    return found is not None and found["status"] == "True"
