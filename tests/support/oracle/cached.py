"""The cache keys of a sequence of versions (K2, K5)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CacheKey:
    """One key of a version.

    Attributes:
        kinds: what it may be called: what the record with the smallest reference id uses it for.
        reference_id: of that record.
        first_version: the first version that listed it, from 1.
    """

    kinds: frozenset[str]
    reference_id: str
    first_version: int


def cache_keys(
    versions: Sequence[Sequence[tuple[str, str, str]]], canonical: Callable[[str], str] = str
) -> dict[str, CacheKey]:
    """The list of the last version, by canonical URL.

    Args:
        versions: ``Run.cache_urls`` of every version from the first on. A version that was rolled back to counts where
            it stands again, and one that was pruned where it stood: a key that was listed once stays known.
        canonical: from a URL to its canonical form (K3), which is not recomputed here.
    """
    users: dict[str, list[tuple[str, str]]] = {}
    for used, kind, reference_id in versions[-1]:
        users.setdefault(canonical(used), []).append((reference_id, kind))
    first: dict[str, int] = {}
    for number, uses in enumerate(versions, start=1):
        for used, _, _ in uses:
            first.setdefault(canonical(used), number)
    found = {}
    for url, by in users.items():
        smallest = min(reference_id for reference_id, _ in by)
        found[url] = CacheKey(
            kinds=frozenset(kind for reference_id, kind in by if reference_id == smallest),
            reference_id=smallest,
            first_version=first[url],
        )
    return found


def uploads(versions: Sequence[Sequence[tuple[str, str, str]]], canonical: Callable[[str], str] = str) -> set[str]:
    """The canonical URLs that the last version lists and no earlier one did; arguments as those of `cache_keys`."""
    *earlier, last = ({canonical(url) for url, _, _ in uses} for uses in versions)
    return last.difference(*earlier)
