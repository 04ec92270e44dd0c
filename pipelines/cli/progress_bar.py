"""Shows the progress of a job at a terminal: its phase, bytes and records read, time left."""

import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.progress import BarColumn, DownloadColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.table import Column

from pipelines.cli.console import console
from pipelines.ingest.progress import Progress
from pipelines.runners.choose import Runner

_INTERVAL = 0.2
_WIDTH_OF_ALL = 80
"""Width in columns from which a terminal has room for the bar beside the figures."""
_PHASES = {"read": "reading", "merged": "merging", "written": "writing"}


class ProgressBar(Progress):
    """Shows the runner on standard error and, at a terminal, a progress bar."""

    def __init__(self) -> None:
        """Shows nothing yet."""
        self._console = console(stderr=True)
        self._bar: Bar | None = None
        self._task = TaskID(0)

    @contextmanager
    def watching(self, total_bytes: int, runner: Runner) -> Iterator[str | None]:
        """Follows the notes of the workers; yields the path of their file, None if the workers are elsewhere."""
        self._console.say(f"{runner.name}: {total_bytes / 1e6:,.1f} MB of exports")
        if not runner.local or not self._console.is_terminal:
            yield None
            return
        with tempfile.TemporaryDirectory(prefix="metadata-etl-progress-") as folder:
            notes = Path(folder, "notes")
            notes.touch()
            stop = threading.Event()
            bar = [BarColumn()] if self._console.width >= _WIDTH_OF_ALL else []
            self._bar = Bar(
                TextColumn("{task.description:<11}"),
                *bar,
                DownloadColumn(table_column=Column(no_wrap=True)),
                TextColumn("{task.fields[records]:,} records"),
                TimeRemainingColumn(compact=True, table_column=Column(no_wrap=True)),
                console=self._console,
                transient=True,
            )
            with self._bar:
                self._task = self._bar.add_task("starting", total=total_bytes, records=0)
                watcher = threading.Thread(target=self._watch, args=(notes, stop), daemon=True)
                watcher.start()
                try:
                    yield str(notes)
                finally:
                    stop.set()
                    watcher.join()
                    self._bar = None

    def phase(self, name: str) -> None:
        """Shows what the launching process itself is doing."""
        if self._bar is not None:
            self._bar.update(self._task, description=name)

    def _watch(self, notes: Path, stop: threading.Event) -> None:
        with notes.open() as stream:
            done: Counter[str] = Counter()
            records = 0
            while not stop.is_set():
                for line in stream:
                    phase, amount, count, _ = line.split()
                    done[phase] += int(amount)
                    records += int(count) if phase == "read" else 0
                    if self._bar is not None:
                        self._bar.update(
                            self._task, description=_PHASES[phase], completed=done["read"], records=records
                        )
                time.sleep(_INTERVAL)
