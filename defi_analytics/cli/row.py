import msgspec


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A row of some command's `data`."""
