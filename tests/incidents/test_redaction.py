"""What is taken out of text, what stays readable, and the properties that hold for any text."""

import base64
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents import redaction
from incidents.needles import LONG, REMEMBERED_SHAPES
from incidents.redaction import RULES, is_secret_name, looks_random, redact

# Put together here, so that no scanner takes this file for a leak.
AWS = "AKIA" + "IOSFODNN7EXAMPLE"
JWT = "eyJ" + "hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
GITHUB = "gh" + "p_16C7e42F292c6912E7710c838347Ae178B4a"
SLACK = "xox" + "b-123456789012-1234567890123-AbCdEfGhIjKlMnOpQrStUvWx"
STRIPE = "sk_" + "live_4eC39HqLyjWDarjtT1zdp7dc"
OPENAI = "sk-" + "proj-abcdEFGH1234567890ijklMNOP"
GCP = "AIza" + "SyA1234567890abcdefghijklmnopqrstuv"
AZURE = "abc8" + "Q~" + "d" * 34
KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\nx+/=\n-----END RSA PRIVATE KEY-----"
RANDOM = "9f86d081884c7d659a2feaa0c55ad015"

TAKEN_OUT = [
    pytest.param(f"key {AWS} used", "key [redacted:aws-key] used", id="an AWS access key id in prose"),
    pytest.param(f"Authorization: Bearer {JWT}", "Authorization: Bearer [redacted:token]", id="a bearer header"),
    pytest.param(f"cookie a={JWT};", "cookie a=[redacted:jwt];", id="a JWT on its own"),
    pytest.param(
        "Authorization: Basic dXNlcjpwYXNzd29yZA==",
        "Authorization: Basic [redacted:basic-auth]",
        id="basic authentication",
    ),
    pytest.param(
        "authorization=abcdefgh12345", "authorization=[redacted:token]", id="an authorization without a scheme"
    ),
    pytest.param(f"push with {GITHUB}", "push with [redacted:github-token]", id="a GitHub token"),
    pytest.param(f"slack {SLACK}!", "slack [redacted:slack-token]!", id="a Slack bot token"),
    pytest.param(f"using {STRIPE}", "using [redacted:stripe-key]", id="a Stripe key"),
    pytest.param(f"using {OPENAI}.", "using [redacted:openai-key].", id="an OpenAI key"),
    pytest.param(f"?k={GCP}&x=1", "?k=[redacted:gcp-key]&x=1", id="a Google API key in a query"),
    pytest.param(f"secret is {AZURE}", "secret is [redacted:azure-key]", id="an Azure client secret"),
    pytest.param(f"a\n{KEY}\nb", "a\n[redacted:private-key]\nb", id="a private key block"),
    pytest.param(json.dumps({"k": KEY}), '{"k": "[redacted:private-key]"}', id="a private key inside JSON"),
    pytest.param(KEY[:60], "[redacted:private-key]", id="a private key that was cut before its end"),
    pytest.param(
        "postgres://app:s3cr3t@db:5432/x", "postgres://app:[redacted:password]@db:5432/x", id="a password in a URL"
    ),
    pytest.param(
        "redis://:p%40ss/w@rd@cache:6379",
        "redis://:[redacted:password]@cache:6379",
        id="a URL password with an at-sign",
    ),
    pytest.param("app:hunter2@tcp(db:3306)/x", "app:[redacted:password]@tcp(db:3306)/x", id="a MySQL DSN"),
    pytest.param("host=db password=hunter2 user=a", "host=db password=[redacted:password] user=a", id="a libpq DSN"),
    pytest.param("password: hunter2", "password: [redacted:password]", id="YAML"),
    pytest.param("DB_PASSWORD='a b c'", "DB_PASSWORD='[redacted:password]'", id="a quoted shell assignment"),
    pytest.param('{"apiToken":"abc","n":1}', '{"apiToken":"[redacted:token]","n":1}', id="a JSON member"),
    pytest.param('{"password": 12345}', '{"password": "[redacted:password]"}', id="a JSON number stays valid JSON"),
    pytest.param(
        r'{"line":"{\"token\":\"ab,c\"}"}',
        r'{"line":"{\"token\":\"[redacted:token]\"}"}',
        id="JSON inside a JSON string",
    ),
    pytest.param(
        '{"name":"DB_PASSWORD","value":"x y"}',
        '{"name":"DB_PASSWORD","value":"[redacted:password]"}',
        id="env of a container as JSON",
    ),
    pytest.param(
        "- name: API_TOKEN\n  value: abc",
        "- name: API_TOKEN\n  value: [redacted:token]",
        id="env of a container as YAML",
    ),
    pytest.param(
        "run --db-password hunter2 -v", "run --db-password [redacted:password] -v", id="a command line option"
    ),
    pytest.param("password='it\"s' x", "password='[redacted:password]\"s' x", id="a quote inside other quotes"),
    pytest.param('password="hunter2', 'password="[redacted:password]', id="text that was cut inside a value"),
    pytest.param("a=1,password=x,b=2", "a=1,password=[redacted:password],b=2", id="a list of assignments"),
    pytest.param("password=hun,ter2 x", "password=[redacted:password] x", id="a password with a comma inside"),
    pytest.param(f"secret: {RANDOM}", "secret: [redacted:secret]", id="a random value behind a vague name"),
    pytest.param("JWT_SECRET=hunter2", "JWT_SECRET=[redacted:secret]", id="an env variable that is a secret"),
    pytest.param(
        "DefaultEndpointsProtocol=https;AccountKey=abc+/123==;x=y",
        "DefaultEndpointsProtocol=https;AccountKey=[redacted:key];x=y",
        id="an Azure connection string",
    ),
    pytest.param(
        "https://hooks.slack.com/services/T00/B00/abcDEF123",
        "https://hooks.slack.com/services/[redacted:slack-webhook]",
        id="a Slack webhook",
    ),
]

