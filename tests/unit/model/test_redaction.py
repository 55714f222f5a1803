"""Secrets never reach the store, and what is no secret stays readable."""

from __future__ import annotations

import datetime as dt
import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from backtrail.model import redaction
from backtrail.model.redaction import (
    REDACTED,
    cap_text,
    is_secret_name,
    is_secret_parameter,
    redact_text,
    redact_value,
)

# Split, so that no scanner takes the test's own text for a leak.
AWS_ID = "AKIA" + "IOSFODNN7EXAMPLE"
AWS_SECRET = "wJalrXUtnFEMI/K7MDENG/bPx" + "RfiCYEXAMPLEKEY"
JWT = "eyJ" + "hbGciOiJIUzI1NiJ9.eyJ" + "zdWIiOiIxMjM0In0.SflKxwRJSMeKKF2QT4"
PEM = (
    "-----BEGIN RSA PRIVATE "
    "KEY-----\nMIIEowIBAAKCAQEA75\n8Gk3hunter2/x+=\n-----END RSA PRIVATE KEY-----"
)

SECRET_NAMES = """
password passwd pwd db_password dbPassword DB_PASSWORD PGPASSWORD userPassword PassWord password1
passphrase secret client_secret clientSecret AWS_SECRET_ACCESS_KEY AWSSecretAccessKey secret_key
token auth_token GITHUB_TOKEN HF_TOKEN access_token accessToken refresh-token x-auth-token csrfToken
use_auth_token api_key apikey apiKey APIKey API_KEY x-api-key X-API-Key openai_api_key OPENAIAPIKEY
access_key private_key privateKey ssh_key session_key sessionKey signing_key encryption_key
credential credentials gcp_credentials creds auth basic_auth authorization Authorization bearer
bearer_token cookie Cookie set-cookie session_cookie cookies dsn sentry_dsn connection_string
connectionString conn_str connStr AccountKey SharedAccessKey account_key jwt db_pass SMTP_PASS pass
fs.s3a.secret.key self.password oauth_token api_tokens
""".split()

HARMLESS_NAMES = """
tokenizer max_tokens n_tokens num_tokens tokens token_count maxTokens author authors author_id key
primary_key sort_key foreign_key public_key keys monkey keyboard passenger passengers
passenger_count compass bypass n_pass forward_pass pass_through pad_token eos_token token_ids
token_id token_type token_length password_length password_policy credentials_path secret_name
token_file auth_type auth_method auth_url secretary tokenize num_token total_token_count
max_password_age value path learning_rate session_id a _ __ é
""".split()


