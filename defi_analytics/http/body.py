import zlib

GZIP = zlib.MAX_WBITS | 16
_WINDOWS = {"gzip": GZIP, "x-gzip": GZIP, "deflate": zlib.MAX_WBITS}


class NotWhole(ValueError):
    """A body that is not all of what its headers announce, or is more than we accept."""


def decoded(raw: bytes, content_encoding: str, max_bytes: int) -> bytes:
    """`raw` without its one content coding. Allocates at most `max_bytes` + 1, whatever `raw` claims.

    Raises NotWhole: more than `max_bytes`, cut short, followed by something, or a coding we do not ask for.
    Source: RFC 9110 section 8.4.1, RFC 1950 (deflate is the zlib format), RFC 1952 (gzip).
    """
    coding = content_encoding.strip().lower() or "identity"
    if coding == "identity":
        return _within(raw, max_bytes)
    if coding not in _WINDOWS:
        raise NotWhole("a content encoding that was not asked for")
    inflater = zlib.decompressobj(_WINDOWS[coding])
    try:
        whole = inflater.decompress(raw, max_bytes + 1)
    except zlib.error:
        raise NotWhole(f"a body that is not {coding}") from None
    _within(whole, max_bytes)
    if not inflater.eof:
        raise NotWhole(f"a {coding} body that was cut short")
    if inflater.unused_data:
        raise NotWhole(f"bytes after the end of a {coding} body")
    return whole


def _within(body: bytes, max_bytes: int) -> bytes:
    if len(body) > max_bytes:
        raise NotWhole(f"more than {max_bytes} bytes")
    return body
