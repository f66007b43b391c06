"""Arrays travel as base64 of little-endian numbers; what does not fit together is told so."""

import base64

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from steer_tui.domain import Malformed
from steer_tui.engines.directions.tensors import decode, encode_float32


@given(arrays(np.float32, array_shapes(max_dims=3, max_side=5), elements=st.floats(width=32, allow_nan=False)))
def test_float32_comes_back_to_the_last_bit(values: np.ndarray) -> None:
    assert np.array_equal(decode("float32", values.shape, encode_float32(values)), values)


def test_a_transposed_array_travels_row_by_row() -> None:
    values = np.arange(6, dtype=np.float64).reshape(2, 3).T
    assert base64.b64decode(encode_float32(values)) == np.array([0, 3, 1, 4, 2, 5], "<f4").tobytes()


def test_float16_is_widened() -> None:
    values = np.array([[1.5, -0.25], [65504.0, 0.0]], "<f2")
    decoded = decode("torch.float16", (2, 2), base64.b64encode(values.tobytes()).decode())
    assert decoded.dtype == np.float32
    assert np.array_equal(decoded, values.astype(np.float32))


def test_bfloat16_is_the_upper_half_of_a_float32() -> None:
    data = base64.b64encode(np.array([0x3F80, 0xC020, 0x0000], "<u2").tobytes()).decode()
    assert decode("bfloat16", [3], data).tolist() == [1.0, -2.5, 0.0]


def test_an_array_without_numbers_is_an_array() -> None:
    assert decode("float32", (0, 4), "").shape == (0, 4)


@pytest.mark.parametrize(
    ("dtype", "shape", "data", "sentence"),
    [
        ("int64", (1,), "AAAAAAAAAAA=", "of the type 'int64'"),
        ("float32\x1b[31m", (1,), "AAAAAA==", "of the type 'float32␛"),
        ("float32", (2,), "AAAAAA==", "4 bytes for an array of float32 .2."),
        ("float16", (1,), "AAAAAA==", "4 bytes for an array of float16"),
        ("float32", (-1,), "AAAAAA==", "impossible shape"),
        ("float32", (1,), "AAAA!A==", "not base64"),
        ("float32", (1,), "\u00e9", "not base64"),
        ("float32", (10**30,), "AAAAAA==", "impossible shape"),
        ("float32", (1,) * 100, "AAAAAA==", "impossible shape"),
        ("float32", (0, 10**30), "", "impossible shape"),
        ("bfloat16", (0, *[2**32] * 7), "", "impossible shape"),
    ],
)
def test_parts_that_do_not_fit_together_are_malformed(dtype: str, shape: tuple[int], data: str, sentence: str) -> None:
    with pytest.raises(Malformed, match=sentence):
        decode(dtype, shape, data)
