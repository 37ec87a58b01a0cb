"""Takes secrets out of text before it is stored, sent to a model, or posted (invariant 10).

Pure, and made for text of any shape: log lines, JSON and YAML of objects, diffs, command lines. What was taken out is
named in its place (`[redacted:aws-key]`), so that a reader still sees that there was a password, and whose. It knows
formats and names, not contents: a secret that looks like a word behind a harmless name stays. Callers that know better
(the data of a Secret object, a change of an env variable whose name `is_secret_name`) must not hand the value over.
"""

import base64
import binascii
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from incidents.needles import Needles

MARK = "[redacted:"
PASSES = 8
"""Rounds after which the text stands still: taking one secret out uncovers a neighbour once or twice, rarely more."""

ENTROPY_BITS = 3.0
"""Shannon entropy per character from which a value behind a vaguely secret name counts as random.
The default limit of Yelp's detect-secrets for hexadecimal strings."""
REMEMBERED_LENGTH = 512
"""Characters of a text that is remembered as clean: a line, not a page."""
REMEMBERED_TEXTS = 8192
"""Texts remembered as clean, at most 4 MiB in all; then they are forgotten together."""
_CLEAN: set[str] = set()
"""Texts in which no rule found anything: only these are kept, no secret outlives its call. What is found depends on
the text alone, so nothing else has to be in the key."""

RANDOM_LENGTH = 16
"""Characters below which the entropy of a string says nothing."""
RANDOM_DIGITS = 0.2
"""Share of digits from which a lowercase string is no word: random base36 has 10 digits in 36 characters (0.28)."""

SIGN_REACH = 16
"""Characters of a name before the word that betrays it: `application-` before `secret`, and some to spare."""
SCHEME_REACH = 31
"""Characters of a URL's scheme, at most."""

_STRONG = (
    r"pass(?:word|wd|phrase|code)|pwd"
    r"|(?:api|access|account|auth|secret|private|signing|encryption|master|license)[-_.]?key(?:[-_]?(?:id|base))?"
    r"|(?:client|app|application|jwt|session|signing|webhook|shared|consumer|oauth2?|hmac|encryption|bot|cookie)"
    r"[-_.]?secret|(?-i:[A-Z0-9]_SECRET)|sharedaccesssignature|token|credentials?|x-amz-signature"
)
_WEAK = r"secret|[-_.]key|auth|signature|sig|session(?:[-_]?id)?|sid|cookie|salt|dsn|csrf|code"
_STRONG_NEEDLES = ("pass", "pwd", "key", "secret", "signature", "token", "credential")
_WEAK_NEEDLES = ("secret", "key", "auth", "sig", "session", "sid", "cookie", "salt", "dsn", "csrf", "code")
_BENIGN_WORDS = """
null none nil true false undefined empty unset default unknown required missing invalid expired
denied incorrect wrong rejected revoked is was not must has failed from for in of the a an and or to
via by with without unauthorized authentication authorization error string int bool str optional
bearer basic yes no rotated changed updated loaded refreshed issued valid ok latest
"""
_BENIGN = frozenset(_BENIGN_WORDS.split())
"""Words behind `password:` or `token:` that are prose or a literal, not a secret: `invalid token: expired`."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One kind of secret: how it is found, and what stands there afterwards."""

    needles: frozenset[str]
    """Lowercase text of which one piece is in every match: looking for it first is a hundred times cheaper."""
    pattern: re.Pattern[str]
    replace: str | Callable[[re.Match[str]], str]
    besides: frozenset[str] | None = None
    """More of that, of which one piece is in every match too."""
    signs: Mapping[str, str] | None = None
    """By needle, a pattern of the lowercase word that betrays it: for a rule that is slow to search (`_named`)."""
    sign: re.Pattern[str] | None = None
    """The one sign of a rule without `signs`, in lowercase text."""
    reach: int = 0
    """Characters from the beginning of a match to its sign, at most."""

    def may_match(self, there: frozenset[str]) -> bool:
        """Whether a text that holds these needles may have a match."""
        return not (self.needles.isdisjoint(there) or (self.besides and self.besides.isdisjoint(there)))

    def apply(self, text: str, lowered: str, there: frozenset[str]) -> str:
        """The text, which is also given in lowercase and has these needles, without this kind of secret."""
        if len(lowered) != len(text) or (self.signs is None and self.sign is None):
            return self.pattern.sub(self.replace, text)
        sign = self.sign or self._sign(lowered, there)
        return "".join(self._pieces(text, lowered, sign)) if sign is not None else text

    def _sign(self, lowered: str, there: frozenset[str]) -> re.Pattern[str] | None:
        """The sign made of the words that betray this rule in a text; None where none does."""
        words = [word for needle, word in (self.signs or {}).items() if needle in there]
        betraying = tuple(word for word in words if _named((word,)).search(lowered))
        return _named(betraying) if betraying else None

    def _pieces(self, text: str, lowered: str, sign: re.Pattern[str]) -> Iterator[str]:
        """What `pattern.sub` would join; the pattern is tried only where there is a sign."""
        done = at = 0
        while (hint := sign.search(lowered, at)) is not None:
            at = hint.start() + 1
            for start in range(max(done, at - 1 - self.reach), at):
                if (found := self.pattern.match(text, start)) is not None:
                    yield text[done:start]
                    yield found.expand(self.replace) if isinstance(self.replace, str) else self.replace(found)
                    done = at = found.end()
                    break
        yield text[done:]


