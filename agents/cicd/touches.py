"""What a difference between two commits touches: code, settings, flags, dependencies, migrations, manifests. Pure.

Read off paths and off lines that were taken out and put in. It says where to look; it does not understand programs.
Patches are bounded and may be cut, so that what is not listed may still have been touched.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum

from incidents.value import Value
from tools.github.client import ChangedFile

MOST_NAMES = 12
"""Names of one sort that are kept: a page's worth."""
LONGEST_VALUE = 80
"""Characters of one side of a setting that are kept."""


class FileClass(StrEnum):
    """What sort of file it is."""

    CODE = "code"
    TEST = "test"
    DOCS = "docs"
    CI = "ci"
    MIGRATION = "migration"
    DEPENDENCY = "dependency"
    MANIFEST = "manifest"
    """Kubernetes objects, charts, overlays."""
    IMAGE = "image"
    """How the image is built."""
    CONFIG = "config"


class Sort(StrEnum):
    """What a changed setting is about."""

    TIMEOUT = "timeout"
    """Time-outs, retries, deadlines, back-off."""
    FLAG = "flag"
    CAPACITY = "capacity"
    """Pools, caches, workers, concurrency."""
    RESOURCE = "resource"
    """Resources and replicas in a manifest."""
    SETTING = "setting"


class Setting(Value):
    """A named value that changed. None where it was not there."""

    name: str
    path: str
    """Of the file."""
    sort: Sort
    before: str | None
    after: str | None

    @property
    def words(self) -> str:
        """`READ_TIMEOUT_SECONDS 5 -> 2`."""
        return f"{self.name} {self.before or 'none'} -> {self.after or 'none'}"


class Touches(Value):
    """What a difference touches."""

    files: dict[FileClass, tuple[str, ...]]
    symbols: tuple[str, ...] = ()
    """Functions, methods and classes around changed lines, where the difference names them."""
    settings: tuple[Setting, ...] = ()
    dependencies: tuple[Setting, ...] = ()
    """Name and versions."""

    def of(self, sort: Sort) -> tuple[Setting, ...]:
        """Settings of one sort."""
        return tuple(setting for setting in self.settings if setting.sort is sort)

    @property
    def migrations(self) -> tuple[str, ...]:
        """Files that change a database's schema."""
        return self.files.get(FileClass.MIGRATION, ())

    @property
    def runs(self) -> bool:
        """Whether anything changed that the process itself runs, other than how Kubernetes is told to run it."""
        running = (FileClass.CODE, FileClass.MIGRATION, FileClass.DEPENDENCY, FileClass.IMAGE, FileClass.CONFIG)
        return any(self.files.get(one) for one in running)

    @property
    def names(self) -> tuple[str, ...]:
        """What is touched in single words, the most telling first: `migration`, `timeout`, `code`."""
        sorts = [sort.value for sort in Sort if sort is not Sort.SETTING and self.of(sort)]
        first = [name for name in (FileClass.MIGRATION, FileClass.DEPENDENCY) if self.files.get(name)]
        rest = [name for name in self.files if name not in first]
        return tuple(dict.fromkeys([*(name.value for name in first), *sorts, *(name.value for name in rest)]))


