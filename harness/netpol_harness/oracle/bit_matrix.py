"""Square matrices of bits in single integers. The width is a power of two, so that transposing is cheap. Pure."""

from collections.abc import Sequence

_MINIMUM = 8


def width_for(count: int) -> int:
    """Return the width of a matrix that has room for ``count`` rows: a power of two, and whole bytes."""
    return max(_MINIMUM, 1 << max(count - 1, 0).bit_length())


def pack(rows: Sequence[int], width: int) -> int:
    """Pack rows of ``width`` bits into one integer; row and column 0 are in the lowest bits."""
    return int.from_bytes(b"".join(row.to_bytes(width // 8, "little") for row in rows), "little")


def unpack(matrix: int, width: int) -> list[int]:
    """Return the rows of a matrix, ``width`` of them."""
    size = width // 8
    content = matrix.to_bytes(width * size, "little")
    return [int.from_bytes(content[start : start + size], "little") for start in range(0, len(content), size)]


def transpose(matrix: int, width: int) -> int:
    """Swap rows and columns: swap the quarters off the diagonal, in all squares of one size at once, at every size."""
    size = width // 2
    while size:
        mask = _upper_quarters(width, size)
        distance = size * (width - 1)
        swapped = (matrix ^ matrix >> distance) & mask
        matrix ^= swapped | swapped << distance
        size //= 2
    return matrix


def _upper_quarters(width: int, size: int) -> int:
    """In every square of ``2 * size``: the columns of its upper half, in the rows of its lower half."""
    columns = _repeat(((1 << size) - 1) << size, 2 * size, width // (2 * size))
    band = _repeat(columns, width, size)
    return _repeat(band, 2 * size * width, width // (2 * size))


def _repeat(pattern: int, width: int, times: int) -> int:
    """Put copies of the pattern side by side; ``times`` is a power of two."""
    while times > 1:
        pattern |= pattern << width
        width, times = 2 * width, times // 2
    return pattern
