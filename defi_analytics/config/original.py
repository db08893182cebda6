"""Settings of the first version, and what replaced those that never existed.

Its Allora host, model name and Injective key never existed. The file still loads, and each of those lines
gets one warning; the key it may hold is never sent to that host.
"""

from typing import NamedTuple
from urllib.parse import urlsplit

from defi_analytics.config.settings import ALLORA_URL
from defi_analytics.config.tree import Node, Trail, held, pruned
from defi_analytics.keys.api import FileSecret, Secret, is_placeholder, looks_like_key, variable_file


class Understood(NamedTuple):
    tree: Node
    warnings: tuple[str, ...]


class Extracted(NamedTuple):
    tree: Node
    secret: FileSecret | None
    warnings: tuple[str, ...]


def without_keys(tree: Node, mode: int) -> Extracted:
    """Takes API keys out of a settings file's tree, so that they can reach no message and no Settings."""
    warnings = []
    secret = None
    unused, key = held(tree, ("injective", "api_key")), held(tree, ("allora", "api_key"))
    if unused is not None and _is_api_key(unused):
        warnings.append(f"{unused.where}: injective.api_key: Injective needs no key: ignored")
    if key is not None and _is_api_key(key):
        text = str(key.value or "")
        if is_placeholder(text):
            advice = f"set {variable_file('allora')}"
            warnings.append(f"{key.where}: allora.api_key: is a placeholder: ignored ({advice})")
        else:
            secret = FileSecret(Secret(text), key.where, mode)
    dropped = (("injective", "api_key"), ("allora", "api_key"))
    return Extracted(
        pruned(tree, lambda trail, node: trail in dropped and _is_api_key(node)), secret, tuple(warnings)
    )


def _is_api_key(node: Node) -> bool:
    """False for what validation has to refuse: a private key, or no text at all."""
    return node.value is None or (isinstance(node.value, str) and not looks_like_key(node.value))


def understood(tree: Node) -> Understood:
    """Replaces what never existed."""
    warnings = []
    model, url = held(tree, ("allora", "model_id")), held(tree, ("allora", "base_url"))
    drop: list[Trail] = []
    if model is not None and model.value == "price_prediction_v1":
        warnings.append(f"{model.where}: allora.model_id: no price_prediction_v1 exists: using auto")
        drop.append(("allora", "model_id"))
    if url is not None and isinstance(url.value, str) and _host(url.value) == "api.allora.com":
        warnings.append(f"{url.where}: allora.base_url: api.allora.com is not Allora's: using {ALLORA_URL}")
        drop.append(("allora", "base_url"))
    return Understood(pruned(tree, lambda trail, _: trail in drop), tuple(warnings))


def _host(url: str) -> str:
    try:
        return urlsplit(url if "//" in url else f"//{url}").hostname or ""
    except ValueError:
        return ""
