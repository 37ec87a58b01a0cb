"""What credentials may do, as the API server itself answers (SelfSubjectAccessReview)."""

from incidents.value import Value


class Need(Value):
    """One permission. `group` is empty for the core API; `subresource` for example `log`, `eviction`."""

    verb: str
    resource: str
    group: str = ""
    subresource: str = ""

    @property
    def text(self) -> str:
        """`patch deployments.apps`, `create pods/eviction`."""
        name = f"{self.resource}/{self.subresource}" if self.subresource else self.resource
        return f"{self.verb} {name}.{self.group}" if self.group else f"{self.verb} {name}"


class Grant(Value):
    """The answer for one permission in one namespace (None: in all, or cluster-wide)."""

    need: Need
    namespace: str | None = None
    allowed: bool
    reason: str = ""


class AccessReport(Value):
    """What the credentials may do, and who they are."""

    user: str
    groups: tuple[str, ...] = ()
    version: str = ""
    grants: tuple[Grant, ...]

    @property
    def missing(self) -> tuple[Grant, ...]:
        """What is not allowed."""
        return tuple(grant for grant in self.grants if not grant.allowed)
