"""Square matrices of bits in single integers; a side is a power of two, so that transposing is cheap. Pure."""

from collections.abc import Sequence

_LEAST = 8


def side_for(count: int) -> int:
    """The size of a side that has room for ``count`` rows: a power of two, and of whole bytes."""
    return max(_LEAST, 1 << max(count - 1, 0).bit_length())


def matrix(rows: Sequence[int], side: int) -> int:
    """One integer of ``side`` rows of ``side`` bits; row and column 0 in the lowest bits."""
    return int.from_bytes(b"".join(row.to_bytes(side // 8, "little") for row in rows), "little")


def rows(whole: int, side: int) -> list[int]:
    """The rows of a matrix."""
    width = side // 8
    content = whole.to_bytes(side * width, "little")
    return [int.from_bytes(content[start : start + width], "little") for start in range(0, len(content), width)]


def transposed(whole: int, side: int) -> int:
    """Rows for columns: swap the quarters off the diagonal, in all squares of one size at once, at every size."""
    size = side // 2
    while size:
        mask = _upper_quarters(side, size)
        distance = size * (side - 1)
        swapped = (whole ^ whole >> distance) & mask
        whole ^= swapped | swapped << distance
        size //= 2
    return whole


def _upper_quarters(side: int, size: int) -> int:
    """In every square of ``2 * size``: the columns of its upper half, in the rows of its lower half."""
    columns = _repeated(((1 << size) - 1) << size, 2 * size, side // (2 * size))
    band = _repeated(columns, side, size)
    return _repeated(band, 2 * size * side, side // (2 * size))


def _repeated(pattern: int, width: int, times: int) -> int:
    """The pattern side by side; ``times`` is a power of two."""
    while times > 1:
        pattern |= pattern << width
        width, times = 2 * width, times // 2
    return pattern
