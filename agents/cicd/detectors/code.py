"""Reads what the commits of a deploy touch that the process itself runs: code, dependencies, migrations, settings."""

from collections.abc import Iterator, Sequence

from agents.cicd.brought import Brought, brought
from agents.cicd.deploys import SHORT_SHA, Deploy
from agents.cicd.telling import PROVENANCE, provenance, told, when
from agents.cicd.touches import FileClass, Setting, Sort, Touches, touches
from agents.detector import Detector, Scene, Sightings
from agents.reporting import state
from agents.wording import count, listed
from incidents.action import name_of
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import FactKind
from tools.github.naming import commit_id, repository_id
from tools.github.probes.compare import CompareView
from tools.kubernetes.revision import Rollouts

SPEC = FactSpec(
    kind=FactKind("change.code"),
    role=FactRole.CHANGE,
    meaning="A deploy brought commits that change what the process runs, not only how Kubernetes runs it.",
    attributes={
        **PROVENANCE,
        "author": "who wrote the last commit",
        "repository": "owner/name",
        "commits": "how many commits it brought",
        "title": "first line of the last commit's message",
        "files": "files that changed, comma separated, at most 12",
        "touches": "what is touched, the most telling first: migration, dependency, timeout, flag, capacity, code, ...",
        "symbols": "functions and classes around changed lines",
        "settings": "settings that changed, `name before -> after`, comma separated",
        "timeouts": "the same, of time-outs and retries only",
        "flags": "the same, of feature flags only",
        "dependencies": "dependencies that changed, `name before -> after`",
        "migrations": "files that change a database's schema",
    },
)
MOST_FILES = 12


def detect(sightings: Sightings, scene: Scene) -> Iterator[Fact]:
    """One fact per deploy and repository."""
    for deploy in told(sightings, scene):
        for one in brought(deploy, sightings, scene):
            found = touches(one.files)
            if found.runs:
                yield _fact(deploy, one, found, scene)


def _fact(deploy: Deploy, one: Brought, found: Touches, scene: Scene) -> Fact:
    last = one.commits[-1] if one.commits else None
    cluster = deploy.workload.partition("/")[0]
    runs = [path for kind, paths in found.files.items() for path in paths if kind is not FileClass.DOCS]
    return state(
        SPEC,
        entity=deploy.workload,
        text=_text(deploy, one, found, scene),
        seen=(one.seen, *deploy.seen),
        at=deploy.at,
        related=(commit_id(cluster, one.repository, one.head), repository_id(cluster, one.repository)),
        detector=DETECTOR.name,
        more={
            **provenance(deploy),
            "commit": one.head,
            "author": last.author if last else None,
            "repository": one.repository,
            "commits": len(one.commits),
            "title": last.title if last else None,
            "files": ", ".join(runs[:MOST_FILES]) or None,
            "touches": ", ".join(found.names),
            "symbols": ", ".join(found.symbols) or None,
            "settings": _words(found.settings),
            "timeouts": _words(found.of(Sort.TIMEOUT)),
            "flags": _words(found.of(Sort.FLAG)),
            "dependencies": _words(found.dependencies),
            "migrations": ", ".join(found.migrations) or None,
        },
    )


def _text(deploy: Deploy, one: Brought, found: Touches, scene: Scene) -> str:
    last = one.commits[-1] if one.commits else None
    titled = f' "{last.title}"' if last else ""
    by = f" by {last.author}" if last and last.author else ""
    telling = [s.words for s in (*found.of(Sort.TIMEOUT), *found.of(Sort.FLAG), *found.of(Sort.CAPACITY))]
    telling += [setting.words for setting in found.dependencies]
    what = listed(telling) if telling else listed(found.names)
    number = count(len(one.commits), "commit") if len(one.commits) != 1 else "commit"
    sha = one.head[:SHORT_SHA]
    return f"{number} {sha}{titled}{by} in {name_of(deploy.workload)} touches {what}{when(deploy, scene)}"


def _words(settings: Sequence[Setting]) -> str | None:
    return ", ".join(setting.words for setting in settings) or None


DETECTOR = Detector(name="cicd.code", emits=(SPEC,), needs=(Rollouts, CompareView), detect=detect)