def mark(kind: str) -> str:
    """What stands where a secret of this kind was."""
    return f"{MARK}{kind}]"


def redact(text: str) -> str:
    """The text without its secrets. Doing it again changes nothing, and valid JSON stays valid JSON."""
    if text in _CLEAN:
        return text
    there = NEEDLES.found_in(text)
    if not there:
        return text
    left = _passed(text, there)
    if left == text:
        _remember(text)
        return text
    for _ in range(PASSES - 1):
        before, left = left, _passed(left, NEEDLES.found_in(left))
        if left == before:
            break
    return left


def _remember(text: str) -> None:
    """Keep a short text in which nothing was found: logs say the same over and over."""
    if len(text) > REMEMBERED_LENGTH:
        return
    if len(_CLEAN) >= REMEMBERED_TEXTS:
        _CLEAN.clear()
    _CLEAN.add(text)


def _passed(text: str, there: frozenset[str]) -> str:
    """The text, which has these needles, after one round of all rules."""
    lowered = text.lower()
    for rule in RULES:
        if not rule.may_match(there):
            continue
        left = rule.apply(text, lowered, there)
        if left != text:
            text, lowered = left, left.lower()
            there = NEEDLES.found_in(text)
    return text


def is_secret_name(name: str) -> bool:
    """Whether a value under this name is to be hidden whatever it looks like: `DB_PASSWORD`, `apiToken`."""
    return _SECRET_NAME.fullmatch(name) is not None


def looks_random(value: str) -> bool:
    """Whether a string looks like key material rather than like a name: long, many different characters, mixed."""
    if len(value) < RANDOM_LENGTH or _OBJECT_NAME.fullmatch(value) or _entropy(value) < ENTROPY_BITS:
        return False
    digits = sum(character.isdigit() for character in value) / len(value)
    mixed = value not in (value.lower(), value.upper()) and digits > 0
    return mixed or digits >= RANDOM_DIGITS


def _entropy(value: str) -> float:
    """Shannon entropy in bits per character."""
    return -sum(n / len(value) * math.log2(n / len(value)) for n in Counter(value).values())


def _kind_of(name: str) -> str:
    """The kind that a marker behind this name shows."""
    lowered = name.lower()
    for word, kind in (("pass", "password"), ("pwd", "password"), ("token", "token"), ("key", "key")):
        if word in lowered:
            return kind
    return "secret"


def _is_harmless(value: str) -> bool:
    """A literal, a word of prose, a reference to somewhere else, a version, or stars that another tool put there."""
    reference = value.startswith((MARK, "$", "{{", "%(", "/"))
    return reference or value.lower() in _BENIGN or _NO_SECRET.fullmatch(value) is not None


def _assignment(match: re.Match[str]) -> str:
    """`name = value` of a name that promises a secret."""
    return match[0] if _is_harmless(_value(match)) else _put(match)


def _vague_assignment(match: re.Match[str]) -> str:
    """`name = value` of a name that may mean a secret: only what looks random goes."""
    return _put(match) if looks_random(_value(match)) else match[0]


def _value(match: re.Match[str]) -> str:
    return match["quoted"] or match["cut"] or match["bare"] or ""


