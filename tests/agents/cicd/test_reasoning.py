"""Whether a diff can have produced a failure: what it does against how it fails, in many languages; and what cannot."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from agents.cicd.carried import belongs, likeness
from agents.cicd.reasoning.effect import Effect
from agents.cicd.reasoning.failure import Failure, failures
from agents.cicd.reasoning.lines import read_diff
from agents.cicd.reasoning.matching import MATCHES, Match, effects, match
from agents.cicd.reasoning.table import CAN_BREAK, FAULTS, fault_of
from incidents.fact import Fact, FactRole
from incidents.ids import EntityId, EvidenceId, FactId, FactKind
from incidents.value import Scalar
from tools.github.client import ChangedFile

AT = datetime(2026, 11, 17, 2, 35, tzinfo=UTC)
CART = EntityId("c/shop/deployment/cart")


def fact(kind: str, text: str, **attributes: Scalar) -> Fact:
    return Fact(
        id=FactId(f"fa-{kind}-{len(text)}"),
        kind=FactKind(kind),
        role=FactRole.MECHANISM,
        entity=CART,
        at=AT,
        text=text,
        attributes=attributes,
        evidence=(EvidenceId("ev-1"),),
        detector="test",
    )


def saying(text: str, *more: Fact) -> Failure:
    """How a workload fails whose log says this since the onset."""
    return failures([fact("log.new_pattern", text, template=text), *more], (), alarmed=())[CART]


def judged(path: str, patch: str, failure: Failure) -> Match | None:
    diff = read_diff([ChangedFile(path=path, status="modified", patch=patch)])
    return match(effects(diff), diff, failure)


SURGE = fact("traffic.surge", "10 -> 90 requests/s")
LATENCY = fact("latency.elevated", "p99 100 ms -> 4 s")
QUERIES = fact("metric.shifted", "queries", metric="db_queries_per_request", before=3.0, after=40.0)

CULPRITS = [
    pytest.param(
        "cart/price.go",
        "@@ -1 +1 @@ func (p *Price) Net() int {\n-\tif p.Tax == nil {\n-\t\treturn p.Gross\n-\t}\n+\treturn p.Gross - p.Tax.Amount",
        "panic: runtime error: invalid memory address or nil pointer dereference at cart/price.go:12 Price.Net",
        "guard",
        id="a check for nil that is gone, Go",
    ),
    pytest.param(
        "src/main/java/Rates.java",
        "@@ class Rates {\n-    return rates.findById(id).orElse(Rate.ONE);\n+    return rates.findById(id).get();",
        "java.util.NoSuchElementException: No value present",
        "guard",
        id="a default that is gone, Java",
    ),
    pytest.param(
        "cart/fx.py",
        "@@ def rate(pair):\n-    try:\n-        return feed[pair]\n-    except KeyError:\n-        return 1.0\n+    return feed[pair]",
        "KeyError: 'EURTRY'",
        "guard",
        id="an exception that is no longer caught, Python",
    ),
    pytest.param(
        "cart/hits.go",
        "@@ func (h *Hits) Add(id string) {\n-\th.mu.Lock()\n-\tdefer h.mu.Unlock()\n \th.seen[id]++",
        "fatal error: concurrent map writes",
        "race",
        id="a lock that is gone",
    ),
    pytest.param(
        "cart/boot.ts",
        "@@ export function boot(app: App) {\n-  registerCoupons(app.registry);\n   app.listen();",
        "coupon handler 'percent' not found in registry",
        "setup",
        id="a registration that is gone",
    ),
    pytest.param(
        "cart/rows.go",
        "@@ func read(ctx context.Context) {\n \trows, err := db.QueryContext(ctx, q)\n-\tdefer rows.Close()",
        "timed out waiting for a free connection: pool exhausted (40 of 40)",
        "leak",
        id="rows that are no longer closed",
    ),
    pytest.param(
        "cart/lines.ts",
        "@@ async function lines(cart: Cart) {\n+  for (const line of cart.lines) {\n+    line.item = await itemStore.find(line.sku);\n+  }",
        "slow request: lines exceeded 3000ms",
        "query",
        id="a query per item",
    ),
    pytest.param(
        "cart/migrations/7.sql",
        "@@ -0,0 +1 @@\n+DROP INDEX cart_owner_idx;",
        "slow query took 9100 ms: SELECT * FROM cart WHERE owner = $1",
        "query",
        id="an index that is dropped",
    ),
    pytest.param(
        "cart/wishes.py",
        '@@ class Wishes:\n+    rows = run("SELECT id FROM wish_lists WHERE owner = :o")',
        'ProgrammingError: relation "wish_lists" does not exist',
        "schema",
        id="a table that nobody made",
    ),
    pytest.param(
        "cart/item.go",
        '@@ type Item struct {\n-\tID string `json:"item_id"`\n+\tID string `json:"itemId"`',
        'cannot decode item: missing field "item_id"',
        "contract",
        id="a field under another name",
    ),
    pytest.param(
        "cart/client.go",
        "@@ func get(ctx context.Context) {\n-\tctx, cancel := context.WithTimeout(ctx, 5*time.Second)\n+\tctx, cancel := context.WithTimeout(ctx, 250*time.Millisecond)",
        "rpc error: code = DeadlineExceeded, deadline_ms=250",
        "timeout",
        id="a time-out below what the answer takes",
    ),
    pytest.param(
        "cart/retry.go",
        "@@ var policy = Policy{\n-\tMaxAttempts: 3,\n-\tBackoff: exponential,\n+\tMaxAttempts: 30,",
        "429 too many requests from stock: attempt 30 of 30",
        "retries",
        id="retries without a pause",
    ),
    pytest.param(
        "cart/application.yml",
        "@@ server:\n   threads:\n-    max: 200\n+    max: 8",
        "RejectedExecutionException: thread pool exhausted",
        "capacity",
        id="fewer threads, said by the block around the number",
    ),
    pytest.param(
        "cart/values.yaml",
        "@@ resources:\n   limits:\n-    memory: 1Gi\n+    memory: 128Mi",
        "OOMKilled: container cart exceeded its memory limit",
        "capacity",
        id="less memory",
    ),
    pytest.param(
        "cart/agent.yaml",
        "@@ logging:\n-  level: info\n+  level: debug",
        "write /var/log/cart.log: no space left on device",
        "logging",
        id="a log level that fills the disk",
    ),
    pytest.param(
        "go.mod",
        "@@ require (\n-\tgoogle.golang.org/protobuf v1.31.0\n+\tgoogle.golang.org/protobuf v1.34.2",
        "panic: protobuf: duplicate registration, failed to start",
        "dependency",
        id="a library that the message names",
    ),
    pytest.param(
        "cart/config.yaml",
        "@@ storage:\n-  bucket: carts-prod\n+  bucket: cart-prod-eu",
        "NoSuchBucket: the bucket cart-prod-eu does not exist",
        "setting",
        id="a bucket that is not there",
    ),
    pytest.param(
        "cart/routes.ts",
        '@@ export function routes(app) {\n-  app.post("/v1/coupons", coupons.create);',
        "Cannot POST /v1/coupons: route not found",
        "setup",
        id="a route that is gone",
    ),
]


@pytest.mark.parametrize(("path", "patch", "said", "fault"), CULPRITS)
def test_a_diff_that_does_what_fails_is_found(path: str, patch: str, said: str, fault: str) -> None:
    more = [LATENCY] if fault == "query" else []
    found = judged(path, patch, saying(said, *more))
    assert found is not None
    assert found.score >= MATCHES, found.reasons
    assert fault_of(found.effect, found.mode) == fault, found


TIDY = (
    "@@ func (h *Handler) Serve(w http.ResponseWriter, r *http.Request) {\n"
    "-\tif err := json.NewDecoder(r.Body).Decode(&req); err != nil {\n-\t\thttp.Error(w, err.Error(), 400)\n-\t\treturn\n-\t}\n"
    "+\treq, err := decode(r)\n+\tif err != nil {\n+\t\twriteError(w, 400, err)\n+\t\treturn\n+\t}"
)
INNOCENT = [
    pytest.param(
        "cart/handler.go", TIDY, "nil pointer dereference at cart/price.go:12", id="error answers moved into a helper"
    ),
    pytest.param(
        "cart/rows.go",
        "@@ func read() {\n-\tdefer rows.Close()\n-\tvar out []Row\n+\tvar out []Row\n+\tdefer rows.Close()",
        "connection pool exhausted",
        id="lines in another order",
    ),
    pytest.param(
        "cart/tls.go",
        "@@ CipherSuites: []uint16{\n-\ttls.TLS_A,\n-\ttls.TLS_B,\n+\ttls.TLS_B,\n+\ttls.TLS_A,",
        "x509: certificate has expired or is not yet valid",
        id="ciphers, where a certificate has ended",
    ),
    pytest.param(
        "go.mod",
        "@@ require (\n-\tgolang.org/x/net v0.23.0\n+\tgolang.org/x/net v0.23.1",
        "no such host",
        id="a patch of a library",
    ),
    pytest.param("cart/handler_test.go", "@@\n-\tdefer rows.Close()", "connection pool exhausted", id="a test"),
    pytest.param("docs/pools.md", "@@\n-pool: 40\n+pool: 4", "connection pool exhausted", id="a document"),
    pytest.param(
        "web/cart.css",
        "@@\n-.cart { max-width: 200px }\n+.cart { max-width: 8px }",
        "thread pool exhausted",
        id="looks",
    ),
    pytest.param(
        "deploy/staging/values.yaml",
        "@@ db:\n-  host: a\n+  host: b",
        "connection refused by b",
        id="another environment",
    ),
    pytest.param(
        "cart/http.go",
        "@@ tr := &http.Transport{\n-\tMaxIdleConns: 100,\n+\tMaxIdleConns: 200,",
        "lookup pay.example on 10.0.0.10:53: no such host",
        id="a pool, where names do not resolve",
    ),
]


@pytest.mark.parametrize(("path", "patch", "said"), INNOCENT)
def test_a_diff_that_cannot_do_what_fails_is_not_blamed(path: str, patch: str, said: str) -> None:
    found = judged(path, patch, saying(said))
    assert found is None or found.score < MATCHES, found


def test_what_more_requests_bring_about_is_not_put_on_a_release() -> None:
    patch = "@@ pool:\n-  max: 40\n+  max: 35"
    said = "worker pool saturated, request queued"
    alone, surging = (judged("cart/pool.yaml", patch, saying(said, *more)) for more in ((), (SURGE,)))
    assert alone is not None
    assert surging is not None
    assert surging.score < MATCHES <= alone.score


def test_a_metric_that_moved_says_how_it_fails() -> None:
    patch = "@@ def lines(cart):\n+    for line in cart.lines:\n+        line.item = item_store.find(line.sku)"
    found = judged("cart/lines.py", patch, saying("slow request", QUERIES))
    assert found is not None
    assert (found.effect, found.mode.value) == (Effect.QUERY_PER_ITEM, "load_below")


def test_every_effect_can_break_something_and_has_a_runbooks_fault() -> None:
    assert set(CAN_BREAK) == set(Effect)
    assert sorted(effect for group in FAULTS.values() for effect in group) == sorted(Effect)


@pytest.mark.parametrize(
    ("path", "workload"),
    [
        pytest.param("services/cart/price.go", "cartservice", id="the name without `service`"),
        pytest.param("services/product-catalog/db.go", "productcatalogservice", id="words glued together"),
        pytest.param("pkg/retry/backoff.go", "cartservice", id="a library belongs to everybody"),
    ],
)
def test_files_belong_to_the_workload_that_their_path_names_best(path: str, workload: str) -> None:
    assert belongs(path, workload, ["cartservice", "productcatalogservice", "frontend"])


def test_a_file_of_another_workload_does_not_belong() -> None:
    assert not belongs("services/frontend/app.ts", "cartservice", ["cartservice", "frontend"])
    assert likeness("services/cart/price.go", "cartservice") == 1.0
