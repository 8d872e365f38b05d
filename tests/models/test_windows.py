import numpy as np
import pytest

from models import balancing, windows
from models.class_weights import count_labels
from models.sources import InMemory
from models.steps import UNKNOWN


def charts(count=3, size=7):
    """Patches whose pixels name their place, with stages in halves."""
    place = np.arange(count * size * size).reshape(count, size, size)
    sod = np.zeros((count, size, size), np.uint8)
    sod[1] = 4
    sod[1, 0, 0] = 2  # One pixel of the first window of 9: 8 of 9 is too few.
    sod[2, :, 3:] = UNKNOWN
    return InMemory(
        {
            "image": np.stack([place, -place], axis=-1).astype(np.float32),
            "sod": sod,
            "id": np.array([f"p{n}" for n in range(count)], object),
        }
    )


def test_windows_lie_row_by_row_and_have_the_class_that_fills_them():
    source = windows.Windows(charts(), "sod", patch=7, size=3)
    (batch,) = source.batches(99)
    assert source.examples() == len(batch["image"]) == 12
    whole = charts().columns["image"]
    expected = [
        whole[n, row : row + 3, col : col + 3]
        for n in range(3)
        for row in (0, 3)
        for col in (0, 3)
    ]
    np.testing.assert_array_equal(batch["image"], expected)
    labels = batch["sod"].numpy().tolist()
    assert labels == [0] * 4 + [255, 4, 4, 4] + [0, 255, 0, 255]
    assert batch["id"].numpy().tolist() == [b"p0"] * 4 + [b"p1"] * 4 + [b"p2"] * 4
    assert count_labels(source, 6, "sod").tolist() == [6, 0, 0, 0, 3, 0]


def test_workers_cut_different_windows_and_a_seed_decides_their_order():
    source = windows.Windows(charts(), "sod", patch=7, size=2)

    def corners(**more):
        batches = source.batches(5, **more)
        return [float(i[0, 0, 0]) for b in batches for i in b["image"].numpy()]

    apart = [corners(shuffle_seed=1, worker=k, workers=2) for k in range(2)]
    assert [len(one) for one in apart] == [18, 9]
    assert sorted(apart[0] + apart[1]) == sorted(corners())
    assert corners(shuffle_seed=1) == corners(shuffle_seed=1) != corners(shuffle_seed=2)
    with pytest.raises(ValueError, match="patch of 7 pixels; got 8"):
        windows.Windows(charts(), "sod", patch=7, size=8)


def test_a_balanced_epoch_has_as_many_of_every_class_and_the_seed_decides_it():
    label = np.array([0] * 900 + [2] * 90 + [3] * 10)
    source = InMemory({"label": label, "number": np.arange(1000)})
    counts = tuple(count_labels(source, 4).tolist())
    balanced = balancing.Balanced(source, counts)

    def epoch(seed, **more):
        batches = list(balanced.batches(64, shuffle_seed=seed, **more))
        return np.concatenate([b["label"] for b in batches]), np.concatenate(
            [b["number"] for b in batches]
        )

    labels, numbers = epoch(1)
    assert len(labels) == balanced.examples() == 1000
    found = np.bincount(labels, minlength=4)
    assert found[1] == 0
    np.testing.assert_allclose(found[[0, 2, 3]], 1000 / 3, rtol=0.15)
    np.testing.assert_array_equal(label[numbers], labels)
    assert len(set(numbers[labels == 3])) == 10
    np.testing.assert_array_equal(numbers, epoch(1)[1])
    assert (numbers != epoch(2)[1]).any()
    apart = [epoch(1, worker=k, workers=3)[1] for k in range(3)]
    assert not set(apart[0]) & set(apart[1])
    assert [len(one) for one in apart] == [334, 333, 333]
    assert count_labels(balanced, 4).tolist() == list(counts)
