"""Keep secrets out of what is stored: by the name of a value, and by what a text looks like.

Everything that a person's code hands to us as text (parameters, errors, source,
names) passes here before it reaches the journal. Where it is unclear whether a
word is a secret, it is treated as one: a word too many that is hidden costs a
reader a moment, a word too few cannot be taken back.

Texts may be hostile and long, so every pattern is linear: it starts only at a
literal or at the start of a word, and what it repeats cannot match what follows.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Mapping, Set
from datetime import date, time, timedelta
from functools import lru_cache
from itertools import islice
from typing import Any

from .patterns import LazyPattern

REDACTED = "[redacted]"

_SHORT = 128
_MOST_NAME = 256
_MOST_TEXT = 100_000
_MOST_DEPTH = 32
_MOST_ITEMS = 10_000
_MOST_PEM = 20_000

# -- names ---------------------------------------------------------------------------

_WORD = LazyPattern(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+")

# Words, and pairs of neighbouring words written as one: `api_key` as well as `apikey`.
_SECRETS = frozenset(
    "accesskey accesskeys accesssignature accesstoken accesstokens accountkey apikey apikeys"
    " apisecret apitoken apitokens auth authkey authorization authtoken authtokens bearer"
    " bearertokens connectionstring connectstring connstr connstring cookie cookies cred creds"
    " credential credentials deploykey dsn encryptionkey jwt licensekey masterkey oauth passcode"
    " passphrase passwd passwds password passwords privatekey privatekeys pw pwd pwds"
    " refreshtokens secret secretkey secretkeys secrets servicekey sessionkey sessiontoken"
    " sharedkey signingkey sshkey storagekey subscriptionkey token".split()
)
_SECRET_ENDINGS = ("password", "passwd", "passphrase", "apikey", "secretkey", "accesstoken",
                   "authtoken", "csrftoken")  # fmt: skip
# What follows says that the value is about a secret, not the secret itself.
_HARMLESS_TAILS = frozenset(
    "attempts backend budget cls col column columns count counts dim dir embedding embeddings"
    " enabled endpoint expires expiry field fields file filename freq host idx ids index indices"
    " kind len length lengths limit lookup mask max method min mode name names path paths"
    " pattern policy pos position positions prob probs provider rate required scheme size ttl type"
    " types uri url usage user username weight weights".split()
)
# How many, or which: `max_tokens` is caught by its plural, `num_token` and `pad_token` are here.
_COUNTING_HEADS = frozenset("n num max min total avg mean count number".split())
_TOKEN_HEADS = frozenset(
    "added audio bos cls completion end eos fake first image last mask n num pad padding per"
    " prompt sep special start stop text unk unknown video word".split()
)
_PASS_HEADS = frozenset(
    "account admin amqp api basic cert database db email ftp http imap kafka key keystore ldap"
    " login mail mongo mysql pg postgres proxy rabbitmq redis root service sftp smtp ssh store"
    " sudo user usr wifi".split()
)
_SECRET_PARAMETERS = frozenset(
    "awsaccesskeyid key pass sas sig sign signature xamzcredential xamzsecuritytoken xamzsignature"
    " xgoogcredential xgoogsignature xosscredential xosssignature".split()
)


def is_secret_name(name: str) -> bool:
    """Tell whether a value of this name is a secret: `db_password`, `apiKey`, `X-Auth-Token`.

    Whole words count, so `tokenizer`, `max_tokens`, `author` and `primary_key` are none.
    """
    if len(name) > _MOST_NAME:
        name = name[: _MOST_NAME // 2] + name[-_MOST_NAME // 2 :]
    return _is_secret_name(name)


def is_secret_parameter(name: str) -> bool:
    """Tell whether a URL's parameter of this name is a secret: `sig` and `key` are, there."""
    letters = "".join(char for char in name[:_MOST_NAME].lower() if char.isalnum())
    return letters in _SECRET_PARAMETERS or is_secret_name(name)