@pytest.mark.parametrize("name", SECRET_NAMES)
def test_a_name_with_a_secret_word_is_secret(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize("name", [*HARMLESS_NAMES, "", "1", " "])
def test_a_name_that_only_resembles_one_is_not(name: str) -> None:
    assert not is_secret_name(name)


def test_a_parameter_of_a_url_may_be_secret_where_a_name_is_not() -> None:
    assert is_secret_parameter("sig")
    assert is_secret_parameter("key")
    assert is_secret_parameter("X-Amz-Credential")
    assert is_secret_parameter("access_token")
    assert not is_secret_parameter("versionId")
    assert not is_secret_parameter("partition")


LEAKS: list[tuple[str, str]] = [
    # tokens by their look
    (f"using {AWS_ID} now", AWS_ID),
    (f"ASIA{AWS_ID[4:]}", AWS_ID[4:]),
    (f"{AWS_ID},{AWS_SECRET}", AWS_SECRET),
    (f"{AWS_ID}  {'abCD' * 10}", "abCD"),
    (f"aws_secret_access_key = {AWS_SECRET}", AWS_SECRET),
    (f"SecretAccessKey: {AWS_SECRET}", AWS_SECRET),
    (f"the secret key is: {AWS_SECRET}", AWS_SECRET),
    ("ghp_" + "a1B2" * 9, "a1B2"),
    ("gho_" + "a1B2" * 9, "a1B2"),
    ("github_pat_" + "11AAA_" + "b" * 40, "11AAA"),
    ("glpat-" + "x1-Y_z" * 4, "x1-Y_z"),
    ("xoxb-" + "123456789012-abcdef", "123456789012"),
    ("sk_live_" + "4eC39HqLyjWD", "4eC39"),
    ("rk_live_" + "4eC39HqLyjWD", "4eC39"),
    ("sk-" + "A1b2C3d4" * 6, "A1b2C3d4"),
    ("sk-" + "abcdefghijklmnopqrstuv", "abcdefgh"),
    ("sk-ant-api03-" + "Ab_-" * 10, "Ab_-"),
    ("sk-proj-" + "Ab_-" * 10, "Ab_-"),
    ("AIza" + "SyA-1234567890abcdefghijklmnopqrstu", "SyA-123"),
    ("npm_" + "abcdEFGH" * 5, "abcdEFGH"),
    ("pypi-" + "AgEIcHlwaS5vcmcCJ" + "x" * 40, "AgEIcHl"),
    ("hf_" + "AbCdEfGh" * 5, "AbCdEfGh"),
    (JWT, "SflKx"),
    (f"jwt%20{JWT}", "SflKx"),
    # URLs
    ("postgresql://bob:hunter2@db:5432/x", "hunter2"),
    ("postgresql+psycopg://bob:hu:nt@er2@db/x", "er2"),
    ("redis://:hunter2@cache/0", "hunter2"),
    ("postgres://bob:hun/ter2@db/x", "ter2"),
    ("https://" + "0123456789abcdef" * 2 + "@o1.ingest.sentry.io/2", "0123456789abcdef"),
    ("GET https://h/x?a=1&token=hunter2&b=2", "hunter2"),
    ("https://h/x?X-Amz-Credential=hunter2%2Fx&X-Amz-Signature=hunter2", "hunter2"),
    ("https://a.blob.core.windows.net/c?sv=1&sig=hunter2%3D", "hunter2"),
    ("https://h/x?key=hunter2#frag", "hunter2"),
    ("https://h/cb#access_token=hunter2&x=1", "hunter2"),
    # headers
    ("Authorization: Bearer hunter2hunter2", "hunter2"),
    ("Authorization: Basic Ym9iOmh1bnRlcjI=", "Ym9iO"),
    ("curl -H 'Authorization: Token hunter2' x", "hunter2"),
    ("authorization: AWS4-HMAC-SHA256 Credential=abc, Signature=hunter2", "hunter2"),
    ("Cookie: a=1; session=hunter2", "hunter2"),
    ("sent Bearer abcdefgh1234 along", "abcdefgh1234"),
    ("x-api-key: hunter2", "hunter2"),
    # assignments in texts and settings
    ("password=hunter2", "hunter2"),
    ("password = hunter2", "hunter2"),
    ("password: hunter2", "hunter2"),
    ("PASSWORD:hunter2", "hunter2"),
    ("pwd=hunter2", "hunter2"),
    ("user=bob pwd='hun ter2' host=h", "ter2"),
    ("Server=h;Uid=bob;Pwd=hunter2;Database=d", "hunter2"),
    ("Server=h;Password=hun,ter2&x;Database=d", "ter2"),
    ("AccountName=a;AccountKey=hunter2==;EndpointSuffix=x", "hunter2"),
    ("host=h password=hunter2 dbname=d", "hunter2"),
    ("export DB_PASSWORD=hunter2", "hunter2"),
    ("API key: hunter2", "hunter2"),
    ("password=12345", "12345"),
    ("password=hun(ter2", "ter2"),
    ("password=hun'ter2", "ter2"),
    ("password=(hunter2)", "hunter2"),
    ("--password hunter2 --host h", "hunter2"),
    ("--password=hunter2", "hunter2"),
    ("--api-key 'hunter2'", "hunter2"),
    ("ALTER USER bob WITH PASSWORD 'hunter2'", "hunter2"),
    ('{"user": "bob", "password": "hunter2"}', "hunter2"),
    ('{"password": "hun\\"ter2"}', "ter2"),
    ('{"password":12345}', "12345"),
    ("{'api_key': 'hunter2'}", "hunter2"),
    (r'"{\"password\": \"hunter2\", \"a\": 1}"', "hunter2"),
    ("<FIELD password='hunter2'>", "hunter2"),
    ('password="hunter2', "hunter2"),
    # assignments in source code
    ('PASSWORD = "hunter2"', "hunter2"),
    ('connect(user="bob", password="hunter2", port=1)', "hunter2"),
    ('def f(password: str = "hunter2") -> None:', "hunter2"),
    ('def f(token: Optional[str] = "hunter2") -> None:', "hunter2"),
    ('os.environ["DB_PASSWORD"] = "hunter2"', "hunter2"),
    ('os.environ.get("DB_PASSWORD", "hunter2")', "hunter2"),
    ('password = os.environ.get("DB_PASSWORD", "hunter2")', "hunter2"),
    ('password = os.environ.get("DB_PASSWORD") or "hunter2"', "hunter2"),
    ('token = args.token if args.token else "hunter2"', "hunter2"),
    ('password = SecretStr("hunter2")', "hunter2"),
    ('password = (\n    "hunter2"\n)', "hunter2"),
    ('auth=("bob", "hunter2")', "hunter2"),
    ('if token == "hunter2":', "hunter2"),
    ('secret = """\nhunter2\nmore\n"""', "hunter2"),
    ("secret = b'hunter2'", "hunter2"),
    ('setattr(self, "password", "hunter2")', "hunter2"),
    ('run(["mysql", "--password", "hunter2"])', "hunter2"),
    ('dsn = "host=h password=hunter2"', "hunter2"),
    ('dsn = "host=h password=" + "hunter2"', "hunter2"),
    ('x = input("password: "); token = "hunter2"', "hunter2"),
    ('print("password=", end="")\ntoken="hunter2"', "hunter2"),
    ("password: hunter2 user=bob", "hunter2"),
    # keys
    (PEM, "hunter2"),
    (PEM.replace("\n", "\\n"), "hunter2"),
    (PEM.partition("-----END")[0] + "A" * 64, "AAAA"),
]


@pytest.mark.parametrize(("text", "secret"), LEAKS)
def test_a_secret_in_a_text_is_hidden(text: str, secret: str) -> None:
    for shown in (redact_text(text), redact_text(f"{'x ' * 100}\n{text}\nlast line")):
        assert secret not in shown
        assert REDACTED in shown
    assert redact_text(text).count("\n") == text.count("\n")


@pytest.mark.parametrize(("text", "secret"), LEAKS)
def test_hiding_twice_is_hiding_once(text: str, secret: str) -> None:
    once = redact_text(text)

    assert redact_text(once) == once


@pytest.mark.parametrize(
    "text",
    [
        "",
        "learning_rate=0.1",
        "the monkey saw the keyboard",
        "KeyError: 'distance'",
        "ValueError: token count 512 exceeds max_tokens=256",
        "sort_key=date primary_key: id",
        "author: Jane Doe",
        "password: the password of the user",
        "token: str, password: Optional[str] = None",
        "connect(password=password, token=self.token)",
        "password = config.password",
        "password = os.environ['DB_PASSWORD']",
        "token = tokenizer.decode(ids)",
        "password = getpass('Password: ')",
        'url = f"postgres://{user}:{password}@{host}/db"',
        'headers = {"Authorization": f"Bearer {token}"}',
        "password=${DB_PASSWORD}",
        "password=%(password)s",
        "password=***",
        "basic understanding of bearer authentication",
        "http://host:8080/path@2x.png",
        "s3://bucket/key/part@1",
        "abfss://container@account.dfs.core.windows.net/x",
        "hdfs://nn:8020/a@b",
        "https://h/x?versionId=3&partition=7",
        "sk-learn-pipeline-with-a-long-name",
        "task-abcdefghijklmnopqrstuvwxyz012345",
        "/data/passenger_counts/tokens.parquet",
        "import os\n\n\ndef auth(user):\n    return user\n",
        "def f(x):\n    return x['token_ids'], x.key\n",
        "b3f1c2d4e5f60718293a4b5c6d7e8f9012345678",
        "lambda token: token",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact_text(text) == text
    padded = f"{'x ' * 100}\n{text}"
    assert redact_text(padded) == padded


def test_only_the_secret_goes() -> None:
    assert redact_text('connect(user="bob", password="hunter2", port=1)') == (
        'connect(user="bob", password="[redacted]", port=1)'
    )
    assert redact_text("postgresql://bob:hunter2@db:5432/x?sslmode=off") == (
        "postgresql://bob:[redacted]@db:5432/x?sslmode=off"
    )
    assert redact_text("https://h/x?a=1&token=t0p&b=2") == "https://h/x?a=1&token=[redacted]&b=2"
    assert redact_text("Server=h;Pwd=hunter2;Database=d") == "Server=h;Pwd=[redacted];Database=d"
    assert redact_text("Authorization: Bearer hunter2hunter2") == "Authorization: Bearer [redacted]"
    assert redact_text("f(password=hunter2, x=1)") == "f(password=[redacted], x=1)"


def test_the_product_s_own_source_is_left_alone() -> None:
    # Code that handles secrets by name, without holding any, should stay readable.
    source = Path(redaction.__file__).with_name("records.py").read_text()

    assert redact_text(source) == source


# -- hostile texts ---------------------------------------------------------------------

MEGABYTE = 1_000_000
HOSTILE = [
    "a", "A", "=", ":", "://", "://a:", "://:", "://a:b", "://a:b@", "@", "?", "?a", "?token=",
    "&key=", "eyJ", "eyJa.", "eyJaaaaaaaa.aaaa.", "ghp_", "sk-", "sk-a", "SG.",
    "SG.aaaaaaaaaaaaaaaaaaaa.", "AKIA", "pypi-", "password", "password=", "password: ",
    'password="', "password='", "password=\"'", "password=(", 'password=("', "password=[a",
    "password=`", 'password="""', "password='''", 'password=\\"', "password=\\", 'password="\\',
    "password=a,", "password=a;b&", "password=$", "password={", "password=<", "password=* ",
    "password: str", "password: str ", "password: a ", "cookie: ", "cookie: a ", "cookie: b=",
    "Cookie:'", "authorization: {", "--password ", "--password", "-", "a-", "a.", ".", "api ",
    "access key ", "bearer ", "Basic ", "secret ", "secret a", "password '",
    "-----BEGIN PRIVATE KEY-----", "-----BEGIN ", "-----END", 'f("password", "', "f(a, ", "f(",
    "password=f(", "password = f(a ", "password=a or ", "token if x ", "password=a if b ", "\\",
    '"', "'", "\n", "password=\n", " ", "\t", "password= ", "password \t", "{}", "[redacted]",
    "[redacted] ", "password=[redacted]", "x:x=", "password=password.", "é=", "password=é",
]  # fmt: skip


def seconds_for(text: str) -> float:
    start = time.process_time()
    redact_text(text)
    return time.process_time() - start


@pytest.mark.parametrize("unit", HOSTILE)
def test_a_hostile_text_costs_time_in_proportion_to_its_length(unit: str) -> None:
    text = unit * (MEGABYTE // 5 // len(unit)) + "password=x"

    small = max(seconds_for(text[-len(text) // 16 :]), 0.002)

    # Sixteen times the text: linear work stays near 16, quadratic work comes near 256.
    assert seconds_for(text) < 80 * small + 0.2


def test_a_megabyte_is_searched_in_seconds() -> None:
    for unit in ('password="', "://a:b@", "aa "):
        assert seconds_for(unit * (MEGABYTE // len(unit))) < 15


PIECES = st.sampled_from([
    "password", "token", "key", "=", ":", " ", '"', "'", "\n", "\\", "://", "@", "{", "}", "(",
    ")", ",", "[", "]", "?", "&", "x", "hunter2", "\u2028", "Bearer", "-", "--", REDACTED, "\xe9",
    '"""', ";", "%",
])  # fmt: skip


@given(st.lists(PIECES, max_size=30).map("".join) | st.text(max_size=200))
@example("password='\\\r\nx'")
def test_any_text_keeps_its_lines(text: str) -> None:
    assert len(redact_text(text).splitlines()) == len(text.splitlines())
    assert redact_text(text).count("\n") == text.count("\n")


@given(st.from_regex(r"[A-Za-z][A-Za-z0-9_/+@#!-]{5,30}[0-9]", fullmatch=True), st.sampled_from(
    ['password = "{}"', "password='{}'", "db_password={}", "token: {}\n", '{{"secret": "{}"}}',
     "amqp://bob:{}@host", "DB_PASSWORD={}\nX=1", 'f(x, api_key="{}")', "https://h/?token={}&a=b"]
))  # fmt: skip
def test_a_random_secret_that_is_given_to_a_name_is_gone(secret: str, form: str) -> None:
    assert secret not in redact_text(form.format(secret))


# -- values ----------------------------------------------------------------------------


def test_values_are_hidden_by_their_names_and_their_look() -> None:
    value = {
        "user": "bob",
        "password": "hunter2",
        "nested": [{"apiKey": 5, "rows": 7}, f"id {AWS_ID}"],
        "credentials": {"user": "x", "id": 5},
        "auth": ("bob", "hunter2"),
        "use_token": True,
        "token": None,
        "secret": "",
        "headers": [("Authorization", "hunter2"), ("Accept", "x")],
        "argv": ["--password", "hunter2", "--host", "h"],
        "set": {"b", AWS_ID, "c"},
        AWS_ID: 1,
    }

    assert redact_value(value) == {
        "user": "bob",
        "password": REDACTED,
        "nested": [{"apiKey": REDACTED, "rows": 7}, f"id {REDACTED}"],
        "credentials": REDACTED,
        "auth": REDACTED,
        "use_token": True,
        "token": None,
        "secret": "",
        "headers": [["Authorization", REDACTED], ["Accept", "x"]],
        "argv": ["--password", REDACTED, "--host", "h"],
        "set": [REDACTED, "b", "c"],
        REDACTED: 1,
    }


def test_the_name_of_a_value_counts() -> None:
    assert redact_value("hunter2", "db_password") == REDACTED
    assert redact_value(12345, "password") == REDACTED
    assert redact_value({"a": 1}, "credentials") == REDACTED
    assert redact_value("hunter2", "user") == "hunter2"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text("abc x"),
    lambda inner: st.lists(inner) | st.dictionaries(st.text("abcx", max_size=6), inner),
)


@given(JSON)
def test_a_clean_value_is_copied_as_it_is(value: Any) -> None:
    assert redact_value(value) == value


def test_the_original_is_not_touched() -> None:
    value = {"password": "hunter2", "list": ["--token", "x"]}

    redact_value(value)

    assert value == {"password": "hunter2", "list": ["--token", "x"]}


def test_what_is_no_json_value_is_named_by_its_type() -> None:
    class Holder:
        def __repr__(self) -> str:
            return "hunter2"

    moment = dt.datetime(2026, 1, 2, tzinfo=dt.timezone.utc)

    assert redact_value([Holder(), b"hunter2", moment]) == [
        f"<{Holder.__qualname__}>",
        "<bytes>",
        moment,
    ]


def test_size_and_depth_are_bounded() -> None:
    deep: list[Any] = []
    for _ in range(10_000):
        deep = [deep]
    circle: dict[str, Any] = {}
    circle["me"] = circle

    assert len(json.dumps(redact_value(deep))) < 200
    assert len(json.dumps(redact_value(circle))) < 600
    assert redact_value(list(range(1_000_000)))[-1].endswith(" more")
    assert len(redact_value({str(n): n for n in range(100_000)})) <= 10_001
    assert len(redact_value("x" * 10_000_000)) < 100_100


def test_a_secret_at_the_end_of_what_is_kept_is_hidden() -> None:
    text = " " * 99_990 + AWS_ID + " " * 100_000

    assert "AKIA" not in redact_value(text)


@given(st.text(max_size=300), st.integers(0, 200))
def test_a_capped_text_fits(text: str, limit: int) -> None:
    capped = cap_text(text, limit)

    assert len(capped) <= limit or capped == text
    assert (capped == text) == (len(text) <= limit) or limit == 0


def test_a_capped_text_keeps_both_ends_and_counts_the_rest() -> None:
    capped = cap_text("a" * 500 + "b" * 500, 100)

    assert capped.startswith("a" * 30)
    assert capped.endswith("b" * 30)
    shown = capped.count("a") + capped.count("b")
    assert len(capped) <= 100
    assert f"{1000 - (shown - 'characters left out'.count('a')):,} characters left out" in capped