_PATHS = (
    (
        FileClass.CI,
        (r"^\.github/workflows/", r"^\.gitlab-ci", r"Jenkinsfile", r"^\.(circleci|buildkite)/", r"^azure-pip"),
    ),
    (
        FileClass.DOCS,
        (
            r"\.(md|rst|adoc)$",
            r"^docs?/",
            r"(^|/)(LICENSE|CODEOWNERS|NOTICE|CHANGELOG|AUTHORS)[^/]*$",
            r"^\.github/",
            r"\.gitignore$",
        ),
    ),
    (
        FileClass.TEST,
        (
            r"(^|/)(tests?|spec|__tests__|testdata)/",
            r"_test\.go$",
            r"\.(test|spec)\.[jt]sx?$",
            r"(^|/)test_[^/]+\.py$",
            r"Tests?\.(java|kt)$",
        ),
    ),
    (FileClass.MIGRATION, (r"(^|/)(migrations?|migrate|alembic/versions|flyway|liquibase)/", r"\.sql$")),
    (
        FileClass.DEPENDENCY,
        (
            r"(^|/)requirements[^/]*\.(txt|in|lock)$",
            r"\.lock$",
            r"(^|/)(go\.(mod|sum)|package(-lock)?\.json|pnpm-lock\.yaml|pom\.xml|build\.gradle(\.kts)?)$",
            r"(^|/)(Cargo\.toml|Gemfile|pyproject\.toml|composer\.json)$",
        ),
    ),
    (FileClass.IMAGE, (r"(^|/)(Dockerfile|Containerfile)[^/]*$", r"\.dockerignore$")),
    (
        FileClass.MANIFEST,
        (
            r"(^|/)(k8s|kubernetes|deploy|deployment|manifests?|charts?|helm|kustomize)/.*\.(ya?ml|tpl)$",
            r"(^|/)(overlays|base|argocd|gitops)/.*\.ya?ml$",
            r"(^|/)(kustomization|deployment|statefulset|daemonset|service|configmap|ingress|hpa|values[^/]*)\.ya?ml$",
        ),
    ),
    (FileClass.CONFIG, (r"\.(ya?ml|json|toml|ini|conf|cfg|properties|env|hcl|tf)$", r"(^|/)\.env")),
)
"""Looked through in this order: the first that fits says what sort of file it is."""
_CLASSES = tuple((name, re.compile("|".join(patterns), re.IGNORECASE)) for name, patterns in _PATHS)
_HUNK = re.compile(r"^@@[^@]*@@\s*(?P<context>.*)$")
_DEFINITION = re.compile(
    r"\b(?:def|class|func|fn|function|interface|struct)\s+(?:\([^)]*\)\s*)?(?P<name>[A-Za-z_]\w*)"
    r"|^\s*(?:public|private|protected|static|final|async|export|\s)+[\w<>\[\], ]+\s+(?P<method>[a-zA-Z_]\w*)\s*\("
)
_SETTING = re.compile(
    r"""^\s*(?:[-\w<>\[\]]+\s+)*?["']?(?P<name>[A-Za-z_][\w.\-]*)["']?\s*(?::=|=|:)\s*(?P<value>[^={].*?)\s*[;,]?\s*$"""
)
_INLINE = re.compile(
    r"^.*?\b(?P<name>\w*(?:timeout|deadline|retries|ttl)\w*)\s*[=:]\s*(?P<value>[\w.]+)", re.IGNORECASE
)
"""An argument inside a line: `fetch(request, timeout=5)`."""
_VERSION = (
    re.compile(
        r"""^\s*["']?(?P<name>[@A-Za-z][\w./@\-]*)["']?\s*(?:==|~=|>=|\s=\s|:)\s*["'^~]*v?(?P<value>\d[\w.\-+]*)"""
    ),
    re.compile(r"^\s*(?:require\s+)?(?P<name>[\w.\-]+\.[\w.\-]+/[\w./\-]+)\s+v(?P<value>\d[\w.\-+]*)"),
)
_WORDS = (
    (Sort.TIMEOUT, r"time_?-?out|deadline|retr(y|ies)|back_?-?off|keep_?-?alive|ttl|interval"),
    (Sort.FLAG, r"feature|flag|toggle|enable|disable|experiment"),
    (Sort.CAPACITY, r"pool|max|limit|cache|workers|threads|concurren|parallel|buffer|queue|batch|sockets"),
)
_SORTS = (
    (Sort.RESOURCE, re.compile(r"^(memory|cpu|replicas|minReplicas|maxReplicas|ephemeral-storage)$")),
    *((sort, re.compile(words, re.IGNORECASE)) for sort, words in _WORDS),
)


def touches(files: Iterable[ChangedFile]) -> Touches:
    """Classify a difference."""
    changed = tuple(files)
    classes: dict[FileClass, tuple[str, ...]] = {}
    for file in changed:
        of = file_class(file.path)
        classes[of] = (*classes.get(of, ()), file.path)
    running = [file for file in changed if file_class(file.path) not in {FileClass.DOCS, FileClass.TEST}]
    code = [file for file in running if file_class(file.path) is FileClass.CODE]
    dependencies = [s for file in running if file_class(file.path) is FileClass.DEPENDENCY for s in _versions(file)]
    settings = [s for file in running if file_class(file.path) is not FileClass.DEPENDENCY for s in _settings(file)]
    symbols = dict.fromkeys(name for file in code for name in _symbols(file.patch))
    return Touches(
        files=classes,
        symbols=tuple(symbols)[:MOST_NAMES],
        settings=tuple(sorted(settings, key=lambda setting: list(Sort).index(setting.sort)))[:MOST_NAMES],
        dependencies=tuple(dependencies)[:MOST_NAMES],
    )


def file_class(path: str) -> FileClass:
    """What sort of file a path names."""
    return next((name for name, pattern in _CLASSES if pattern.search(path)), FileClass.CODE)


def _symbols(patch: str) -> Iterator[str]:
    """Names defined on changed lines, and those that the difference itself names as surroundings."""
    for line in patch.splitlines():
        hunk = _HUNK.match(line)
        text = hunk["context"] if hunk else line[1:] if line[:1] in {"+", "-"} else ""
        found = _DEFINITION.search(text)
        if found:
            yield found["name"] or found["method"]


def _settings(file: ChangedFile) -> Iterator[Setting]:
    yield from _pairs(file, (_SETTING, _INLINE))


def _versions(file: ChangedFile) -> Iterator[Setting]:
    yield from _pairs(file, _VERSION)


def _pairs(file: ChangedFile, patterns: Sequence[re.Pattern[str]]) -> Iterator[Setting]:
    """Names whose value differs between the lines that were taken out and put in; of equal names the first each."""
    old, new = (dict(_named(file.patch, sign, patterns)) for sign in "-+")
    for name in dict.fromkeys((*old, *new)):
        before, after = old.get(name), new.get(name)
        if before != after and (file.status != "added" or before):
            sort = next((sort for sort, pattern in _SORTS if pattern.search(name)), Sort.SETTING)
            if sort is Sort.SETTING and file_class(file.path) is FileClass.CODE and None in {before, after}:
                continue
            yield Setting(name=name, path=file.path, sort=sort, before=before, after=after)


def _named(patch: str, sign: str, patterns: Sequence[re.Pattern[str]]) -> list[tuple[str, str]]:
    """Named values on the lines of one sign, last first, so that the first of equal names wins in a dict."""
    lines = [line[1:] for line in patch.splitlines() if line.startswith(sign)]
    matches = [match for line in lines if (match := next((m for p in patterns if (m := p.match(line))), None))]
    return [(match["name"], match["value"].strip("\"'")[:LONGEST_VALUE]) for match in reversed(matches)]