def _put(match: re.Match[str]) -> str:
    """The match with the marker in place of its value: in its quotes, or those of its JSON name when it is bare."""
    if match["torn"]:
        return f"{match['head']}{match['torn']}{mark(_kind_of(match['name']))}"
    quote = match["open"] or match["after"] or ""
    return f"{match['head']}{quote}{mark(_kind_of(match['name']))}{quote}"


def _basic(match: re.Match[str]) -> str:
    """`Basic <base64 of user:password>`; other words behind `Basic` stay."""
    value = match["value"].rstrip("=")
    try:
        decoded = base64.b64decode(value + "=" * (-len(value) % 4), validate=True)
    except (binascii.Error, ValueError):
        return match[0]
    return f"{match['head']}{mark('basic-auth')}" if b":" in decoded else match[0]


def _bearer(match: re.Match[str]) -> str:
    value = match["value"]
    return match[0] if value.isalpha() and value.islower() else f"{match['head']}{mark('token')}"


_QUOTE = r"\\{0,7}[\"']"
# A bare value ends at white space, a quote or a backslash (the end of a JSON string), and at a separator that closes
# a list or is followed by the next name. The markers themselves are never a value.
_BARE = (
    r"(?!\[redacted:)(?:[^\s\"'\\,;&)\]}{\[<>]"
    r"|[,;&)\]}](?![\s,;&)\]}\"'\\\[]|$|[\w.-]{1,80}[=:]))+"
)
# A quote behind `password=` may be the end of a JSON string instead: then a comma, colon or bracket follows it.
_NOT_JSON = r"(?!\[redacted:|\s*[,:}\]])"
# Inside other quotes than plain double ones, a plain double quote is the end of the JSON string around them.
_INSIDE = r"(?:(?!(?P=open))(?:\\.|[^\\\n\"]))"
_QUOTED = rf"(?P<open>\"|{_QUOTE})(?P<quoted>{_NOT_JSON}{_INSIDE}{{1,4096}}?)(?P=open)"
_CUT = rf"(?P<torn>{_QUOTE})(?P<cut>{_NOT_JSON}[^\s\"'\\,]{{1,4096}})"
_VALUE = rf"(?:{_QUOTED}|{_CUT}|(?P<bare>{_BARE}))"


@lru_cache(maxsize=256)
def _named(words: tuple[str, ...]) -> re.Pattern[str]:
    """The sign of `_assigned`: a name with one of these in it, at most six characters before the `=` or `:`.

    Made of the words that a text holds: a single one is found ten times as fast as one of ten.
    """
    return re.compile(rf"(?:{'|'.join(words)})[^\s\"'\\:=]{{0,6}}(?:{_QUOTE})?\s{{0,8}}[:=]")


def _assigned(names: str) -> re.Pattern[str]:
    """`name=value`, `name: value`, `"name": "value"` at any depth of escaping, for names that end in one of these."""
    head = rf"(?P<head>(?P<name>{names})(?![\w-])(?P<after>{_QUOTE})?\s{{0,8}}(?:=>|:=|[:=])[ \t]{{0,8}})"
    return re.compile(head + _VALUE, re.IGNORECASE)


_SECRET_NAME = re.compile(rf"[\w.-]*?(?:{_STRONG})", re.IGNORECASE)
_RELEASE = r"v?\d{1,5}(?:\.(?:\d{1,5}|[x*])){0,3}(?:-(?:alpha|beta|rc|pre|dev|next|canary|snapshot)[.-]?\d{0,5})?"
_RANGE = rf"(?:[\^~]|~>|[<>]=?|[=~!]?=)\s?{_RELEASE}|v?\d{{1,5}}\.(?:[x*]|{_RELEASE})"
"""A version with its comparison, or one of at least two numbers: digits alone may well be somebody's secret."""
_NO_SECRET = re.compile(rf"[*.]+|x{{3,}}|(?:{_RANGE})(?:(?:\s*(?:,|\|\|)\s*|\s+)(?:{_RANGE}))*", re.IGNORECASE)
"""What stands behind names that sound like secrets and is none: stars, versions of packages (`jsonwebtoken: ^9`)."""
_OBJECT_NAME = re.compile(r"[a-z]+(?:[-.][a-z]+)*(?:[-.][a-z0-9]{1,10}){0,2}")
"""Kubernetes names with the hashes that kustomize and ReplicaSets add: `checkout-db-6ct58987ht`."""

