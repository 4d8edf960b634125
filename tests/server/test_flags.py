"""The flags of `reflect serve` explain themselves."""

from __future__ import annotations

import pytest

from server import flags


def test_every_flag_says_its_default(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        flags.parse(["--help"])
    text = " ".join(capsys.readouterr().out.split())
    named = [word for word in text.partition("positional")[2].split() if word.startswith("--")]
    assert len(named) >= 15
    for part in text.partition("HTTP:")[2].partition("examples:")[0].split(" --")[1:]:
        assert "(default" in part, part