NEARLY_VERSIONS = ["1234", "^summer24", "v1beta-hunter2", "9.hunter2", "1.2.3-hunter2", "~secret1", "20240131"]


@pytest.mark.parametrize("value", NEARLY_VERSIONS)
def test_takes_out_what_only_begins_like_a_version(value: str) -> None:
    assert redact(f'"password": "{value}"') == '"password": "[redacted:password]"'


STAYS = [
    "Bearer token authentication is required",
    "Basic authentication failed",
    "invalid token: expired",
    "automountServiceAccountToken: false",
    "max_tokens: 4096, tokens=12",
    '{"secretKeyRef": {"key": "password", "name": "checkout-db"}}',
    '{"missing_key": "DB_PASSWORD", "missing_kind": "secret", "missing_name": "checkout-db-6ct58987ht"}',
    "password: $(DB_PASSWORD)",
    "PASSWORD=${DB_PASSWORD}",
    "image: registry/checkout@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "commit 8f2c1d7a9b3e4c5d6f708192a3b4c5d6e7f80910",
    'sum(rate(http_requests_total{namespace="shop", code=~"5.."}[5m]))',
    "http://prometheus.monitoring:9090/graph?g0.expr=up@1",
    "secret: checkout-db",
    "tokenFile: /var/run/secrets/token",
    "container.oom_killed · 2 of 6 containers OOMKilled at 256Mi",
    '-    "jsonwebtoken": "^8.5.1",\n+    "jsonwebtoken": "^9"',
    '"csrf-token": ">=1.2.0 <2", "passport-auth-token": "~3.1 || ^4.0.0-rc.1"',
    "django-rest-passwordreset_token==1.4.0",
    'jwt-token: "9.x"',
    "argon2-password=v0.41.1",
]


@pytest.mark.parametrize(("text", "expected"), TAKEN_OUT)
def test_takes_out(text: str, expected: str) -> None:
    assert redact(text) == expected


PAGE = '{"time":"2026-03-01T02:47:00.125Z","value":0.25,"labels":{"region":"eu-1","zone":"b"}},\n' * 20
"""Long enough to be taken apart into words before it is searched."""


@pytest.mark.parametrize(("text", "expected"), TAKEN_OUT)
def test_takes_it_out_of_a_long_text_too(text: str, expected: str) -> None:
    assert len(PAGE) > LONG
    assert redact(PAGE + text) == PAGE + expected


@pytest.mark.parametrize("text", STAYS)
def test_leaves_what_is_no_secret(text: str) -> None:
    assert redact(text) == text


SECRETS = st.sampled_from([AWS, JWT, GITHUB, SLACK, STRIPE, OPENAI, GCP, AZURE])
NAMES = st.sampled_from(["password", "DB_PASSWORD", "apiToken", "client_secret", "access_key", "github-token"])
SHAPES = [
    "password=",
    "token: ",
    '"secret": "',
    "Bearer ",
    "Basic ",
    "postgres://a:",
    "[redacted:",
    "]",
    "@",
    ",",
    '\\"',
    "-----BEGIN PRIVATE KEY-----",
]
FRAGMENTS = st.lists(st.one_of(st.text(max_size=12), SECRETS, NAMES, st.sampled_from(SHAPES)), max_size=12).map("".join)


@given(FRAGMENTS)
def test_what_goes_does_not_depend_on_how_long_the_text_is(text: str) -> None:
    assert redact(f"{PAGE}\n{text}") == f"{PAGE}{redact(f'{chr(10)}{text}')}"


@given(FRAGMENTS)
def test_doing_it_again_changes_nothing(text: str) -> None:
    once = redact(text)
    assert redact(once) == once


@given(
    SECRETS,
    st.text(alphabet=st.characters(exclude_categories=["L", "N", "Cs"], exclude_characters="_-.~+/="), max_size=20),
)
def test_a_known_format_never_survives_between_separators(secret: str, around: str) -> None:
    assert secret not in redact(f"{around} {secret} {around}")


PLAIN = st.text(alphabet="abcdefgh0123456789", min_size=9, max_size=40).filter(
    lambda text: any(c.isdigit() for c in text)
)


