"""The identity of an artifact's name, and what kind of artifact a name suggests.

A name is compared as text everywhere else, so two spellings of one artifact
meet here or never. Secrets that ride in a URI are no part of its identity and
are left out: the same object read with tomorrow's signature has the same name.
"""

from __future__ import annotations

import os
import re
from functools import lru_cache

from .patterns import LazyPattern
from .redaction import is_secret_parameter, redact_text

_SCHEMES = {"s3a": "s3", "s3n": "s3"}
# Compounds too: jdbc:postgresql://, simplecache::s3://
_URI = LazyPattern(r"([A-Za-z][A-Za-z0-9+.\-]*(?::{1,2}[A-Za-z][A-Za-z0-9+.\-]*)*)://")
# Everything up to the last @ before the path. A password may hold a slash that
# nobody escaped; that form is told from host:port/path@2x by what follows the colon.
_USERINFO = LazyPattern(
    r"(?!\[)(?P<user>[^/?#@:]*)(?:@|:(?:[^/?#]*@|(?!/|\d{0,5}(?:[/?#]|\Z))[^@\s]{1,128}@))"
)
# One object has one name, whatever the terms on which a signature lets it be read.
_SIGNING = LazyPattern(r"(?i)x-(?:amz|goog|oss)-|awsaccesskeyid$|googleaccessid$|expires$")
_SAS = frozenset("sv ss st se sr sp sip spr srt sks ske skt skv skoid sktid sdd rscd rsct".split())

_MODEL_ENDINGS = frozenset(
    ".bst .caffemodel .cbm .ckpt .dill .engine .gguf .ggml .h5 .joblib .keras .lgb .mar"
    " .mlmodel .mlpackage .model .onnx .ort .pb .pickle .pkl .pmml .pt .pt2 .pth .safetensors"
    " .skops .tflite .torchscript .trt .ubj .xgb".split()
)
_DATA_ENDINGS = frozenset(
    ".arrow .arff .avro .bin .csv .dat .db .duckdb .feather .geojson .hdf5 .ipc .jpeg .jpg .json"
    " .jsonl .libsvm .log .mp3 .mp4 .nc .ndjson .npy .npz .orc .parquet .pdf .png .pq .rds .sqlite"
    " .tar .tfrecord .tif .tiff .toml .tsv .txt .wav .xls .xlsx .xml .yaml .yml .zarr .zip".split()
)
_PACKED_ENDINGS = (".gz", ".xz", ".bz2", ".zst", ".lz4", ".z")
_PATH_STARTS = ("/", "./", "../", "~/", "\\\\")
_REMEMBERED = 4096


def canonical(name: str) -> str:
    """Give the form of a name by which artifacts are told apart.

    A URI gets a lower-case scheme (``s3a`` and ``s3n`` are ``s3``), loses trailing
    slashes and whatever is secret in it; ``file:///a/b`` is ``/a/b``. Any other
    string is opaque and kept.
    """
    if "://" not in name and name.isascii():
        return name
    return _canonical(name)


_MOST_NAME = 10_000
# Of UTF-8. PostgreSQL puts no more than 2,704 bytes into an index.
_MOST_BYTES = 2000


def bounded(text: str) -> str:
    """Give a name or an id as it is stored and looked up: cut if very long, with a digest of it."""
    if len(text) <= _MOST_BYTES // 4:
        return text
    whole = text.encode("utf-8", "surrogatepass")
    if len(whole) <= _MOST_BYTES:
        return text
    return whole[: _MOST_BYTES - 40].decode("utf-8", "ignore") + _told_apart(whole)


def _told_apart(whole: bytes) -> str:
    """Give what tells a text that was cut from others that begin so."""
    import hashlib

    return "..." + hashlib.blake2b(whole, digest_size=16).hexdigest()


def artifact_name(name: str) -> str:
    """Give the name that an artifact is stored and looked up under: canonical, without secrets."""
    if "\0" in name:
        name = name.replace("\0", "\\0")  # no database keeps it
    if len(name) > _MOST_NAME:
        # As much as is looked through for secrets.
        name = name[: _MOST_NAME - 40] + _told_apart(name.encode("utf-8", "replace"))
    if len(name) < 16 and "://" not in name:
        return name  # too short to hold a secret that could be told from a name
    return bounded(redact_text(canonical(name)))


def file_name(path: str) -> str:
    """Give the name that a file is stored and looked up under, of what `path_name` gave."""
    return bounded(redact_text(path))


