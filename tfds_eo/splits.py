"""Which split a place belongs to: decided by place, never by pixel or patch."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping


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
