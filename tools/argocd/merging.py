"""JSON merge patches (RFC 7386): the smallest that turns one object into another. Pure."""

from collections.abc import Mapping

from incidents.canonical import Json


def merge_patch(*, now: Mapping[str, Json], wanted: Mapping[str, Json]) -> dict[str, Json]:
    """What changes `now` into `wanted`; null removes. Lists are replaced as a whole, as the format has it."""
    patch: dict[str, Json] = {key: None for key in now if key not in wanted}
    for key, value in wanted.items():
        before = now.get(key)
        if isinstance(value, Mapping) and isinstance(before, Mapping):
            if below := merge_patch(now=before, wanted=value):
                patch[key] = below
        elif key not in now or before != value:
            patch[key] = value
    return patch
