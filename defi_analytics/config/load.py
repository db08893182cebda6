"""Flags over environment over files over defaults, into one `Settings`.

Rising: built-in defaults, $XDG_CONFIG_HOME/defi/config.yaml, ./settings.yaml, $DEFI_CONFIG, `--config` files
in order, DEFI_* variables, flags. Without any of them nothing is validated, and no YAML
parser is imported.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from defi_analytics.config.loaded import PREFIX, Loaded
from defi_analytics.config.settings import Settings
from defi_analytics.errors import ConfigError

PROJECT_FILE = Path("settings.yaml")
_ELSEWHERE = (
    "DEFI_CONFIG",
    "DEFI_SHARED",
    "DEFI_ALLORA__API_KEY",
    "DEFI_ALLORA__API_KEY_FILE",
    "DEFI_PASSPHRASE",
)
"""Read by this module by name, by the tests, and by `keys`."""


class Candidate(NamedTuple):
    path: Path
    required: bool


def load(paths: Sequence[Path] | None, environ: Mapping[str, str], flags: Mapping[str, Any]) -> Loaded:
    """Reads every layer. `flags` maps trails such as `scan.min_edge_bps` to values; None is not given.

    Raises ConfigError with every violation of the first stage that finds one: files, then values.
    """
    files, variables, chosen = _sources(paths, environ, flags)
    if not files and not variables and not chosen:
        return Loaded(Settings(home=default_home(environ)), {})
    from defi_analytics.config.layers import loaded  # noqa: PLC0415  - a YAML parser costs 20 ms

    found = loaded(files, variables, chosen, default_home(environ))
    found = _marked(found, environ, paths)
    _keep_home(found, default_home(environ))
    return found


def load_least(paths: Sequence[Path] | None, environ: Mapping[str, str], flags: Mapping[str, Any]) -> Loaded:
    """`load`, or `home` and the network alone where something else is wrong: a stop waits for no correction.

    What is wrong is told as warnings. Raises ConfigError where home cannot be told.
    """
    try:
        return load(paths, environ, flags)
    except ConfigError as error:
        from defi_analytics.config.layers import least  # noqa: PLC0415  - a YAML parser costs 20 ms

        usual = default_home(environ)
        found = _marked(least(*_sources(paths, environ, flags), usual), environ, paths)
        if found.is_unasked("home"):
            found = found._replace(settings=replace(found.settings, home=usual))
        told = f"going on without these settings, in {found.settings.home}"
        return found._replace(warnings=(*error.violations, told))


def _sources(
    paths: Sequence[Path] | None, environ: Mapping[str, str], flags: Mapping[str, Any]
) -> tuple[list[Path], dict[str, str], dict[str, Any]]:
    """The files to read, our variables, and the flags that were given."""
    candidates = candidate_paths(environ, paths)
    files = [each.path for each in candidates if each.required or each.path.is_file()]
    variables = {
        name: text for name, text in environ.items() if name.startswith(PREFIX) and name not in _ELSEWHERE
    }
    return files, variables, {name: value for name, value in flags.items() if value is not None}


def _marked(found: Loaded, environ: Mapping[str, str], paths: Sequence[Path] | None) -> Loaded:
    """With the folder's own file told apart, where nobody named it."""
    unnamed = Candidate(PROJECT_FILE, required=False) in candidate_paths(environ, paths)
    return found._replace(unasked=str(PROJECT_FILE)) if unnamed else found


def _keep_home(found: Loaded, usual: Path) -> None:
    """Whoever wrote a file that merely lies in the folder does not say where state and logs are written."""
    if found.is_unasked("home") and found.settings.home != usual:
        raise ConfigError(
            f"{found.origins['home']}: home: a file that was not asked for cannot move state and logs",
            hint=f"name it (--config {PROJECT_FILE}), or set DEFI_HOME",
        )


def candidate_paths(environ: Mapping[str, str], paths: Sequence[Path] | None = None) -> tuple[Candidate, ...]:
    """The settings files that may be read, lowest precedence first; a `required` one must exist.

    The project's file is read once: where it is named, as a named one.
    """
    base = environ.get("XDG_CONFIG_HOME", "")
    folder = Path(base) if base.startswith("/") else _user_home(environ) / ".config"
    named = [Path(environ["DEFI_CONFIG"])] if environ.get("DEFI_CONFIG") else []
    named += paths or ()
    is_named = PROJECT_FILE.absolute() in (path.absolute() for path in named)
    return (
        Candidate(folder / "defi" / "config.yaml", required=False),
        *([] if is_named else [Candidate(PROJECT_FILE, required=False)]),
        *(Candidate(path, required=True) for path in named),
    )


def default_home(environ: Mapping[str, str]) -> Path:
    """Where state lives unless `home` says otherwise."""
    base = environ.get("XDG_STATE_HOME", "")
    return (Path(base) if base.startswith("/") else _user_home(environ) / ".local" / "state") / "defi"


def _user_home(environ: Mapping[str, str]) -> Path:
    home = environ.get("HOME", "")
    return Path(home) if home.startswith("/") else Path("/")