@lru_cache(maxsize=4096)
def _is_secret_name(name: str) -> bool:
    words = [word.lower() for word in _WORD.findall(name)]
    if not words or words[-1] in _HARMLESS_TAILS or words[0] in _COUNTING_HEADS:
        return False
    before = ""
    for word in words:
        if word == "token":
            if before not in _TOKEN_HEADS and (word is words[-1] or words[-1] != "id"):
                return True
        elif word in _SECRETS or before + word in _SECRETS or word.endswith(_SECRET_ENDINGS):
            return True
        before = word
    return words[-1] == "pass" and (len(words) == 1 or words[-2] in _PASS_HEADS)


# -- texts ---------------------------------------------------------------------------

# What every secret known here comes with. A text with none of it is clean, as nearly
# every text is, and one search is all it costs. It is searched in lower case and each
# choice begins with a letter, so that the engine skips from one beginning to the next.
_MARKS = (
    r"-----begin|a(?:[ks]ia|bia|cca|iza|3t)|d(?:api|op_v1_)|eyj|g(?:h[pousr]_|ithub_pat|l[a-z]{2,5}-|"
    r"ocspx-)|h(?:f_|ooks\.slack)|npm_|pypi-|rk_|s(?:k[\-_]|g\.)|whsec_|x(?:ox[a-z]-|app-)|ya29\."
)
_HINTS = (
    r"://|\?|&|#|auth|b(?:earer|asic)|co(?:okie|nn)|cred|dsn|identified|jwt|key|oauth|"
    r"p(?:ass|w)|s(?:ecret|ignature)|token"
)
_SUSPECT, _MARK, _HINT = (LazyPattern(each) for each in (f"{_MARKS}|{_HINTS}", _MARKS, _HINTS))


def redact_text(text: str) -> str:
    """Give a text with every secret that can be recognised replaced by ``[redacted]``.

    The number of lines stays as it is, so that it can be run over source code.
    """
    # Recorded texts repeat: the same few words in every call.
    return _redact_short(text) if len(text) <= _SHORT else _redact(text)


@lru_cache(maxsize=8192)
def _redact_short(text: str) -> str:
    # The shortest token is longer than this, and an assignment has its sign.
    if len(text) < 12 and "=" not in text and ":" not in text:
        return text
    return _redact(text)


def _redact(text: str) -> str:
    lower = text.lower()
    if not _SUSPECT.search(lower):
        return text
    if _MARK.search(lower):
        if "PRIVATE KEY" in text:
            text = _hide_pem(text)
        text = _AWS_PAIR.sub(rf"\g<1>{REDACTED}", _TOKEN.sub(REDACTED, text))
        if "sk-" in text or "hf_" in text or "eyJ" in text:
            text = _WORD_TOKEN.sub(REDACTED, text)
    if not _HINT.search(lower):
        return text
    if "://" in text:
        text = _URL_PASSWORD.sub(_without_password, text)
        text = _URL_KEY.sub(rf"\g<1>{REDACTED}", text)
    if "bearer" in lower or "basic" in lower:
        text = _BEARER.sub(_without_bearer, text)
    if "secret" in lower:
        text = _AWS_PAIR.sub(rf"\g<1>{REDACTED}", text)
    if "=" in text:
        text = _PARAMETER.sub(_without_parameter, text)
    return _hide_spans(text, _assigned(text))


# Template fields are no secrets: {password}, ${PASSWORD}, %(password)s, <password>, ***.
_PLACEHOLDER = LazyPattern(
    r"(?:\{[^{}\r\n]*\}|\$\{?\w+\}?|\$\(\w+\)|%s|%\(\w+\)s|<[^<>\r\n]*>|[*•.]+|\[redacted\])\Z"
)
_LINE = LazyPattern(r"[^\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]+")

