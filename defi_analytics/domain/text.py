"""Text that strangers chose: tickers, denominations, error messages of remote hosts."""

import unicodedata

_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""C0 and C1 controls, format characters (bidi overrides are), surrogates, line and paragraph breaks."""
_LOOKED_AT = 8
"""Characters examined per character kept, so that a megabyte of controls costs nothing."""


def safe(text: str, limit: int = 32) -> str:
    """`text` as one line that cannot steer a terminal, at most `limit` characters; "?" when nothing is left.

    Compatibility forms are folded (NFKC), so full-width or ligature look-alikes become what they resemble.
    """
    folded = unicodedata.normalize("NFKC", text[: limit * _LOOKED_AT])
    kept = "".join(char for char in folded if unicodedata.category(char) not in _UNPRINTABLE)
    return kept[:limit].strip() or "?"
