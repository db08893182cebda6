"""What loading gives back."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from defi_analytics.config.settings import Settings

if TYPE_CHECKING:
    from defi_analytics.keys.api import FileSecret

PREFIX = "DEFI_"


class Loaded(NamedTuple):
    settings: Settings
    origins: Mapping[str, str]
    """Where values that are no defaults came from: `scan.top` to `settings.yaml:12`, a variable or a flag."""
    warnings: tuple[str, ...] = ()
    secrets: Mapping[str, "FileSecret"] = {}
    """API keys found in files, by service, for `keys.resolve`."""
    unasked: str = ""
    """The file that was read only because it lies in the folder the command runs in; empty without one."""

    def is_unasked(self, name: str) -> bool:
        """Whether that file decided this setting: whoever wrote it may be a stranger."""
        return bool(self.unasked) and self.origins.get(name, "").rpartition(":")[0] == self.unasked
