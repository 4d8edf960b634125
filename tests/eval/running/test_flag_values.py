import argparse
from collections.abc import Callable
from typing import Any

import pytest

from eval.running.flag_values import (
    count,
    positive,
    price,
    request_field,
    seconds,
    share,
    temperature,
)


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (positive, "1", 1),
        (count, "0", 0),
        (temperature, "model", "model"),
        (temperature, "0.7", 0.7),
        (share, "1", 1.0),
        (seconds, "0.5", 0.5),
        (price, "0", 0.0),
        (request_field, 'reflection={"max": [1]}', ("reflection", {"max": [1]})),
        (request_field, "stop=null", ("stop", None)),
    ],
)
def test_what_a_flag_may_be_is_read(read: Callable[[str], Any], text: str, value: Any) -> None:
    assert read(text) == value


@pytest.mark.parametrize(
    ("read", "text", "said"),
    [
        (positive, "0", "1 or more"),
        (count, "-1", "0 or more"),
        (temperature, "nan", "0 to 2"),
        (temperature, "2.1", "0 to 2"),
        (share, "7", "0 to 1"),
        (seconds, "0", "0.001 to 86400"),
        (seconds, "inf", "0.001 to 86400"),
        (price, "-1", "0 to 1000000000"),
        (price, "nan", "0 to 1000000000"),
        (request_field, "top_k", "NAME=JSON"),
        (request_field, "=3", "NAME=JSON"),
        (request_field, "top_k=yes", "NAME=JSON"),
        (request_field, "messages=[]", "messages is no field to add"),
        (request_field, 'model="another"', "model is no field to add"),
        (request_field, "temperature=1", "temperature is no field to add"),
    ],
)
def test_what_it_may_not_be_is_told(read: Callable[[str], Any], text: str, said: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=said):
        read(text)
