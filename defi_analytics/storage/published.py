"""Files that others read while we write: whole, or not there."""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from defi_analytics.errors import WrongState


def publish(path: Path, text: str) -> None:
    """Replaces the file in one step; a reader sees the old text or the new, never a part. Raises WrongState.

    Not flushed to the disk: these files tell how things are now, the journal tells how they were.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with open(handle, "wb") as file:  # noqa: PTH123  - a descriptor, not a path
            file.write(text.encode())
        draft.rename(path)
    except OSError as error:
        with suppress(OSError):
            draft.unlink()
        raise WrongState(f"{path} cannot be written: {error.strerror}") from error


class Metric:
    """One family of numbers in Prometheus' text format, made of its samples."""

    def __init__(self, name: str, kind: str, told: str) -> None:
        self.name, self.kind, self.told = name, kind, told
        self.samples: list[tuple[Mapping[str, str], float]] = []

    def add(self, value: float, **labels: str) -> None:
        self.samples.append((labels, value))

    def labelled(self, labels: Mapping[str, str]) -> "Metric":
        """The same with these labels on every sample."""
        self.samples = [({**labels, **own}, value) for own, value in self.samples]
        return self

    def lines(self) -> list[str]:
        rows = [f"{self.name}{_labelled(labels)} {value:.17g}" for labels, value in self.samples]
        return [f"# HELP {self.name} {_escaped(self.told)}", f"# TYPE {self.name} {self.kind}", *rows]


def exposition(metrics: list[Metric]) -> str:
    """Families without a sample are left out: an unknown number has no line.

    Source: Prometheus, "Exposition formats", text-based format 0.0.4.
    """
    return "".join(f"{line}\n" for metric in metrics if metric.samples for line in metric.lines())


def _labelled(labels: Mapping[str, str]) -> str:
    inner = ",".join(
        f'{name}="{_escaped(value).replace(chr(34), chr(92) + chr(34))}"' for name, value in labels.items()
    )
    return f"{{{inner}}}" if inner else ""


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")
