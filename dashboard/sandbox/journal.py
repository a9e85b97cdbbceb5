"""An append-only file of events, one JSON object a line, which outlives the process."""

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

Event = dict[str, Any]


class Journal:
    """Appends whole lines and reads them back; a last line cut off by a kill is dropped at the start.

    Raises: OSError when the file cannot be made, read or written.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.path.touch()
        self._drop_half_line()

    def append(self, events: Iterable[Event]) -> None:
        """Hand the events to the operating system, which keeps them should this process be killed."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write("".join(json.dumps(event) + "\n" for event in events))

    def replay(self) -> Iterator[Event]:
        with self.path.open(encoding="utf-8") as lines:
            for line in lines:
                yield json.loads(line)

    def clear(self) -> None:
        os.truncate(self.path, 0)

    def _drop_half_line(self) -> None:
        os.truncate(self.path, self.path.read_bytes().rfind(b"\n") + 1)
