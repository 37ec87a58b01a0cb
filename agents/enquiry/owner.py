"""Who owns a workload: what its labels and annotations say, and the CODEOWNERS file of its repository."""

import re
from collections.abc import Mapping

from agents.enquiry.origin import home_of
from agents.enquiry.seen import Notebook
from agents.wording import listed
from tools.github.owners import owners_of
from tools.github.probes.owners import PROBE as OWNERS
from tools.github.probes.owners import OwnersArgs
from tools.kubernetes.workload import Workload, Workloads
from tools.probe import Observation

KEYS = frozenset({"owner", "owners", "owned-by", "team", "owner-team", "squad", "maintainer"})
"""Last part of the labels and annotations in which estates write it: `team`, `example.com/owner`."""


async def answer(workload: Workload, seen: Observation[Workloads], notes: Notebook) -> None:
    """Note who owns it."""
    name = workload.meta.name
    marks = marked({**workload.meta.annotations, **workload.meta.labels})
    if marks:
        said = listed((f"{value} ({key})" for key, value in marks.items()), enough=4)
        notes.tell(f"{name} belongs to {said}", seen=seen)
    else:
        notes.tell(f"no label or annotation of {name} names an owner", seen=seen)
    if notes.cluster.github is None:
        return
    home = await home_of(notes, workload.meta.entity)
    if home is None:
        notes.unseen.append(f"the repository of {name}: neither the settings nor Argo CD name it")
        return
    rules = await notes.look(OWNERS, OwnersArgs(repository=home.repository))
    if rules is None or not rules.view.path:
        return
    owners = owners_of(home.path, rules.view.rules) or owners_of(f"{home.path}/{name}", rules.view.rules)
    where = f"{rules.view.path} of {home.repository}"
    notes.tell(f"{where} names {listed(owners, enough=4)}" if owners else f"{where} names nobody for it", seen=rules)


def marked(labels: Mapping[str, str]) -> dict[str, str]:
    """The labels that name an owner."""
    return {key: value for key, value in sorted(labels.items()) if value and re.split(r"[/.]", key)[-1] in KEYS}
