"""The text of samples and dates."""

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tfds_eo.time_sen2_crop import samples

HEADER = "B1,B2,B3,B4,B5,B6,B7,B8,B9,Flag"


def text_of(rows, end="\n", last=True):
    lines = [HEADER, *(",".join(map(str, row)) for row in rows)]
    return (end.join(lines) + (end if last else "")).encode()


def table(steps):
    values = hnp.arrays(np.uint16, (steps, 9))
    flags = hnp.arrays(np.uint8, (steps, 1), elements=st.integers(0, 3))
    return st.tuples(values, flags)


@hypothesis.given(data=st.data(), steps=st.integers(1, 9), count=st.integers(1, 5))
@hypothesis.settings(deadline=None)
def test_samples_come_back_as_they_were_written(data, steps, count):
    tables = [data.draw(table(steps)) for _ in range(count)]
    texts = [
        text_of(
            np.concatenate(columns, axis=1, dtype=int),
            end=data.draw(st.sampled_from(["\n", "\r\n"])),
            last=data.draw(st.booleans()),
        )
        for columns in tables
    ]
    names = [f"{n}.csv" for n in range(count)]
    reflectance, condition = samples.parse_samples(texts, names, steps)
    np.testing.assert_array_equal(reflectance, [values for values, _ in tables])
    np.testing.assert_array_equal(condition, [flags[:, 0] for _, flags in tables])
    assert (reflectance.dtype, condition.dtype) == (np.uint16, np.uint8)


GOOD = [[100 * row + column for column in range(9)] + [row % 4] for row in range(5)]


def changed(row, column, value):
    rows = [list(line) for line in GOOD]
    rows[row][column] = value
    return text_of(rows)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "must start with the line 'B1,B2"),
        (b"1,2,3,4,5,6,7,8,9,0\n" * 5, "got '1,2,3,4,5,6,7,8,9,0'"),
        (text_of(GOOD).replace(b"Flag", b"flag"), "Flag'; got 'B1,.*,flag'"),
        (text_of(GOOD[:4]), "must have a row for each of the 5 dates.*has 4"),
        (text_of([*GOOD, GOOD[0]]), "has 6"),
        (text_of(GOOD) + b"\n", "has 6"),
        (changed(2, 3, "x"), "B4 in line 4 of bad.csv .* 0 to 65535; got 'x'"),
        (changed(0, 0, ""), "B1 in line 2 of bad.csv .*got ''"),
        (changed(4, 8, "-1"), "B9 in line 6 of bad.csv .*got '-1'"),
        (changed(1, 7, "65536"), "B8 in line 3 of bad.csv .*got '65536'"),
        (changed(1, 7, "3.5"), "got '3.5'"),
        (changed(1, 7, " 3"), "got ' 3'"),
        (changed(1, 7, "0x10"), "got '0x10'"),
        (changed(3, 9, "4"), "Flag in line 5 of bad.csv .* 0 to 3; got '4'"),
        (changed(3, 9, "1,1"), "line 5 of bad.csv must have 10 values"),
        (changed(3, 9, "\xe9"), "Flag in line 5 of bad.csv"),
    ],
)
def test_a_bad_sample_among_good_ones_is_named(text, message):
    texts = [text_of(GOOD), text, text_of(GOOD)]
    with pytest.raises(ValueError, match=message):
        samples.parse_samples(texts, ["good.csv", "bad.csv", "other.csv"], 5)


def test_a_row_too_many_does_not_make_up_for_one_too_few():
    texts = [text_of(GOOD[:4]), text_of([*GOOD, GOOD[0]])]
    with pytest.raises(ValueError, match=r"0\.csv must have a row for each of the 5"):
        samples.parse_samples(texts, ["0.csv", "1.csv"], 5)


def test_dates_are_days_since_1970():
    text = b"acquisition_date\r\n19700101\r\n19700201\r\n20180228\r\n20180228"
    days = samples.parse_dates(text, "dates.csv")
    assert days.tolist() == [0, 31, 17590, 17590]
    assert days.dtype == np.int32


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "must start with the line 'acquisition_date'; got ''"),
        (b"date\n20180101\n", "got 'date'"),
        (b"acquisition_date\n", "at least one date"),
        (b"acquisition_date\n2018-01-01\n", "line 2 of dates.csv .*got '2018-01-01'"),
        (b"acquisition_date\n20180101\n20180230\n", "line 3 .*got '20180230'"),
        (b"acquisition_date\n\n", "got ''"),
        (
            b"acquisition_date\n20180105\n20180106\n20180104\n",
            "must not decrease; line 4 has 20180104 after 20180106",
        ),
    ],
)
def test_bad_dates_are_named(text, message):
    with pytest.raises(ValueError, match=message):
        samples.parse_dates(text, "dates.csv")