@given(NAMES, PLAIN, st.sampled_from(["{}={}", "{}: {}", '"{}": "{}"', "{}='{}'", "x={{{}={}}}", "--{} {}"]))
def test_a_value_behind_a_secret_name_never_survives(name: str, value: str, form: str) -> None:
    assert value not in redact(form.format(name, value))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | FRAGMENTS,
    lambda children: (
        st.lists(children, max_size=3) | st.dictionaries(NAMES | st.text(max_size=8), children, max_size=3)
    ),
    max_leaves=12,
)


@given(JSON)
def test_json_stays_json(value: object) -> None:
    json.loads(redact(json.dumps(value)))
    json.loads(redact(json.dumps(json.dumps(value))))


@pytest.mark.parametrize(
    "unit",
    ["a", "a.", "password", "password=", '"', "-----BEGIN PRIVATE KEY-----", "x://a:", "eyJ", "Bearer ", "a:b@", "\\"],
)
def test_time_grows_with_the_length_only(unit: str) -> None:
    text = unit * (64 * 1024 // len(unit))
    started = time.process_time()
    redact(text)
    assert time.process_time() - started < 5.0, "a body of 64 KiB must not take seconds"


@pytest.mark.parametrize(
    ("name", "secret"),
    [("DB_PASSWORD", True), ("apiToken", True), ("LOG_LEVEL", False), ("DATABASE_URL", False), ("tokens", False)],
)
def test_names_that_promise_a_secret(name: str, *, secret: bool) -> None:
    assert is_secret_name(name) is secret


def test_random_is_told_from_names() -> None:
    assert looks_random(RANDOM)
    assert looks_random(base64.b64encode(bytes(range(40, 70))).decode())
    assert not looks_random("checkout-db-credentials-v2")
    assert not looks_random("aaaaaaaaaaaaaaaaaaaaaaa1")


def test_every_rule_can_fire() -> None:
    texts = [str(param.values[0]) for param in TAKEN_OUT]
    extra = [
        "ya29." + "a" * 24,
        "GOCSPX-" + "a" * 24,
        "github_pat_" + "a" * 24,
        "glpat-" + "a" * 20,
        "xapp-1-A0-123-abc",
        "whsec_" + "a" * 20,
        "sk-ant-" + "a" * 20,
        "hf_" + "a" * 34,
        "npm_" + "a" * 36,
        "pypi-" + "a" * 20,
        "dckr_pat_" + "a" * 20,
        "hvs." + "a" * 24,
        "SG." + "a" * 22 + "." + "b" * 43,
        "dop_v1_" + "a" * 64,
    ]
    for rule in RULES:
        assert any(rule.pattern.search(text) for text in [*texts, *extra]), rule.pattern.pattern
    assert all(redact(PAGE + text) == PAGE + redact(text) != PAGE + text for text in extra)


def test_only_what_is_clean_is_remembered() -> None:
    clean, told = "a design that went well, a line like many", "password=hunter2isnotenough3"
    assert redact(clean) == clean
    assert redact(told) == redact(told) != told
    assert clean in redaction._CLEAN
    assert not any("hunter2" in text for text in redaction._CLEAN)
    assert not any(b"hunter" in shape for shape in redaction.NEEDLES.remembered)


def test_a_line_of_a_known_shape_is_still_searched() -> None:
    assert redact("it went 1 to 2 by 3") == "it went 1 to 2 by 3"
    before = redaction.NEEDLES.remembered
    assert redact("it went 99 to 2 by 35") == "it went 99 to 2 by 35"
    assert redaction.NEEDLES.remembered == before
    assert redact("pass1word=x9x9x9x9x9") == "pass1word=x9x9x9x9x9"
    assert redact("password=x9x9x9x9x9") == "password=[redacted:password]"


@pytest.mark.parametrize(
    "text",
    [
        "--note x --db.password hunter2isnotenough3 -- -token   hunter2isnotenough3",
        "a - b --pass-word - --password\thunter2isnotenough3",
        "see https://a:b@c and http://x:80/y@z then ftp://u:p:q@r@s/t://v:w@x",
        'name: A\nkey: b, {"name":"DB_PASSWORD","value":"hunter2"} name : api.key\\n  value: hunter2',
        "\u212aey: DB_TOKEN, value: hunter2",
    ],
)
def test_a_sign_finds_what_the_whole_pattern_finds(text: str) -> None:
    there = redaction.NEEDLES.found_in(text)
    for rule in RULES:
        if rule.may_match(there):
            assert rule.apply(text, text.lower(), there) == rule.pattern.sub(rule.replace, text)


def test_what_is_remembered_as_clean_is_bounded() -> None:
    for number in range(redaction.REMEMBERED_TEXTS + 10):
        redact(f"a design like {number}")
        redact(f"{number}".translate(str.maketrans("0123456789", "abcdefghlm")))
    redact("x" * (redaction.REMEMBERED_LENGTH + 1))
    assert len(redaction._CLEAN) <= redaction.REMEMBERED_TEXTS
    assert all(len(text) <= redaction.REMEMBERED_LENGTH for text in redaction._CLEAN)
    assert len(redaction.NEEDLES.remembered) <= REMEMBERED_SHAPES
    assert all(len(shape) <= redaction.REMEMBERED_LENGTH for shape in redaction.NEEDLES.remembered)