def path_name(
    path: str | bytes | os.PathLike[str] | os.PathLike[bytes], cwd: str | None = None
) -> str:
    """Give the name of a local file: absolute against ``cwd``, links not resolved.

    A URI is given in its canonical form; without ``cwd`` the process's own folder counts.
    """
    text = path if type(path) is str else os.fsdecode(path)
    if text[:1] == "/":
        # An absolute path is the same from everywhere, and getcwd is a system call.
        return _normal("/", text)
    if "://" in text and _URI.match(text):
        return _canonical(text)
    return _normal(_working_folder() if cwd is None else cwd, text)


def kind_of(name: str) -> str:
    """Tell what a name suggests: ``model``, ``data``, or ``unknown`` for a word that is no path."""
    return _kind_of(name) if len(name) <= 1024 else _kind_of.__wrapped__(name)


def _working_folder() -> str:
    try:
        return os.getcwd()
    except OSError:
        # The folder was removed under the process; its path is still what it was.
        return os.environ.get("PWD", "/")


@lru_cache(maxsize=_REMEMBERED)
def _normal(cwd: str, path: str) -> str:
    name = os.path.normpath(os.path.join(cwd, path))
    # POSIX lets two leading slashes mean something else; on no system we run on they do.
    if name.startswith("//"):
        name = name[1:]
    return _encodable(name)


def _encodable(name: str) -> str:
    """Write out the bytes of a file name that are no UTF-8: no store could hold them."""
    if name.isascii():
        return name
    try:
        name.encode()
    except UnicodeEncodeError:
        try:
            return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
        except UnicodeEncodeError:
            return name.encode("utf-8", "backslashreplace").decode()
    return name


@lru_cache(maxsize=_REMEMBERED)
def _canonical(name: str) -> str:
    name = _encodable(name)
    match = _URI.match(name)
    if match is None:
        # Opaque, but a URL stands in it: "see https://user:password@host".
        return redact_text(name)
    scheme = match[1].lower()
    scheme = _SCHEMES.get(scheme, scheme)
    rest = name[match.end() :]
    if scheme == "file":
        host, slash, path = rest.partition("/")
        if slash and host.lower() in ("", "localhost"):
            # A ? or # is kept: people paste paths behind file://, and two of their
            # files must not become one.
            from urllib.parse import unquote

            return _normal("/", "/" + unquote(path, errors="surrogateescape"))
    rest, mark, fragment = _without_userinfo(rest).partition("#")
    rest, asked, query = rest.partition("?")
    tail = _kept(asked, query) + _kept(mark, fragment)
    return f"{scheme}://{rest.rstrip('/')}{tail}"


def _without_userinfo(rest: str) -> str:
    match = _USERINFO.match(rest)
    if match is None:
        return rest
    # A user of a signed-in URI may be a token; the container of abfss:// is none.
    user = redact_text(match["user"])
    return f"{user}@{rest[match.end() :]}" if user else rest[match.end() :]


def _kept(mark: str, parameters: str) -> str:
    """Give a query or fragment without its secrets, or nothing if nothing else was in it."""
    if "=" not in parameters:
        return mark + parameters
    pairs = parameters.split("&")
    from urllib.parse import unquote

    names = [unquote(pair.partition("=")[0]) for pair in pairs]
    secret = {name for name in names if is_secret_parameter(name)}
    if not secret:
        return mark + parameters
    has_sas = any(name.lower() == "sig" for name in secret)
    kept = [
        pair
        for pair, name in zip(pairs, names, strict=True)
        if name not in secret
        and not _SIGNING.match(name)
        and not (has_sas and name.lower() in _SAS)
    ]
    return mark + "&".join(kept) if kept else ""


@lru_cache(maxsize=_REMEMBERED)
def _kind_of(name: str) -> str:
    text = name.lower()
    is_uri = _URI.match(text) is not None
    if text.startswith("models:/"):
        return "model"
    if is_uri:
        text = re.split(r"[?#]", text, maxsplit=1)[0]
    for packed in _PACKED_ENDINGS:
        text = text.removesuffix(packed)
    ending = os.path.splitext(text.rstrip("/"))[1]
    if ending in _MODEL_ENDINGS:
        return "model"
    if is_uri or ending in _DATA_ENDINGS or text.startswith(_PATH_STARTS) or text[1:3] == ":\\":
        return "data"
    return "unknown"
