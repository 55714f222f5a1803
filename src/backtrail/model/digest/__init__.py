"""Digests of content: equal for equal data, in every process and on every machine.

`digest_bytes`, `digest_text` and `digest_stream` are plain BLAKE3, as `b3sum`
prints it. `digest_value` hashes a canonical form of a value in memory, never its
printed or pickled form. One grammar covers all of it, each part with a tag and
its length, so that no two values share a form:

- JSON-like values. ``1``, ``1.0`` and ``True`` differ, as do ``0.0`` and ``-0.0``; all
  NaN are one. A tuple is a list and a dict has no order, as in JSON. Moments
  are counted in nanoseconds; of aware ones the instant counts, not the zone.
- Arrays by element type, shape and bytes in C order and little-endian. A scalar
  of numpy is the Python number in it.
- Frames by row count, then for each column in order its name, its logical type and
  its values in blocks of a fixed number of rows: 0 where a value is missing.
  pandas, polars and Arrow agree on the same data: how text is laid out, chunks,
  offsets and what lies under a missing value do not count. A categorical is its
  values, since a file or another library gives it back as those. A series is a
  column without its name. In pandas a float NaN means missing, as its own export
  to Arrow has it; polars and Arrow tell the two apart. An index counts as columns behind
  the others, as in that export, unless it is a `RangeIndex` without a name.
  A pandas object column of texts, bytes, booleans or dates is such a column; of
  anything else it is a type of its own, each element JSON-like.

Libraries are looked up among the loaded ones and never imported: a value of theirs
cannot be there otherwise. Without pyarrow, polars columns that are nested or decimal
and pandas categoricals of other than text have no digest.
"""

from __future__ import annotations

from .content import digest_bytes, digest_stream, digest_text, is_content_digest

__all__ = [
    "digest_bytes",
    "digest_stream",
    "digest_text",
    "digest_value",
    "is_content_digest",
]

# Part of what is hashed: another layout gives other digests, never equal ones by chance.
_LAYOUT = b"backtrail value 1\n"


def digest_value(value: object) -> str | None:
    """Give the digest of a value in memory, or None if its type has no canonical form."""
    from .writer import NO_FORM, Writer  # a file or a text needs none of it

    try:
        writer = Writer()
        writer.put(_LAYOUT)
        writer.value(value, 0)
    except NO_FORM:
        return None
    return writer.digest()
