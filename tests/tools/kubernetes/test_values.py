"""Small pure things that everything else stands on: quantities, documents, selectors, field paths, commits, cron of names."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents.quantity import bytes_quantity, format_cores, parse_quantity
from tools.kubernetes.commit import commit_of
from tools.kubernetes.container import ProbeKind, read_container
from tools.kubernetes.document import Document
from tools.kubernetes.field_path import field_changes, place_of
from tools.kubernetes.metadata import managed_paths, read_annotations
from tools.kubernetes.quantity import format_bytes, read_bytes, read_cores
from tools.kubernetes.requests import requested_by
from tools.kubernetes.selecting import Labelled, closest, selected
from tools.kubernetes.selector import read_selector
from tools.kubernetes.template import read_template


@pytest.mark.parametrize(
    ("text", "number"),
    [("512Mi", 512 * 2**20), ("1.5Gi", 1.5 * 2**30), ("250m", 0.25), ("1e3", 1000), ("2", 2), ("100k", 100_000), ("1E", 1e18)],
)  # fmt: skip
def test_a_quantity_is_a_number(text: str, number: float) -> None:
    assert parse_quantity(text) == pytest.approx(number)


@pytest.mark.parametrize("text", ["", "lots", "12 Mi", "1Mib", "--1"])
def test_what_is_no_quantity_is_said_so(text: str) -> None:
    with pytest.raises(ValueError, match="is no quantity"):
        parse_quantity(text)


def test_absent_and_unreadable_quantities_are_none() -> None:
    assert (read_bytes(None), read_cores("x"), read_bytes("0")) == (None, None, 0)


@given(st.integers(min_value=0, max_value=2**50))
def test_bytes_written_as_a_quantity_are_the_same_bytes(size: int) -> None:
    assert read_bytes(bytes_quantity(size)) == size


@pytest.mark.parametrize(
    ("size", "text"), [(2**28, "256Mi"), (1.5 * 2**30, "1.5Gi"), (340 * 2**20 + 2**19, "340.5Mi"), (12, "12")]
)
def test_bytes_as_people_write_them(size: float, text: str) -> None:
    assert format_bytes(size) == text


@pytest.mark.parametrize(("cores", "text"), [(0.25, "250m"), (2.0, "2"), (1.5, "1500m")])
def test_cores_as_people_write_them(cores: float, text: str) -> None:
    assert format_cores(cores) == text


def test_a_document_reads_what_is_there_and_nothing_else() -> None:
    document = Document({"a": {"b": [{"c": 1}, "x"], "d": "2026-11-17T02:47:00Z", "e": True, "f": 8080, "g": None}})
    assert document.at("a").items("b")[0].whole("c") == 1
    assert document.moment("a", "d") == datetime(2026, 11, 17, 2, 47, tzinfo=UTC)
    assert document.text("a", "f") == "8080", "an IntOrString is text"
    assert document.text("a", "e") is None
    assert document.whole("a", "e") is None
    assert (document.has("a", "g"), document.has("a", "d", "z")) == (False, False)
    assert document.word("nothing", "at", "all") == ""
    assert not Document([1, 2])
    assert Document({"t": "yesterday"}).moment("t") is None
    assert Document({"t": "2026-11-17T02:47:00.123456789Z"}).moment("t") == datetime(
        2026, 11, 17, 2, 47, 0, 123456, UTC
    )


@pytest.mark.parametrize(
    ("selector", "labels", "picked"),
    [
        pytest.param({"matchLabels": {"a": "1"}}, {"a": "1", "b": "2"}, True, id="all labels are there"),
        pytest.param({"matchLabels": {"a": "1", "b": "3"}}, {"a": "1", "b": "2"}, False, id="one label differs"),
        pytest.param({}, {"a": "1"}, True, id="an empty selector picks everything"),
        pytest.param({"matchExpressions": [{"key": "a", "operator": "In", "values": ["1", "2"]}]}, {"a": "2"}, True, id="In"),
        pytest.param({"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["1"]}]}, {}, True, id="NotIn holds for a label that is not there"),
        pytest.param({"matchExpressions": [{"key": "a", "operator": "Exists"}]}, {}, False, id="Exists"),
        pytest.param({"matchExpressions": [{"key": "a", "operator": "DoesNotExist"}]}, {}, True, id="DoesNotExist"),
        pytest.param({"matchExpressions": [{"key": "a", "operator": "Roughly"}]}, {"a": "1"}, False, id="an operator of the future holds for nothing"),
    ],
)  # fmt: skip
def test_a_selector_picks(selector: dict[str, object], labels: dict[str, str], picked: bool) -> None:
    assert read_selector(Document(selector)).matches(labels) is picked  # type: ignore[arg-type]


def test_a_selector_reads_as_kubectl_writes_it() -> None:
    expressions = [
        {"key": "tier", "operator": "In", "values": ["web", "api"]},
        {"key": "old", "operator": "DoesNotExist"},
    ]
    found = read_selector(Document({"matchLabels": {"app": "x"}, "matchExpressions": expressions}))
    assert found.text == "app=x,tier in (web,api),!old"


TEMPLATE = {
    "metadata": {"labels": {"app": "checkout"}},
    "spec": {
        "containers": [
            {
                "name": "app",
                "image": "shop/checkout:1.2.3",
                "args": ["--db=postgres://u:p4ssw0rd-1@db:5432/x"],
                "ports": [{"containerPort": 8080, "name": "http"}],
                "resources": {"limits": {"memory": "512Mi", "cpu": "500m"}, "requests": {"cpu": "100m"}},
                "env": [
                    {"name": "LOG_LEVEL", "value": "info"},
                    {"name": "DB_PASSWORD", "value": "hunter2hunter2"},
                    {"name": "URL", "valueFrom": {"configMapKeyRef": {"name": "conf", "key": "url", "optional": True}}},
                    {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                ],
                "envFrom": [{"secretRef": {"name": "keys"}, "prefix": "K_"}],
                "livenessProbe": {"httpGet": {"path": "/live", "port": "http"}, "initialDelaySeconds": 5},
                "readinessProbe": {"grpc": {"port": 9000}, "failureThreshold": 5},
            },
        ],
        "initContainers": [
            {"name": "proxy", "image": "proxy@sha256:aa", "restartPolicy": "Always"},
            {"name": "migrate", "image": "shop/migrate"},
        ],
        "volumes": [
            {"name": "conf", "configMap": {"name": "conf", "items": [{"key": "a", "path": "a"}]}},
            {
                "name": "all",
                "projected": {"sources": [{"secret": {"name": "s"}}, {"serviceAccountToken": {"path": "t"}}]},
            },
            {"name": "tmp", "emptyDir": {}},
        ],
    },
}


def test_a_template_is_read_without_its_secrets() -> None:
    template = read_template(Document(TEMPLATE))  # type: ignore[arg-type]
    app = template.container("app")
    assert app is not None
    assert (app.resources.memory_limit, app.resources.memory_request) == (512 * 2**20, 512 * 2**20)
    assert (app.resources.cpu_limit, app.resources.cpu_request) == (0.5, 0.1)
    env = {variable.name: variable for variable in app.env}
    assert env["LOG_LEVEL"].value == "info"
    assert "hunter2" not in template.model_dump_json()
    assert "p4ssw0rd" not in template.model_dump_json()
    assert (env["URL"].ref_name, env["URL"].ref_key, env["URL"].optional) == ("conf", "url", True)
    assert env["POD"].field == "metadata.name"
    assert app.liveness is not None
    assert (app.liveness.kind, app.liveness.port_name, app.port_named("http")) == (ProbeKind.HTTP, "http", 8080)
    assert app.liveness.patience_s == 5 + 10 * 2 + 1
    assert [c.sidecar for c in template.init_containers] == [True, False]
    assert [c.tag for c in (app, *template.init_containers)] == ["1.2.3", "sha256:aa", "latest"]
    assert [(v.name, v.type, v.ref_name, v.ref_keys) for v in template.volumes] == [
        ("conf", "configMap", "conf", ("a",)),
        ("all", "secret", "s", ()),
        ("tmp", "emptyDir", "", ()),
    ]


def test_an_image_with_a_registry_port_has_no_tag_in_it() -> None:
    assert read_container(Document({"name": "a", "image": "registry:5000/shop/app"})).tag == "latest"


def changed(before: object, after: object) -> dict[str, tuple[str | None, str | None]]:
    found = field_changes(before, after, prefix="spec")  # type: ignore[arg-type]
    return {change.path: (change.before, change.after) for change in found}


@pytest.mark.parametrize(
    ("before", "after", "changes"),
    [
        pytest.param({"replicas": 2}, {"replicas": 3}, {"spec.replicas": ("2", "3")}, id="a number"),
        pytest.param({"a": {}}, {"a": {"b": "x"}}, {"spec.a.b": (None, "x")}, id="an empty object that is filled"),
        pytest.param({"volumes": [{"name": "v", "emptyDir": {}}]}, {"volumes": [{"name": "v"}]}, {"spec.volumes[v].emptyDir": ("{}", None)}, id="an empty object that says something"),
        pytest.param({"resources": {}}, {"resources": {"limits": {"cpu": "1"}}}, {"spec.resources.limits.cpu": (None, "1")}, id="empty resources say nothing"),
        pytest.param(
            {"containers": [{"name": "a", "image": "x:1"}, {"name": "b", "image": "y:1"}]},
            {"containers": [{"name": "b", "image": "y:1"}, {"name": "a", "image": "x:2"}]},
            {"spec.containers[a].image": ("x:1", "x:2")}, id="items of lists are known by their names, not their order",
        ),
        pytest.param({"args": ["a", "b"]}, {"args": ["a", "c"]}, {"spec.args": ('["a", "b"]', '["a", "c"]')}, id="a list of words is one value"),
        pytest.param({"paused": True}, {}, {"spec.paused": ("true", None)}, id="a field that went"),
        pytest.param({"m": {"a.b/c": "1"}}, {"m": {"a.b/c": "2"}}, {'spec.m["a.b/c"]': ("1", "2")}, id="keys with dots are quoted"),
        pytest.param({"x": None}, {}, {}, id="null is absence"),
        pytest.param({"x": [{"op": 1}, {"op": 2}]}, {"x": [{"op": 1}, {"op": 3}]}, {"spec.x[1].op": ("2", "3")}, id="items without names are known by position"),
    ],
)  # fmt: skip
def test_changes_are_exact(before: object, after: object, changes: dict[str, tuple[str | None, str | None]]) -> None:
    assert changed(before, after) == changes


def test_the_value_of_a_secret_variable_is_not_shown_in_a_change() -> None:
    def env(value: str) -> dict[str, object]:
        return {"containers": [{"name": "app", "env": [{"name": "API_TOKEN", "value": value}]}]}

    ((path, (before, after)),) = changed(env("first-secret-1"), env("other-secret-2")).items()
    assert path == "spec.containers[app].env[API_TOKEN].value"
    assert "secret-1" not in f"{before}{after}"
    assert "secret-2" not in f"{before}{after}"


@pytest.mark.parametrize(
    ("path", "container", "init", "field", "env"),
    [
        ("spec.template.spec.containers[app].resources.limits.memory", "app", False, "resources.limits.memory", None),
        ("spec.template.spec.initContainers[a.b].env[X].value", "a.b", True, "env[X].value", "X"),
        ("spec.replicas", None, False, "spec.replicas", None),
    ],
)
def test_a_path_says_what_it_speaks_about(
    path: str, container: str | None, init: bool, field: str, env: str | None
) -> None:
    place = place_of(path)
    assert (place.container, place.init, place.field, place.env_name) == (container, init, field, env)


def test_managed_fields_are_paths() -> None:
    fields = {
        "f:metadata": {"f:annotations": {".": {}, "f:a/b": {}}},
        "f:spec": {
            "f:template": {"f:spec": {"f:containers": {'k:{"name":"app"}': {".": {}, "f:image": {}}}}},
            "f:finalizers": {'v:"x"': {}},
        },
    }
    assert managed_paths(Document(fields)) == [  # type: ignore[arg-type]
        "metadata.annotations.a/b",
        "spec.template.spec.containers[app].image",
        "spec.finalizers[x]",
    ]


def test_annotations_are_kept_that_say_where_an_object_comes_from() -> None:
    kept = read_annotations(
        {
            "kubectl.kubernetes.io/last-applied-configuration": "{}",
            "argocd.argoproj.io/tracking-id": "shop:apps/Deployment:shop/checkout",
            "example.com/git-commit": "8f2c1d7",
            "prometheus.io/scrape": "true",
        }
    )
    assert sorted(kept) == ["argocd.argoproj.io/tracking-id", "example.com/git-commit"]


@pytest.mark.parametrize(
    ("annotations", "labels", "image", "commit"),
    [
        pytest.param({"org.opencontainers.image.revision": "8F2C1D7A"}, {}, "a:1", "8f2c1d7a", id="the OCI annotation"),
        pytest.param({}, {"app.kubernetes.io/version": "8f2c1d7"}, "a:1", "8f2c1d7", id="a version that is a commit"),
        pytest.param({}, {"app.kubernetes.io/version": "1.42.0"}, "a:1.42.0", "", id="a version that is none"),
        pytest.param({}, {}, "r:5000/a:main-8f2c1d7", "8f2c1d7", id="the end of a tag"),
        pytest.param({}, {}, "a:v1.4.0-3-g8f2c1d7", "8f2c1d7", id="git describe"),
        pytest.param({}, {}, "a:20261117", "", id="digits alone are a build number"),
        pytest.param({}, {}, "a@sha256:0123456789abcdef", "", id="a digest is no commit"),
    ],
)
def test_the_commit_behind_a_template(
    annotations: dict[str, str], labels: dict[str, str], image: str, commit: str
) -> None:
    assert commit_of(annotations, labels, (image,)) == commit


@pytest.mark.parametrize(
    ("spec", "cpu", "memory"),
    [
        pytest.param({"containers": [{"resources": {"requests": {"cpu": "100m", "memory": "1Mi"}}}, {"resources": {"limits": {"cpu": "1"}}}]}, 1.1, 2**20, id="limits stand in for requests"),
        pytest.param({"containers": [{"resources": {"requests": {"cpu": "1"}}}], "initContainers": [{"resources": {"requests": {"cpu": "3"}}}]}, 3, 0, id="the largest init container counts while it runs"),
        pytest.param({"containers": [{"resources": {"requests": {"cpu": "1"}}}], "initContainers": [{"restartPolicy": "Always", "resources": {"requests": {"cpu": "500m"}}}, {"resources": {"requests": {"cpu": "1"}}}], "overhead": {"cpu": "250m"}}, 1.75, 0, id="sidecars and overhead add up"),
    ],
)  # fmt: skip
def test_a_pod_requests(spec: dict[str, object], cpu: float, memory: int) -> None:
    room = requested_by(Document(spec))  # type: ignore[arg-type]
    assert (room.cpu, room.memory) == (cpu, memory)


WORKLOADS = [
    Labelled(entity="c/shop/deployment/checkout", namespace="shop", labels={"app": "checkout", "tier": "web"}),  # type: ignore[arg-type]
    Labelled(entity="c/shop/deployment/cart", namespace="shop", labels={"app": "cart", "tier": "web"}),  # type: ignore[arg-type]
]


def test_a_service_selects_by_all_of_its_labels() -> None:
    assert selected({"tier": "web"}, WORKLOADS) == tuple(w.entity for w in WORKLOADS)
    assert selected({"tier": "web", "app": "cart"}, WORKLOADS) == ("c/shop/deployment/cart",)
    assert selected({}, WORKLOADS) == ()


def test_a_service_that_selects_nothing_nearly_selects_the_one_that_shares_most() -> None:
    near = closest({"app": "checkout", "tier": "backend"}, WORKLOADS, name="x")
    assert near is not None
    assert (near.workload, near.differing_key, near.wanted, near.found) == (
        "c/shop/deployment/checkout", "tier", "backend", "web",
    )  # fmt: skip
    named = closest({"app": "card"}, WORKLOADS, name="cart")
    assert named is not None
    assert named.workload.endswith("/cart")
    assert closest({"app": "other"}, WORKLOADS, name="other") is None