_PEM_BEGIN = LazyPattern(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_PEM_BODY = LazyPattern(r"[A-Za-z0-9+/=]{24,}")

_URL_PASSWORD = LazyPattern(
    r"(://(?!\[)[^\s/?#@:\"'<>]*:)"
    # Up to the last @ before the path; or, where somebody left a slash in a password
    # as it was, up to the first @, unless the slash ends a port.
    r"(?:([^\s/?#\"'<>]*)@|(?!/|\d{1,5}(?:[/?#\s\"']|\Z))([^\s\"'<>@]{1,128})@)"
)
_URL_KEY = LazyPattern(r"(://)[0-9a-f]{32}(?=[:@])")
_PARAMETER = LazyPattern(r"([?&#])([\w.\-%]+)=([^\s&#\"'<>\\]*)")
_BEARER = LazyPattern(r"(?i)\b(bearer|basic)([ \t]+|%20)([A-Za-z0-9._~+/\-]{8,}=*)")

# Each choice begins with a letter, as above.
_TOKEN = LazyPattern(
    r"A(?:[KS]IA|BIA|CCA|3T[A-Z0-9])[A-Z0-9]{12,}|AIza[\w\-]{20,}"
    r"|gh[pousr]_[A-Za-z0-9]{16,}|github_pat_\w{16,}"
    r"|gl(?:pat|dt|ft|rt|ptt|cbt|imt|agent|soat|ffct)-[\w\-]{16,}"
    r"|xox[a-z]-[\w\-]{8,}|xapp-[\w\-]{16,}|hooks\.slack\.com/(?:services|workflows)/[\w/]{16,}"
    r"|sk_(?:live|test|prod)_\w{8,}|rk_(?:live|test|prod)_\w{8,}|whsec_[A-Za-z0-9+/]{16,}"
    r"|ya29\.[\w\-]{20,}|GOCSPX-[\w\-]{16,}|SG\.[\w\-]{16,64}\.[\w\-]{16,}"
    r"|npm_[A-Za-z0-9]{20,}|pypi-(?:Ag[\w\-]{16,}|(?=[\w\-]{0,60}[A-Z0-9])[\w\-]{32,})"
    r"|dapi[0-9a-f]{32}|dop_v1_[0-9a-f]{32,}"
)
# And those that count only at the beginning of a word.
_WORD_TOKEN = LazyPattern(
    # A hyphen alone does not make a key: sk-learn-something is a word.
    r"(?<![\w\-])sk-(?:(?:ant|proj|or|svcacct|lf)-[\w\-]{12,}|[A-Za-z0-9]{16,}"
    r"|(?=[\w\-]{0,60}[0-9])[\w\-]{20,})"
    r"|(?<![A-Za-z0-9])hf_[A-Za-z0-9]{16,}"
    r"|(?:(?<![\w\-])|(?<=%20)|(?<=%3D)|(?<=\\n))eyJ[\w\-]{6,}\.[\w\-]{4,}(?:\.[\w\-]*){0,3}"
)
# A secret access key has no mark of its own: it is known by the id before it.
_AWS_PAIR = LazyPattern(
    r"((?:\[redacted\]|(?i:secret)[\w \-]{0,24})[\s:=,;|\"']{1,8})"
    r"[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+])"
)


def _blank(text: str) -> str:
    return str(_LINE.sub(REDACTED, text))


def _hide_pem(text: str) -> str:
    parts, at = [], 0
    for begin in _PEM_BEGIN.finditer(text):
        if begin.start() < at:
            continue
        parts.append(text[at : begin.end()])
        at = begin.end()
        end = text.find("-----END", at, at + _MOST_PEM)
        if end >= 0:
            parts.append(_blank(text[at:end]))
        else:
            # Cut off, or only the marker: what is like a key's body is taken for one.
            end = min(len(text), at + _MOST_PEM)
            following = _PEM_BEGIN.search(text, at, end)
            end = following.start() if following else end
            parts.append(_PEM_BODY.sub(REDACTED, text[at:end]))
        at = end
    return "".join((*parts, text[at:]))


def _without_password(match: re.Match[str]) -> str:
    password = match[2] if match[2] is not None else match[3]
    if not password or _PLACEHOLDER.match(password):
        return match[0]
    return f"{match[1]}{REDACTED}@"


def _without_parameter(match: re.Match[str]) -> str:
    from urllib.parse import unquote

    name, value = unquote(match[2]), match[3]
    if not value or _PLACEHOLDER.match(value) or not is_secret_parameter(name):
        return match[0]
    return f"{match[1]}{match[2]}={REDACTED}"


def _without_bearer(match: re.Match[str]) -> str:
    scheme, token = match[1], match[3]
    if scheme.lower() == "basic":
        is_secret = _is_basic(token)  # "basic understanding" is no login
    else:
        is_secret = len(token) >= 20 or any(char.isdigit() for char in token)
    return f"{scheme}{match[2]}{REDACTED}" if is_secret else match[0]


def _is_basic(token: str) -> bool:
    try:
        return b":" in binascii.a2b_base64(token + "=" * (-len(token) % 4))
    except binascii.Error:
        return False


# -- assignments: in prose, settings, JSON and source code -----------------------------

_KEY = LazyPattern(
    # A word (`self.password`, `x-api-key`), or two where the first makes a key secret.
    r"(?<![\w.\-])((?:(?i:access|account|api|client|connection|private|secret|session|signing)[ ])?"
    r"[\w.\-]+)(?![\w.\-])"
    r"\\{0,3}[\"'`]?\]?[ \t]{0,8}"
    # `password: str = ...` is a value after an annotation.
    r"(:[ \t]{0,4}(?:[\w.]{1,20}\[)?(?:str|bytes|object|Any|SecretStr|SecretBytes)\b"
    r"[\w\]| ,.]{0,40}=(?!=)|={1,3}>?|:=|!=|::?)[ \t]{0,8}"
)
# `--password hunter2`, and the same as two elements of a list.
_FLAG = LazyPattern(r"(?<![\w\-])--?([A-Za-z][\w\-]*)([ \t]+|[\"'],[ \t]*(?=[\"']))(?!-)")
# `os.environ.get("PASSWORD", "hunter2")`, `setattr(self, "password", "hunter2")`.
_PAIR = LazyPattern(
    r"\w\([ \t]*(?:\w+,[ \t]*)?[rbfuRBFU]{0,2}[\"']([\w.\-]+)[\"'](,[ \t]*)(?=[\"'])"
)
# `ALTER USER bob PASSWORD 'hunter2'`. A blank or a bracket within means that the
# quotes belong to two texts beside each other.
_SQL = LazyPattern(r"(?i)\b(?:password|passwd|secret|identified[ ]by)[ \t]+'([^'\s();=+,]{1,128})'")

_BODY = r"[^{0}\\\r\n]*(?:\\(?:\r\n|[\s\S])[^{0}\\\r\n]*)*"
_DOUBLE, _SINGLE, _BACK = (_BODY.format(quote) for quote in "\"'`")
_QUOTED = LazyPattern(
    # `"password=" + "hunter2"`: the first quote only ends the name.
    r"(?:[\"'][ \t]{0,3}\+[ \t]{0,3})?[rbfuRBFU]{0,2}(?:"
    r"\"\"\"(?P<a>[\s\S]*?)(?:\"\"\"|\Z)|\'\'\'(?P<b>[\s\S]*?)(?:\'\'\'|\Z)|"
    rf"\"(?P<c>{_DOUBLE})|'(?P<d>{_SINGLE})|`(?P<e>{_BACK}))"
    # JSON within a text: {\"password\": \"hunter2\"}
    r"|\\{1,3}[\"'](?P<f>[^\\\r\n]*)"
)
# A comma, semicolon or ampersand ends a value where another name follows it, or nothing.
_BARE = LazyPattern(
    r"[^\s,;&\"'`(\[{]"
    r"(?:[^\s,;&\"'`]|[,;&](?=[^\s\"'`])(?![\w.\-]{1,64}[ \t]{0,4}[=:])|[\"'](?=\w))*"
)
_CALL = LazyPattern(r"(?:await[ \t]+)?([A-Za-z_][\w.]*)?[(\[{]")
_REGION = LazyPattern(r"[^()\[\]{}]{0,2000}")
_LITERAL = LazyPattern(rf"\"({_DOUBLE})\"?|'({_SINGLE})'?")
_OTHERWISE = LazyPattern(
    r"[ \t]{0,8}(?:or|\|\||\?\?|else|if\b[^\r\n\"'#]{1,80}?\belse)[ \t]{0,8}(?=[rbfu]?[\"'])"
)
# Whose argument is a name or a prompt: os.environ["TOKEN"], getpass("Password: ").
_GETTER = LazyPattern(r"(?:^|[._])(?:get|pop|env|read|load|fetch|input)\w*\Z")
_KNOWN_CALL = LazyPattern(r"\w+[._]|get|open\Z|next\Z|str\Z|bytes\Z|input\Z|[A-Z][a-z]+[A-Za-z]*\Z")

_HEADERS = frozenset(("authorization", "proxy-authorization", "cookie", "set-cookie"))
_HEADER = LazyPattern(r"[^\r\n\"']*")
_TEMPLATE = LazyPattern(
    r"(?:[A-Za-z]{1,20}[ \t]+)?(?:\[redacted\]|\{[^{}\r\n]{0,200}\}|\$\{?\w{1,100}\}?)"
    r"[ \t]*(?=[\"'\r\n]|\Z)"
)

# Words of a language, or the beginning of a sentence: "token: the token to use".
_NO_SECRETS = frozenset(
    "none null nil true false undefined str string bytes int float bool dict list tuple set any"
    " optional union object type secretstr secretbytes callable mapping sequence iterable path"
    " await lambda not new yield if else or and is in for of to by with from"
    " a an the this your whether when which that used required must may can should".split()
)
# What a variable that holds a secret is called: `password=password` gives nothing away.
_VARIABLES = frozenset(
    "password passwd pwd passphrase secret token api_key apikey access_key secret_key access_token"
    " auth_token auth credentials creds cookie cookies headers".split()
)
_SETTINGS = frozenset(
    "self cls os args kwargs config cfg conf settings options opts env environ params request"
    " secrets st context ctx state".split()
)
_DOTTED = LazyPattern(r"([A-Za-z_]\w*)(?:\.[A-Za-z_]\w*)*\.([A-Za-z_]\w*)\Z")

_FIRST_WORD = LazyPattern(r"([A-Za-z]{1,16})(?:[\[,.):;]|\Z)")
_CLOSERS = LazyPattern(r"[\s)\]},;:]*")

Span = tuple[int, int]


def _hide_spans(text: str, spans: list[Span]) -> str:
    parts, at, was_hidden = [], 0, False
    for start, end in sorted(spans):
        if end <= at:
            continue
        # Two readings of one place may overlap; both may be right, so both are hidden.
        was_hidden = was_hidden and start <= at
        if start > at:
            parts.append(text[at:start])
        hidden = _blank(text[max(start, at) : end])
        parts.append(hidden.removeprefix(REDACTED) if was_hidden else hidden)
        at, was_hidden = end, True
    return "".join((*parts, text[at:])) if parts else text


def _assigned(text: str) -> list[Span]:
    """List the places in a text where a secret is given to a name."""
    spans = [match.span(1) for match in _SQL.finditer(text)] if "'" in text else []
    for sign, pattern in (("", _KEY), ("-", _FLAG), ("(", _PAIR)):
        if sign not in text:
            continue
        # Names inside a quoted value are looked at again, since a quote may have been
        # taken for the wrong end of a text. Inside a bare word they are not: each would
        # cost the length of that word.
        done = 0
        for match in pattern.finditer(text):
            at = match.end()
            if at >= done and is_secret_name(match[1]):
                found, done = _values_at(text, at, match[1], match[2])
                spans += [(start, end) for start, end in found if _is_hideable(text[start:end])]
    return spans


def _is_hideable(value: str) -> bool:
    return bool(value) and not value.isspace() and not _is_template(value)


def _is_template(value: str) -> bool:
    # Template fields are no secrets: {password}, Bearer ${TOKEN}, %(password)s, ***.
    if _PLACEHOLDER.match(value):
        return True
    match = _TEMPLATE.match(value)
    return match is not None and match.end() == len(value)


def _values_at(text: str, at: int, name: str, sign: str) -> tuple[list[Span], int]:
    """Find what is given to a name, and where the bare words read for it end."""
    if text.startswith(REDACTED, at):
        return [], 0
    quoted = _QUOTED.match(text, at)
    if quoted:
        start, end = quoted.span(quoted.lastgroup or 0)
        # The quote of `getpass("Password: ")` ends a text, it does not begin one.
        is_end = text[end : end + 1] in ("", "\r", "\n") and _CLOSERS.fullmatch(text, start, end)
        return ([] if is_end else [(start, end)]), 0
    is_header = sign.startswith(":") and name.lower() in _HEADERS
    bare = _BARE.match(text, at)
    if bare and _is_word(bare[0]):
        return _otherwise(text, bare.end()), 0
    if is_header:
        if _TEMPLATE.match(text, at):
            return [], 0
        end = _end_of(_HEADER, text, at)
        return [(at, end)], end
    call = _CALL.match(text, at)
    if call and _is_code(call, text):
        return _literals_in(call, text), 0
    if bare is None:
        return [], 0
    value = bare[0].rstrip(")]}>.:,")
    if _is_variable(value, name):
        return _otherwise(text, at + len(value)), 0
    return [(at, at + len(value)), *_otherwise(text, bare.end())], bare.end()


def _end_of(pattern: LazyPattern, text: str, at: int) -> int:
    match = pattern.match(text, at)
    return at if match is None else match.end()


def _is_word(value: str) -> bool:
    """Tell whether a bare word is one of a language: `Optional[str]`, "token: the token"."""
    word = _FIRST_WORD.match(value)
    return word is not None and word[1].lower() in _NO_SECRETS


def _is_code(call: re.Match[str], text: str) -> bool:
    """Tell `token = get_token()` from a password that has a bracket in it."""
    callee = call[1]
    if callee is None:
        return True
    end = _end_of(_REGION, text, call.end())
    if end >= len(text):
        return False
    return text[call.start() - 1] in " \t" or _KNOWN_CALL.match(callee) is not None


def _literals_in(call: re.Match[str], text: str) -> list[Span]:
    """List the texts between brackets: `("bob", "hunter2")`, `SecretStr("hunter2")`."""
    callee, at = call[1] or "", call.end()
    end = _end_of(_REGION, text, at)
    spans: list[Span] = []
    for literal in _LITERAL.finditer(text, at, end):
        is_key = text[literal.end() : literal.end() + 1] == ":"
        is_name = bool(callee) and (text[at - 1] == "[" or _GETTER.search(callee) is not None)
        if not is_key and not (is_name and not spans):
            spans.append(literal.span(literal.lastindex or 0))
        elif is_name:
            callee = ""
    if not spans and not call[1] and re.fullmatch(r"[^\s,\"']+", text[at:end]):
        return [] if text[at - 1] == "{" else [(at, end)]
    return [*spans, *_otherwise(text, end + 1)]


def _is_variable(value: str, name: str) -> bool:
    """Tell whether a bare word in source code only names where the secret is."""
    last = re.split(r"[.\-]", name)[-1]
    if value == last or value in _VARIABLES:
        return True
    dotted = _DOTTED.match(value)
    return dotted is not None and (dotted[1] in _SETTINGS or dotted[2] in (last, *_VARIABLES))


def _otherwise(text: str, at: int) -> list[Span]:
    """Find the second choice of `password or "hunter2"`."""
    sign = _OTHERWISE.match(text, at)
    quoted = sign and _QUOTED.match(text, sign.end())
    return [quoted.span(quoted.lastgroup or 0)] if quoted else []


# -- values -----------------------------------------------------------------------------

_SCALARS = (bool, int, float, date, time, timedelta, type(None))
_SCALAR_NAMES = frozenset(("Decimal", "UUID"))  # not imported for their own sake


def redact_value(value: Any, name: str | None = None) -> Any:
    """Give a copy of a JSON-like value without secrets, whatever it is nested in.

    Dict values are judged by their key, texts by what they look like. What a
    secret name holds is hidden whole, except None, True and False. The copy has at
    most 10,000 elements and 32 levels; what is left out is counted. Anything that
    is no JSON value is named by its type, since its text could hold a secret.
    """
    return _Redaction().of(value, name, 0)


class _Redaction:
    """One walk through a value: how many more elements may be kept."""

    def __init__(self) -> None:
        self._room = _MOST_ITEMS

    def of(self, value: Any, name: str | None, depth: int) -> Any:
        self._room -= 1
        if value is None or value is True or value is False:
            return value
        if name is not None and is_secret_name(name):
            return value if isinstance(value, str) and not value else REDACTED
        if isinstance(value, str):
            return _bounded_text(value)
        if isinstance(value, _SCALARS) or type(value).__name__ in _SCALAR_NAMES:
            return value
        if depth >= _MOST_DEPTH and isinstance(value, (Mapping, list, tuple, set, frozenset)):
            return "…"
        if isinstance(value, Mapping):
            return self._mapping(value, depth)
        if isinstance(value, (list, tuple)):
            return self._sequence(value, depth)
        if isinstance(value, (set, frozenset)):
            return self._sequence(_in_order(value), depth)
        return f"<{type(value).__qualname__}>"

    def _mapping(self, value: Mapping[Any, Any], depth: int) -> dict[Any, Any]:
        kept: dict[Any, Any] = {}
        for key, inner in value.items():
            if self._room <= 0:
                kept["…"] = f"{len(value) - len(kept):,} more"
                break
            if isinstance(key, str):
                kept[_bounded_text(key)] = self.of(inner, key, depth + 1)
            else:
                shown = key if isinstance(key, _SCALARS) else f"<{type(key).__qualname__}>"
                kept[shown] = self.of(inner, None, depth + 1)
        return kept

    def _sequence(self, value: list[Any] | tuple[Any, ...], depth: int) -> list[Any]:
        kept: list[Any] = []
        name = None
        for inner in value:
            if self._room <= 0:
                kept.append(f"… {len(value) - len(kept):,} more")
                break
            kept.append(self.of(inner, name, depth + 1))
            name = _name_of_next(value, inner)
        return kept


def _in_order(values: Set[Any]) -> list[Any]:
    # The order of a set of strings changes from process to process.
    some = list(islice(values, _MOST_ITEMS))
    try:
        return sorted(some)
    except TypeError:
        return some


def _name_of_next(sequence: list[Any] | tuple[Any, ...], element: Any) -> str | None:
    """Tell what names the next element: `["--password", "hunter2"]`, `("password", "hunter2")`."""
    if not isinstance(element, str):
        return None
    is_pair = isinstance(sequence, tuple) and len(sequence) == 2
    return element if is_pair or (element[:1] == "-" and "=" not in element) else None


def _bounded_text(text: str) -> str:
    if len(text) <= _MOST_TEXT:
        return redact_text(text)
    # The end of the part that is looked at may be half a secret, so it is not kept.
    kept = redact_text(text[: _MOST_TEXT + 4096])[:_MOST_TEXT]
    return f"{kept}… {len(text) - len(kept):,} characters left out"


def cap_text(text: str, limit: int) -> str:
    """Give at most ``limit`` characters of a text: its two ends, and how much lay between.

    Hide secrets first: half a secret is not recognised any more.
    """
    if len(text) <= limit:
        return text
    note = f" … {len(text):,} characters left out … "
    room = limit - len(note)
    if room < 2:
        return text[: max(limit - 1, 0)] + "…"[: max(limit, 0)]
    head = (room + 1) // 2
    note = f" … {len(text) - room:,} characters left out … "
    return text[:head] + note + text[len(text) - room + head :]
