"""What is asked of the client and what it answers, apart from the library that carries it: importing this is cheap."""

from dataclasses import dataclass
from enum import StrEnum

from tools.kubernetes.document import Document

MAX_ITEMS = 20_000
"""Objects of one list that are read; beyond it the answer says that it was cut."""


class PatchKind(StrEnum):
    """How a patch is to be read, as its content type."""

    JSON = "application/json-patch+json"
    MERGE = "application/merge-patch+json"
    STRATEGIC = "application/strategic-merge-patch+json"


@dataclass(frozen=True, kw_only=True)
class Listing:
    """The objects of a collection; `cut` says in words what is missing."""

    items: tuple[Document, ...]
    resource_version: str = ""
    cut: str | None = None


@dataclass(frozen=True, kw_only=True)
class Access:
    """The API server's answer to `may I`."""

    allowed: bool
    reason: str = ""
