"""Bytes into text, without I/O."""

import codecs

# The encodings of the web (WHATWG Encoding Standard) by Python's names. Others are not taken from a
# stranger's header: among Python's codecs are decompressors and unescapers.
_ENCODINGS = frozenset(
    {
        *("utf-8", "utf-16", "utf-16-le", "utf-16-be"),
        *("gbk", "gb18030", "gb2312", "big5", "big5hkscs", "euc_jp", "iso2022_jp", "shift_jis", "euc_kr"),
        *("koi8-r", "koi8-u", "mac-cyrillic", "mac-roman", "cp866", "cp874", "cp932", "cp949"),
        *(f"cp{page}" for page in range(1250, 1259)),
        *(f"iso8859-{part}" for part in range(1, 17)),
    }
)


class TextDecoder:
    """Decodes a stream of bytes whose chunk borders carry no meaning.

    Parameters
    ----------
    encoding
        The declared charset; one that the web does not know is read as UTF-8. Bytes that are not
        valid in it become U+FFFD, so nothing that could be read is lost.

    Examples
    --------
    >>> decoder = TextDecoder()
    >>> [decoder.feed(b"\\xd0"), decoder.feed(b"\\x9f"), decoder.close()]
    ['', 'П', '']
    """

    def __init__(self, encoding: str = "utf-8") -> None:
        self._decoder = codecs.getincrementaldecoder(_known(encoding))(errors="replace")

    def feed(self, data: bytes) -> str:
        """Return the characters that `data` completes."""
        return self._decoder.decode(data)

    def close(self) -> str:
        """Return what the end of the stream makes of bytes still held back."""
        return self._decoder.decode(b"", final=True)


def _known(encoding: str) -> str:
    try:
        name = codecs.lookup(encoding).name
    except (LookupError, ValueError):  # ValueError: a NUL in the name
        return "utf-8"
    return name if name in _ENCODINGS else "utf-8"
