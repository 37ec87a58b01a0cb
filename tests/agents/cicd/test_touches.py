"""What a difference touches, read off paths and patches."""

import pytest

from agents.cicd.touches import FileClass, Sort, file_class, touches
from tools.github.client import ChangedFile


def file(path: str, patch: str = "", status: str = "modified") -> ChangedFile:
    return ChangedFile(path=path, status=status, patch=patch)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("src/main/java/com/app/Handler.java", FileClass.CODE),
        ("internal/server/server_test.go", FileClass.TEST),
        ("web/cart.test.tsx", FileClass.TEST),
        ("README.md", FileClass.DOCS),
        (".github/CODEOWNERS", FileClass.DOCS),
        (".github/workflows/deploy.yml", FileClass.CI),
        ("db/migrations/0042_add_index.py", FileClass.MIGRATION),
        ("sql/V7__orders.sql", FileClass.MIGRATION),
        ("go.sum", FileClass.DEPENDENCY),
        ("poetry.lock", FileClass.DEPENDENCY),
        ("pom.xml", FileClass.DEPENDENCY),
        ("deploy/deployment.yaml", FileClass.MANIFEST),
        ("charts/checkout/templates/hpa.tpl", FileClass.MANIFEST),
        ("values-prod.yaml", FileClass.MANIFEST),
        ("Dockerfile", FileClass.IMAGE),
        ("config/application.properties", FileClass.CONFIG),
    ],
)
def test_a_path_says_what_sort_of_file_it_is(path: str, expected: FileClass) -> None:
    assert file_class(path) is expected


@pytest.mark.parametrize(
    ("path", "patch", "sort", "words"),
    [
        pytest.param(
            "Handler.java",
            "-  private static final int READ_TIMEOUT_SECONDS = 5;\n+  private static final int READ_TIMEOUT_SECONDS = 1;",
            Sort.TIMEOUT,
            "READ_TIMEOUT_SECONDS 5 -> 1",
            id="a constant of Java",
        ),
        pytest.param(
            "server.go",
            "-\treadTimeout     = 5 * time.Second\n+\treadTimeout     = 2 * time.Second",
            Sort.TIMEOUT,
            "readTimeout 5 * time.Second -> 2 * time.Second",
            id="a constant of Go",
        ),
        pytest.param(
            "client.py",
            "-    return await client.fetch(request, timeout=5)\n+    return await client.fetch(request, timeout=0.5)",
            Sort.TIMEOUT,
            "timeout 5 -> 0.5",
            id="an argument inside a line",
        ),
        pytest.param(
            "config/app.yaml",
            "-  feature_new_tax: false\n+  feature_new_tax: true",
            Sort.FLAG,
            "feature_new_tax false -> true",
            id="a flag in YAML",
        ),
        pytest.param(
            "settings.js", "-const MAX_SOCKETS = 64;\n+const MAX_SOCKETS = 6;", Sort.CAPACITY, "MAX_SOCKETS 64 -> 6",
            id="a pool in JavaScript",
        ),
        pytest.param(
            "deploy/deployment.yaml",
            "-            memory: 512Mi\n+            memory: 256Mi",
            Sort.RESOURCE,
            "memory 512Mi -> 256Mi",
            id="a limit in a manifest",
        ),
    ],
)  # fmt: skip
def test_a_changed_setting_is_read_with_both_values(path: str, patch: str, sort: Sort, words: str) -> None:
    assert [setting.words for setting in touches([file(path, patch)]).of(sort)] == [words]


@pytest.mark.parametrize(
    ("path", "patch", "words"),
    [
        pytest.param("requirements.txt", "-requests==2.31.0\n+requests==2.32.1", "requests 2.31.0 -> 2.32.1", id="pip"),
        pytest.param(
            "go.mod",
            "-\tgithub.com/jackc/pgx/v5 v5.5.0\n+\tgithub.com/jackc/pgx/v5 v5.6.0",
            "github.com/jackc/pgx/v5 5.5.0 -> 5.6.0",
            id="Go modules",
        ),
        pytest.param(
            "package.json", '-    "express": "^4.18.0",\n+    "express": "^5.0.0",', "express 4.18.0 -> 5.0.0", id="npm"
        ),
        pytest.param("requirements.txt", "+httpx==0.28", "httpx none -> 0.28", id="one that is new"),
    ],
)
def test_a_changed_dependency_is_read_with_both_versions(path: str, patch: str, words: str) -> None:
    assert [one.words for one in touches([file(path, patch)]).dependencies] == [words]


def test_functions_around_changed_lines_are_named() -> None:
    patch = "@@ -20,6 +20,6 @@ func (s *Server) Handle(ctx context.Context) error {\n-\treturn nil\n+\treturn err\n"
    assert touches([file("server.go", patch)]).symbols == ("Handle",)


@pytest.mark.parametrize(
    ("paths", "runs"),
    [
        pytest.param(
            ["deploy/deployment.yaml", "README.md", "app_test.go"], False, id="manifests, docs and tests do not"
        ),
        pytest.param(["README.md", "main.go"], True, id="code does"),
        pytest.param(["go.sum"], True, id="a dependency does"),
    ],
)
def test_whether_the_process_itself_runs_it(paths: list[str], runs: bool) -> None:
    assert touches([file(path) for path in paths]).runs is runs


def test_the_most_telling_comes_first() -> None:
    found = touches([file("main.go"), file("db/migrations/1.sql"), file("a.py", "-TIMEOUT = 3\n+TIMEOUT = 1")])
    assert found.names == ("migration", "timeout", "code")
