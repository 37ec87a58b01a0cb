"""All runbooks of the moment as one frozen value, and what is asked of it: a cause by slug, its runbook, all causes."""

from collections.abc import Iterable
from functools import cached_property

from agents.runbooks.runbook import Runbook
from incidents.canonical import digest_of
from incidents.cause import Cause
from incidents.ids import CauseSlug, Digest
from incidents.value import Value


class Library(Value):
    """Runbooks sorted by slug. Of several that teach the same cause the last one given stands."""

    runbooks: tuple[Runbook, ...] = ()

    @classmethod
    def of(cls, runbooks: Iterable[Runbook]) -> "Library":
        """From runbooks in the order of their folders: a later one replaces an earlier one of its slug or cause."""
        by_slug = {runbook.slug.casefold(): runbook for runbook in runbooks}
        teacher = {runbook.cause.slug: runbook for runbook in by_slug.values() if runbook.cause}
        kept = (r for r in by_slug.values() if r.cause is None or teacher[r.cause.slug] is r)
        return cls(runbooks=tuple(sorted(kept, key=lambda runbook: runbook.slug)))

    @cached_property
    def causes(self) -> tuple[Cause, ...]:
        """The causes, by slug."""
        return tuple(sorted((r.cause for r in self.runbooks if r.cause), key=lambda cause: cause.slug))

    @cached_property
    def _by_cause(self) -> dict[CauseSlug, Runbook]:
        return {runbook.cause.slug: runbook for runbook in self.runbooks if runbook.cause}

    def cause(self, slug: CauseSlug) -> Cause | None:
        """The cause of that slug, if some runbook teaches it."""
        runbook = self._by_cause.get(slug)
        return runbook.cause if runbook else None

    def teaching(self, slug: CauseSlug) -> Runbook | None:
        """The runbook that teaches that cause."""
        return self._by_cause.get(slug)

    @cached_property
    def digest(self) -> Digest:
        """Over the digests of all files: two libraries with the same digest argue alike."""
        return digest_of([[runbook.slug, runbook.digest] for runbook in self.runbooks])
