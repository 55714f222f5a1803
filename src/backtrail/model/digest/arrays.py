"""The canonical form of numpy's arrays."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .forms import UnsupportedError, length, loaded, sized

if TYPE_CHECKING:
    from .writer import Writer

_BLOCK_BYTES = 1 << 20


def put_array(writer: Writer, value: Any, depth: int) -> bool:
    """Take an array of numpy; tells whether it is one."""
    np = loaded("numpy")
    if np is None or not isinstance(value, (np.ndarray, np.generic)):
        return False
    # Other subclasses mean more than their elements: a mask, a unit.
    if type(value) not in (np.ndarray, np.memmap, np.matrix, np.recarray) and not (
        isinstance(value, (np.datetime64, np.timedelta64))
    ):
        raise UnsupportedError
    array = np.asarray(value)
    writer.put(sized(b"a", _element_word(np, array.dtype).encode()))
    writer.put(length(array.ndim) + b"".join(map(length, array.shape)))
    _put_elements(writer, np, array, depth)
    return True


def _element_word(np: Any, dtype: Any) -> str:
    """Name an element type, without its byte order."""
    if dtype.names is not None:
        fields = ((name, _element_word(np, dtype[name])) for name in dtype.names)
        return "{" + ",".join(f"{len(name)}:{name}={word}" for name, word in fields) + "}"
    if dtype.subdtype is not None:
        return f"{_element_word(np, dtype.base)}{list(dtype.shape)}"
    kind, size = dtype.kind, dtype.itemsize
    if kind in "Mm":
        unit, count = np.datetime_data(dtype)
        return f"{kind}{count}{unit}"
    if kind in "OT":
        return str(kind)
    # A long double has bytes that mean nothing, and as many as the machine likes.
    if kind in "biuSUV" or (kind == "f" and size <= 8) or (kind == "c" and size <= 16):
        return f"{kind}{size}" if dtype.num < 256 else f"{kind}{size}:{dtype.name}"
    raise UnsupportedError


def _put_elements(writer: Writer, np: Any, array: Any, depth: int) -> None:
    if array.dtype.names is not None:
        # Field by field: what lies between fields is no data.
        for name in array.dtype.names:
            _put_elements(writer, np, array[name], depth)
    elif array.dtype.kind in "OT":
        writer.elements(array.flat, array.size, depth)
    else:
        for block in _flat_blocks(np, array):
            writer.put_buffer(plain(np, block))


def _flat_blocks(np: Any, array: Any) -> Iterator[Any]:
    """Cut an array into contiguous parts in C order, copying at most one block at a time."""
    if array.size == 0 or array.itemsize == 0:
        return
    if array.flags.c_contiguous:
        flat = array.reshape(-1)
        step = _BLOCK_BYTES // array.itemsize or 1
        yield from (flat[at : at + step] for at in range(0, array.size, step))
    elif array.ndim > 1 and (array.size // len(array)) * array.itemsize > _BLOCK_BYTES:
        for part in array:
            yield from _flat_blocks(np, part)
    else:
        rows = _BLOCK_BYTES * len(array) // (array.size * array.itemsize) or 1
        for at in range(0, len(array), rows):
            yield np.ascontiguousarray(array[at : at + rows]).reshape(-1)


def plain(np: Any, block: Any) -> Any:
    """Give the bytes of a flat contiguous block: little-endian, with one NaN for all."""
    dtype = block.dtype
    little = dtype.newbyteorder("<")
    if dtype != little:
        block = block.astype(little)
    if dtype.kind in "fc" and dtype.num < 256:
        block = _with_one_nan(np, block)
    return block.view(np.uint8)


def _with_one_nan(np: Any, block: Any) -> Any:
    # 0/0 gives a NaN with the sign set on x86 and without it on ARM. The least of
    # numbers is NaN if one of them is, and costs less than asking each.
    numbers = block.view(block.real.dtype)
    with np.errstate(all="ignore"):
        if numbers.size == 0 or numbers.min() == numbers.min():
            return block
        numbers = numbers.copy()
        numbers[np.isnan(numbers)] = np.nan
    return numbers
