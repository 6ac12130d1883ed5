"""Bytes into text, without I/O."""

import codecs


class TextDecoder:
    """Decodes a stream of bytes whose chunk borders carry no meaning.

    Parameters
    ----------
    encoding
        The declared charset; an unknown one is read as UTF-8. Bytes that are not valid in it become
        U+FFFD, so nothing that could be read is lost.

    Examples
    --------
    >>> decoder = TextDecoder()
    >>> [decoder.feed(b"\\xd0"), decoder.feed(b"\\x9f"), decoder.close()]
    ['', 'П', '']
    """

    def __init__(self, encoding: str = "utf-8") -> None:
        try:
            make = codecs.getincrementaldecoder(encoding)
        except LookupError:
            make = codecs.getincrementaldecoder("utf-8")
        self._decoder = make(errors="replace")

    def feed(self, data: bytes) -> str:
        """Return the characters that `data` completes."""
        return self._decoder.decode(data)

    def close(self) -> str:
        """Return what the end of the stream makes of bytes still held back."""
        return self._decoder.decode(b"", final=True)
