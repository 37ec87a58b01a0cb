"""Label selectors: what a service, a policy or a workload picks, and whether given labels are picked."""

from collections.abc import Mapping

from incidents.value import Value
from tools.kubernetes.document import Document


class Requirement(Value):
    """One entry of `matchExpressions`."""

    key: str
    operator: str
    """In, NotIn, Exists, DoesNotExist; for labels of nodes also Gt and Lt."""
    values: tuple[str, ...] = ()

    def holds(self, labels: Mapping[str, str]) -> bool:
        """Whether labels satisfy it."""
        value = labels.get(self.key)
        match self.operator:
            case "In":
                return value in self.values
            case "NotIn":
                return value not in self.values
            case "Exists":
                return value is not None
            case "DoesNotExist":
                return value is None
            case "Gt" | "Lt":
                return self._compares(value)
            case _:
                return False

    def _compares(self, value: str | None) -> bool:
        """Node labels may be compared as whole numbers."""
        bound = self.values[0] if self.values else ""
        if value is None or not value.lstrip("-").isdigit() or not bound.lstrip("-").isdigit():
            return False
        return int(value) > int(bound) if self.operator == "Gt" else int(value) < int(bound)


class Selector(Value):
    """A label selector; all of it has to hold."""

    labels: dict[str, str] = {}
    requirements: tuple[Requirement, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether it says nothing. What that means differs: a service picks nothing, a network policy everything."""
        return not self.labels and not self.requirements

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether these labels are picked; an empty selector picks everything."""
        plain = all(labels.get(key) == value for key, value in self.labels.items())
        return plain and all(requirement.holds(labels) for requirement in self.requirements)

    @property
    def text(self) -> str:
        """`app=checkout,tier in (web)`: as kubectl writes it."""
        plain = [f"{key}={value}" for key, value in sorted(self.labels.items())]
        return ",".join([*plain, *(_words(requirement) for requirement in self.requirements)])


def read_selector(selector: Document) -> Selector:
    """Read a LabelSelector (`matchLabels`, `matchExpressions`)."""
    return Selector(
        labels=selector.mapping("matchLabels"),
        requirements=tuple(
            Requirement(key=item.word("key"), operator=item.word("operator"), values=item.texts("values"))
            for item in selector.items("matchExpressions")
        ),
    )


def _words(requirement: Requirement) -> str:
    match requirement.operator:
        case "Exists":
            return requirement.key
        case "DoesNotExist":
            return f"!{requirement.key}"
        case operator:
            return f"{requirement.key} {operator.lower()} ({','.join(requirement.values)})"