_PRIVATE_KEY = r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?:[A-Za-z0-9+/=\s:,.-]|\\[nr])*?"
_PRIVATE_KEY_END = r"(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|(?=[^A-Za-z0-9+/=\s:,.\\-]|\\[^nr]|\Z))"

_BLOCKS = (
    Rule(
        needles=frozenset({"private key"}),
        pattern=re.compile(_PRIVATE_KEY + _PRIVATE_KEY_END),
        replace=mark("private-key"),
    ),
    Rule(
        needles=frozenset({"://"}),
        # user:password@host of any URL or DSN; a password may hold slashes and at-signs, so the last at-sign counts.
        pattern=re.compile(
            r"(?P<head>\b[a-z][a-z0-9+.-]{1,30}://[^\s\"'\\/@:]{0,128}:)(?!\[redacted:|\d{1,5}[/?#])[^\s\"'\\]{1,256}@",
            re.IGNORECASE,
        ),
        replace=rf"\g<head>{mark('password')}@",
        sign=re.compile(r"://[^\s\"'\\/@:]{0,128}:[^\s\"'\\]{1,256}@"),
        reach=SCHEME_REACH,
    ),
    Rule(
        needles=frozenset({"@tcp(", "@unix("}),
        # MySQL DSNs of Go: user:password@tcp(host:3306)/db
        pattern=re.compile(r"(?P<head>(?<![\w.\[-])[\w.-]{1,64}:)(?!\[redacted:)[^\s\"'\\:]{1,128}@(?=(?:tcp|unix)\()"),
        replace=rf"\g<head>{mark('password')}@",
    ),
    Rule(
        needles=frozenset({"value"}),
        besides=frozenset(_STRONG_NEEDLES),
        # env of a container, as JSON and as YAML: the name stands beside the value
        pattern=re.compile(
            rf"(?P<head>(?:name|key)(?P<q>{_QUOTE})?\s*:\s*(?:{_QUOTE})?(?P<name>[\w.-]{{0,80}}?(?:{_STRONG}))(?:{_QUOTE})?"
            rf"(?:\s*,|(?:\\n|\s))\s*(?:{_QUOTE})?value(?P<after>{_QUOTE})?\s*:\s*){_VALUE}",
            re.IGNORECASE,
        ),
        replace=_assignment,
        sign=re.compile(
            rf"(?:name|key)(?:{_QUOTE})?\s*:\s*(?:{_QUOTE})?[\w.-]+(?:{_QUOTE})?(?:\s*,|\\n|\s)\s*(?:{_QUOTE})?value"
        ),
    ),
)

_HEADERS = (
    Rule(
        needles=frozenset({"basic"}),
        pattern=re.compile(r"(?P<head>\bBasic\s+)(?P<value>[A-Za-z0-9+/]{6,512}={0,2})"),
        replace=_basic,
    ),
    Rule(
        needles=frozenset({"bearer", "token", "negotiate", "apikey"}),
        pattern=re.compile(
            r"(?P<head>\b(?:Bearer|Token|Negotiate|ApiKey)\s+)(?P<value>[A-Za-z0-9._~+/=-]{8,4096})", re.IGNORECASE
        ),
        replace=_bearer,
    ),
    Rule(
        needles=frozenset({"authorization"}),
        pattern=re.compile(
            rf"(?P<head>\b(?:proxy-)?authorization(?:{_QUOTE})?\s*[:=]\s*(?:{_QUOTE})?(?:[A-Za-z]{{3,10}}\s+)?)"
            r"(?!\[redacted:)(?P<value>[^\s\"'\\,\[]{8,4096})(?!\s*\[redacted:)",
            re.IGNORECASE,
        ),
        replace=rf"\g<head>{mark('token')}",
    ),
)


def _format(kind: str, pattern: str, *needles: str) -> Rule:
    """A token that is known by its own form, wherever it stands as a word."""
    return Rule(needles=frozenset(needles), pattern=re.compile(rf"(?<![A-Za-z0-9]){pattern}"), replace=mark(kind))


