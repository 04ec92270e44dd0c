"""Stores a dataset in a bucket: its versions, and what becomes of those that are abandoned or pruned.

Only `bucket_claims`, `bucket_runs`, `bucket_place` and this module call google.cloud.storage for files of a dataset.
"""

from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor

from pipelines.dataset.documents.paths import MANIFEST, OPEN_REJECTIONS
from pipelines.dataset.store.base import KEPT_FILES, Removable
from pipelines.dataset.store.bucket_claims import PRUNED, BucketClaims, note
from pipelines.dataset.store.bucket_place import REQUESTS_AT_ONCE, delete
from pipelines.dataset.store.bucket_runs import Runs
from pipelines.dataset.store.marker import FORGOTTEN_AFTER
from pipelines.dataset.store.names import version_number


class BucketStore(BucketClaims):
    """A dataset in a bucket; `root` is its URI, without a slash at the end."""

    def pointer(self) -> bytes | None:
        """See `Store`."""
        with self._translating_errors():
            return self._current().data

    def version_numbers(self) -> list[int]:
        """See `Store`."""
        with self._translating_errors(), ThreadPoolExecutor(REQUESTS_AT_ONCE) as pool:
            records, removed = self._records(), self._removed()
            numbers = [each for each in self._folders() if each in records and note(each, PRUNED) not in removed]
            return [number for number, claim in zip(numbers, pool.map(self._claim_on, numbers), strict=True) if claim]

    def next_number(self, number: int) -> int:
        """See `Store`."""
        with self._translating_errors():
            there = self._folders()
            number += 1
            while number in there and not self._is_free(number):
                number += 1
            return number

    def reported_runs(self) -> list[str]:
        """See `Store`."""
        with self._translating_errors():
            return sorted(self._runs().reported) if self.identity() is not None else []

    def foreign(self) -> list[str]:
        """See `Store`."""
        with self._translating_errors():
            if self.identity() is None:
                return []
            records, entries = self._records(), sorted(self._entries("versions/") - {""})
            numbers = {entry: version_number(entry.rstrip("/")) for entry in entries}
            return [
                *(f"runs/{name}" for name in self._runs().foreign),
                *(
                    f"versions/{entry.rstrip('/')}"
                    for entry, number in numbers.items()
                    if number is None or not (number in records or self._is_free(number))
                ),
            ]

    def sweep(self) -> list[str]:
        """See `Store`."""
        with self._translating_errors():
            runs = self._runs()
            for name in runs.abandoned:
                self._remove_run(name)
            for name in runs.unreleased:
                self.clear(self._named(name), KEPT_FILES)
                self.release(self._named(name))
            # Records are listed before claims: each record is made after its claim.
            now, records = self._current(), self._records()
            folders = self._folders()
            for number in folders:
                if number > now.version and self._is_own(claim := self._claim_on(number)):
                    self._discard_claim(claim, number, now)
            delete(
                [
                    blob
                    for number, blob in records.items()
                    if number not in folders or (number > now.version and self._claim_on(number) is None)
                ]
            )
            self._finish_removals(runs, now.version)
            return runs.abandoned

    def removable(self, keep: Collection[int]) -> Removable:
        """See `Store`."""
        with self._translating_errors():
            return self._removable([number for number in self.version_numbers() if number not in keep])

    def _removable(self, numbers: Collection[int]) -> Removable:
        """What a prune of these complete versions, in ascending order, would remove."""
        runs = self._runs()
        kept = {int(base) for base in runs.living.values() if base.isdigit()}
        current = self._current().version
        old = [number for number in numbers if number < current and number not in kept]
        foreign = {number: self._in_version(number)[1] for number in old}
        return Removable(
            versions=tuple(number for number in old if not foreign[number]),
            runs=tuple(runs.abandoned),
            blocked=tuple(path for paths in foreign.values() for path in paths),
        )

    def prune(self, numbers: Collection[int]) -> list[int]:
        """See `Store`."""
        self.sweep()
        with self._translating_errors():
            removed = self._removable([number for number in self.version_numbers() if number in numbers]).versions
            for number in removed:
                self._note_removed(note(number, PRUNED))  # from here on the version is not listed
                self._remove_pruned(number)
            return list(removed)

    def keep_rejections(self, name: str, data: bytes) -> None:
        """See `Store`."""
        with self._translating_errors():
            self._bucket.blob(f"{self._prefix}{OPEN_REJECTIONS}/{name}").upload_from_string(data)

    def _finish_removals(self, runs: Runs, current: int) -> None:
        """Completes interrupted removals, and deletes notes that are no longer needed."""
        for name, noted in self._removed().items():
            number = version_number(name.partition(".")[0])
            if number is None:
                if runs.now - noted.updated > FORGOTTEN_AFTER:
                    delete([noted])
            elif name.endswith(PRUNED) and number < current:
                self._remove_pruned(number)
            elif number <= current:
                delete([noted])

    def _remove_pruned(self, number: int) -> None:
        """Removes a version that has a `.pruned` note, then its record, and last the note."""
        own, _ = self._in_version(number)
        delete([blob for blob in own if blob.name.endswith(f"/{MANIFEST}")])
        delete(own)
        delete([blob for each, blob in self._records().items() if each == number])
        delete([blob for name, blob in self._removed().items() if name == note(number, PRUNED)])
