"""Where an action acts, and patterns over it: what roles, rows of the policy and its guards are limited to."""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from incidents.value import Value

PRODUCTION = "production"
"""What no environment of the policy names is production: an estate that nobody described is no playground."""


class Place(Value):
    """Where one action acts."""

    cluster: str
    namespace: str = ""
    """Empty for what lies in no namespace."""
    environment: str = PRODUCTION
    services: tuple[str, ...] = ()
    """Names of the workloads (or the one target) that are changed directly."""

    @property
    def text(self) -> str:
        """`checkout in shop (prod-eu, production)`."""
        inside = f" in {self.namespace}" if self.namespace else ""
        return f"{' and '.join(self.services) or 'the cluster'}{inside} ({self.cluster}, {self.environment})"


class Scope(Value):
    """Shell-style patterns; an empty tuple means any."""

    clusters: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    services: tuple[str, ...] = ()

    @property
    def everywhere(self) -> bool:
        """Whether it limits nothing."""
        return not (self.clusters or self.namespaces or self.environments or self.services)

    @property
    def text(self) -> str:
        """`environments staging, services checkout`; `everywhere`."""
        parts = [f"{name} {', '.join(patterns)}" for name in Scope.model_fields if (patterns := getattr(self, name))]
        return ", ".join(parts) or "everywhere"

    def misses(self, place: Place, *, any_service: bool = False) -> tuple[str, ...]:
        """Why the place is outside, one sentence per part; empty when it is inside.

        Of several services all have to be inside; with `any_service` one of them is enough (for what forbids).
        """
        parts = (
            ("cluster", [place.cluster], self.clusters),
            ("namespace", [place.namespace], self.namespaces),
            ("environment", [place.environment], self.environments),
        )
        found = [f"{what} {names[0] or 'none'} is not {_or(wanted)}" for what, names, wanted in parts
                 if not among(names[0], wanted)]  # fmt: skip
        inside = [among(name, self.services) for name in place.services]
        if self.services and not (any(inside) if any_service else inside and all(inside)):
            found.append(f"service {', '.join(place.services) or 'none'} is not {_or(self.services)}")
        return tuple(found)

    def covers(self, place: Place) -> bool:
        """Whether all of the place lies inside."""
        return not self.misses(place)


class Grant(Scope):
    """A role that somebody has in a part of the estate."""

    role: str


def among(name: str, patterns: Sequence[str]) -> bool:
    """Whether one of the patterns matches; no pattern matches anything."""
    return not patterns or any(fnmatchcase(name, pattern) for pattern in patterns)


def roles_at(roles: Iterable[str], grants: Iterable[Grant], places: Sequence[Place]) -> frozenset[str]:
    """The roles that hold at every one of the places: those without a limit, and those whose grants cover them all."""
    limited = tuple(grants)
    held = {
        role
        for role in {grant.role for grant in limited}
        if places and all(any(grant.role == role and grant.covers(place) for grant in limited) for place in places)
    }
    return frozenset(roles) | held


def _or(patterns: Sequence[str]) -> str:
    return " or ".join(patterns)
