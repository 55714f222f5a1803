"""Digests of bytes and texts: plain BLAKE3, as `b3sum` prints it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

_CONTENT = ("blake3:", "sha256:", "sha1:", "md5:", "xxh3:")


def is_content_digest(version: str) -> bool:
    """Tell whether a version is a digest of content, so that equal ones mean equal content."""
    return version.startswith(_CONTENT)


def digest_bytes(data: bytes | bytearray | memoryview) -> str:
    """Give the digest of a file's bytes."""
    return f"blake3:{hasher_type()(data).hexdigest()}"


def digest_text(text: str) -> str:
    """Give the digest of a text's UTF-8."""
    return digest_bytes(text.encode("utf-8", "surrogatepass"))


def digest_stream(chunks: Iterable[bytes | bytearray | memoryview]) -> str:
    """Give the digest of bytes that come in parts; how they are cut does not count."""
    hasher = hasher_type()()
    for chunk in chunks:
        hasher.update(chunk)
    return f"blake3:{hasher.hexdigest()}"


@cache
def hasher_type() -> Callable[..., Any]:
    """Give the class that hashes."""
    # Only who digests something pays for loading it.
    from blake3 import blake3

    return blake3
