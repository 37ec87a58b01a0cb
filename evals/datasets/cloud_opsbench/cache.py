"""Reads `tool_cache.json`: what each command printed, by tool and arguments, in the order of recording."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from evals.datasets.cloud_opsbench.moments import Moments, is_exact, read_age, read_date, zone_of
from evals.datasets.cloud_opsbench.outline import Line, read_outline
from evals.datasets.cloud_opsbench.tables import Row, read_table
from evals.datasets.dataset import DatasetError

_COLLECTED = "collection_timestamp"
_SHORT = {
    "po": "pods",
    "svc": "services",
    "deploy": "deployments",
    "sts": "statefulsets",
    "ds": "daemonsets",
    "rs": "replicasets",
    "cm": "configmaps",
    "ns": "namespaces",
    "no": "nodes",
    "ep": "endpoints",
    "pvc": "persistentvolumeclaims",
    "pv": "persistentvolumes",
    "sa": "serviceaccounts",
    "sc": "storageclasses",
    "quota": "resourcequotas",
    "resourcequota": "resourcequotas",
    "ing": "ingresses",
    "ingress": "ingresses",
    "netpol": "networkpolicies",
    "networkpolicy": "networkpolicies",
    "storageclass": "storageclasses",
    "hpa": "horizontalpodautoscalers",
}
_FAILED = ("Error from server", "error:", "No resources found", "Unable to ")
_CREATED = ("CreationTimestamp", "Start Time")


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What one command printed."""

    tool: str
    arguments: Mapping[str, str]
    text: str
    place: int

    @property
    def resource(self) -> str:
        """The plural of the kind that was asked for."""
        asked = self.arguments.get("resource_type", "").lower()
        plural = _SHORT.get(asked, asked)
        return plural if plural.endswith("s") or not plural else f"{plural}s"

    @property
    def namespace(self) -> str:
        """The namespace that was asked for."""
        return self.arguments.get("namespace", "")

    @property
    def name(self) -> str:
        """The one object that was asked for; empty for a list."""
        return self.arguments.get("name", "")


@dataclass(frozen=True, kw_only=True)
class Described:
    """What `kubectl describe` printed of one object."""

    resource: str
    namespace: str
    name: str
    outline: Line
    place: int


@dataclass(frozen=True, kw_only=True)
class Listed:
    """One object of a listing, with all columns of all forms in which it was listed."""

    resource: str
    namespace: str
    name: str
    row: Row
    place: int


class Cache:
    """Everything that was recorded of one case."""

    def __init__(self, path: Path) -> None:
        """Raises DatasetError."""
        self.path = path
        document = _document(path)
        self.answers: Sequence[Answer] = [
            _answer(key, value, place) for place, (key, value) in enumerate(document.items())
        ]
        self.zone = zone_of(answer.text for answer in self.by("DescribeResource"))
        self.collected = self._collected(document.get(_COLLECTED))

    def by(self, tool: str) -> Iterator[Answer]:
        """Answers of one tool."""
        return (answer for answer in self.answers if answer.tool == tool)

    @cached_property
    def described(self) -> Mapping[tuple[str, str, str], Described]:
        """Descriptions by plural kind, namespace and name."""
        found: dict[tuple[str, str, str], Described] = {}
        for answer in self.by("DescribeResource"):
            outline = read_outline(answer.text)
            name = outline.word("Name")
            if not name or answer.text.startswith(_FAILED):
                continue
            place = outline.word("Namespace")
            found[answer.resource, place, name] = Described(
                resource=answer.resource, namespace=place, name=name, outline=outline, place=answer.place
            )
        return found

    @cached_property
    def listed(self) -> Mapping[tuple[str, str, str], Listed]:
        """Listed objects by plural kind, namespace (as asked) and name."""
        found: dict[tuple[str, str, str], Listed] = {}
        for answer in self.by("GetResources"):
            for row in read_table(answer.text):
                if not (name := row.get("NAME", "")):
                    continue
                space = row.get("NAMESPACE", "") or answer.namespace
                key = (answer.resource, space, name)
                known = found.get(key)
                # The first sighting keeps its cells: the state of one moment. Later forms add their columns.
                merged = {**row, **known.row} if known else row
                place = known.place if known else answer.place
                found[key] = Listed(resource=answer.resource, namespace=space, name=name, row=merged, place=place)
        return found

    def names(self, resource: str) -> list[tuple[str, str]]:
        """Namespace and name of the objects of a kind that were seen to exist, sorted."""
        shown = {(space, name) for kind, space, name in self.described if kind == resource}
        inside = {name for space, name in shown if not space}
        listed = {(space, name) for kind, space, name in self.listed if kind == resource and name not in inside}
        return sorted(shown | listed)

    def was_listed(self, resource: str) -> bool:
        """Whether anybody asked for all objects of a kind, so that what is missing does not exist."""
        return any(answer.resource == resource and not answer.name for answer in self.by("GetResources"))

    def outline(self, resource: str, namespace: str, name: str) -> Line | None:
        """The description of one object."""
        found = self.described.get((resource, namespace, name)) or self.described.get((resource, "", name))
        return found.outline if found else None

    def row(self, resource: str, namespace: str, name: str) -> Row:
        """The cells of one object; empty when it was in no listing."""
        found = self.listed.get((resource, namespace, name))
        return found.row if found else {}

    @cached_property
    def moments(self) -> Moments:
        """When each command ran."""
        return Moments(self._anchors(), collected=self.collected)

    def created(self, resource: str, namespace: str, name: str) -> datetime | None:
        """When an object was created: as described, else by its age in a listing."""
        outline = self.outline(resource, namespace, name)
        for key in _CREATED:
            if outline is not None and (at := read_date(outline.word(key))):
                return at
        found = self.listed.get((resource, namespace, name))
        age = read_age(found.row.get("AGE", "")) if found else None
        return self.moments.of(found.place) - age if found and age is not None else None

    def _anchors(self) -> Iterator[tuple[int, datetime]]:
        for answer in self.by("GetResources"):
            for row in read_table(answer.text):
                described = self.described.get((answer.resource, answer.namespace, row.get("NAME", "")))
                created = read_date(described.outline.word("CreationTimestamp")) if described else None
                age = read_age(row.get("AGE", ""))
                if created and age is not None and is_exact(row["AGE"]):
                    yield answer.place, created + age

    def _collected(self, value: object) -> datetime:
        try:
            at = datetime.fromisoformat(str(value))
        except ValueError as error:
            message = f"{self.path}: {_COLLECTED} is {value!r}, expected an ISO time"
            raise DatasetError(message) from error
        return (at if at.tzinfo else at.replace(tzinfo=self.zone)).astimezone(UTC)


def _document(path: Path) -> Mapping[str, object]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        message = f"{path}: not a JSON file that can be read: {error}"
        raise DatasetError(message) from error
    if not isinstance(document, dict):
        message = f"{path}: expected an object of `Tool:{{arguments}}` -> text"
        raise DatasetError(message)
    return document


def _answer(key: str, value: object, place: int) -> Answer:
    tool, _, written = key.partition(":")
    try:
        read = json.loads(written) if written else {}
    except ValueError:
        read = {}
    arguments = {name: str(item) for name, item in read.items()} if isinstance(read, dict) else {}
    return Answer(
        tool=tool, arguments=arguments, text=value if isinstance(value, str) else json.dumps(value), place=place
    )
