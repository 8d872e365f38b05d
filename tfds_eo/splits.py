"""Which split a place belongs to: decided by place, never by pixel or patch."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import numpy as np
import numpy.typing as npt


def split_by_place(
    places: Iterable[str],
    held_out: Mapping[str, Collection[str]],
    *,
    rest: str = "train",
) -> dict[str, str]:
    """Assigns each place, such as a tile or a scene, to one split.

    Args:
        places: All places that there are.
        held_out: The places of each split but one.
        rest: The split of all other places.

    Returns:
        The split of each place, in the order of ``places``.

    Raises:
        ValueError: If a place stands in two splits, or is held out but not among
            ``places``.
    """
    known = list(dict.fromkeys(places))
    split_of: dict[str, str] = {}
    for split, chosen in held_out.items():
        for place in chosen:
            if place not in known:
                raise ValueError(
                    f"split {split!r} must consist of known places; {place!r} is none"
                    f" of {known}"
                )
            if place in split_of or split == rest:
                raise ValueError(
                    f"place {place!r} must be in one split; it is in"
                    f" {split_of.get(place, rest)!r} and in {split!r}"
                )
            split_of[place] = split
    return {place: split_of.get(place, rest) for place in known}


def stratified_split(
    places: npt.NDArray[np.integer],
    labels: npt.NDArray[np.integer],
    shares: Mapping[str, float],
) -> npt.NDArray[np.str_]:
    """Deals whole places out to splits, so that each split has its share of each class.

    Places come in turn, the largest first; each goes to the split that lacks most of
    what the place holds. So a class with as many places as splits is in every split,
    and a class with a single place is in the first alone.

    Args:
        places: Place of each example.
        labels: Class of each example.
        shares: Share of each split; they add up to 1. A tie goes to the first.

    Returns:
        The split of each example.

    Raises:
        ValueError: If the shares do not add up to 1, or the arrays differ in length.
    """
    if abs(sum(shares.values()) - 1) > 1e-9 or min(shares.values()) <= 0:
        raise ValueError(f"shares of splits must add up to 1; got {dict(shares)}")
    if len(places) != len(labels):
        raise ValueError(
            "places and labels must be of the same examples; got"
            f" {len(places)} and {len(labels)}"
        )
    names = list(shares)
    _, place = np.unique(places, return_inverse=True)
    _, label = np.unique(labels, return_inverse=True)
    held = np.zeros((place.max(initial=-1) + 1, label.max(initial=-1) + 1))
    np.add.at(held, (place, label), 1)
    wanted = np.outer(list(shares.values()), held.sum(axis=0))
    lacking = wanted.copy()
    chosen = np.empty(len(held), np.int64)
    for number in np.argsort(-held.sum(axis=1), kind="stable").tolist():
        # How much of its share each split lacks, weighted by what the place holds.
        need = (lacking / wanted) @ held[number]
        # Sums that are equal but for rounding are a tie.
        chosen[number] = int(np.argmax(need >= need.max() - 1e-9 * held[number].sum()))
        lacking[chosen[number]] -= held[number]
    return np.array(names)[chosen[place]]