_FORMATS = (
    _format("jwt", r"eyJ[A-Za-z0-9_-]{8,4096}\.[A-Za-z0-9_-]{8,8192}(?:\.[A-Za-z0-9_-]{0,4096})?", "eyj"),
    _format("aws-key", r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Za-z0-9])", "akia", "asia", "abia", "acca"),
    _format("gcp-key", r"AIza[0-9A-Za-z_-]{35,255}", "aiza"),
    _format("gcp-key", r"ya29\.[0-9A-Za-z_-]{20,1024}", "ya29."),
    _format("gcp-key", r"GOCSPX-[0-9A-Za-z_-]{20,64}", "gocspx-"),
    _format("azure-key", r"[A-Za-z0-9_~.]{3}[0-9]Q~[A-Za-z0-9_~.-]{31,34}", "q~"),
    _format("github-token", r"gh[pousr]_[A-Za-z0-9]{20,255}", "ghp_", "gho_", "ghu_", "ghs_", "ghr_"),
    _format("github-token", r"github_pat_[A-Za-z0-9_]{20,255}", "github_pat_"),
    _format(
        "gitlab-token",
        r"gl(?:pat|ptt|dt|rt|cbt|ft|soat)-[A-Za-z0-9_.-]{16,255}",
        "glpat-",
        "glptt-",
        "gldt-",
        "glrt-",
        "glcbt-",
        "glft-",
        "glsoat-",
    ),
    _format("slack-token", r"xox[a-z](?:\.xox[a-z])?-[A-Za-z0-9-]{8,255}", "xox"),
    _format("slack-token", r"xapp-[A-Za-z0-9-]{8,255}", "xapp-"),
    _format("stripe-key", r"(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{10,255}", "_live_", "_test_"),
    _format("stripe-key", r"whsec_[A-Za-z0-9+/=]{16,255}", "whsec_"),
    _format("anthropic-key", r"sk-ant-[A-Za-z0-9_-]{16,255}", "sk-ant-"),
    _format("openai-key", r"sk-(?:proj-|svcacct-|admin-|or-v1-)?[A-Za-z0-9_-]{20,255}", "sk-"),
    _format("huggingface-token", r"hf_[A-Za-z0-9]{30,64}", "hf_"),
    _format("npm-token", r"npm_[A-Za-z0-9]{30,64}", "npm_"),
    _format("pypi-token", r"pypi-[A-Za-z0-9_-]{16,512}", "pypi-"),
    _format("docker-token", r"dckr_(?:pat|oat)_[A-Za-z0-9_-]{16,64}", "dckr_"),
    _format("vault-token", r"hv[sbr]\.[A-Za-z0-9_-]{20,512}", "hvs.", "hvb.", "hvr."),
    _format("sendgrid-key", r"SG\.[A-Za-z0-9_-]{16,64}\.[A-Za-z0-9_-]{16,128}", "sg."),
    _format("digitalocean-token", r"do[opr]_v1_[a-f0-9]{64}", "doo_v1_", "dop_v1_", "dor_v1_"),
    Rule(
        needles=frozenset({"hooks.slack.com"}),
        pattern=re.compile(r"(?P<head>hooks\.slack\.com/(?:services|workflows|triggers)/)[A-Za-z0-9_/-]{12,255}"),
        replace=rf"\g<head>{mark('slack-webhook')}",
    ),
)

_ASSIGNMENTS = (
    Rule(
        needles=frozenset(_STRONG_NEEDLES),
        pattern=re.compile(
            rf"(?P<head>(?<!\S)--?(?P<name>[\w-]{{0,80}}?(?:{_STRONG}))(?P<after>)[ \t]{{1,8}}){_VALUE}", re.IGNORECASE
        ),
        replace=_assignment,
        sign=re.compile(r"-(?<!\S-)[\w.-]+[ \t]"),
    ),
    Rule(
        needles=frozenset(_STRONG_NEEDLES),
        pattern=_assigned(_STRONG),
        replace=_assignment,
        signs={needle: needle for needle in _STRONG_NEEDLES},
        reach=SIGN_REACH,
    ),
    Rule(
        needles=frozenset(_WEAK_NEEDLES),
        pattern=_assigned(_WEAK),
        replace=_vague_assignment,
        # Each name begins with what betrays it: no reach.
        signs={needle: needle if needle != "key" else "[-_.]key" for needle in _WEAK_NEEDLES},
    ),
)

RULES: tuple[Rule, ...] = (*_BLOCKS, *_HEADERS, *_FORMATS, *_ASSIGNMENTS)
"""In the order in which they are applied: what spans most text first, what only a name betrays last."""

NEEDLES = Needles(needle for rule in RULES for needle in rule.needles)
