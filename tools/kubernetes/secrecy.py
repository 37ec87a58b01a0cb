"""What must not leave the API client: values under names that say they are secret, and secrets inside free text.

The desk redacts every evidence body as well. This goes first, because only here is the name known that a value stands
under, and because views are handed to detectors, whose sentences quote them.
"""

from functools import lru_cache

from incidents.redaction import is_secret_name, mark, redact

REDACTED = mark("secret")


@lru_cache(maxsize=4096)
def without_secrets(text: str) -> str:
    """The text without its secrets. Remembered: the pods of a workload say the same things over and over."""
    return redact(text)


def secret_name(name: str) -> bool:
    """Whether a variable or key of that name holds something that must not be shown."""
    return is_secret_name(name)


def literal(name: str, value: str) -> str:
    """A literal value as it may be shown: hidden when its name is secret, else without secrets inside it."""
    return REDACTED if value and is_secret_name(name) else without_secrets(value)
