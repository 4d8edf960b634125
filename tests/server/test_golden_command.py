"""`reflect golden` records what the model says today."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from decoding.bundle import Bundle, GoldenReply
from server.golden_command import _agreement, main, rerecord
from tests.conftest import MODELS
from tests.fakes import Script, ScriptedEngine

GOLDEN = (GoldenReply((1, 2), (7, 8, 9)), GoldenReply((3,), (4, 5)))


async def test_golden_replies_become_what_the_engine_writes_unenforced(bundle: Bundle) -> None:
    engine = ScriptedEngine(lambda call: Script((7, 8, 6)[: call.sampling.max_tokens]))
    recorded = await rerecord(replace(bundle, golden_replies=GOLDEN), engine)
    assert recorded.golden_replies == (GoldenReply((1, 2), (7, 8, 6)), GoldenReply((3,), (7, 8)))
    assert [call.prompt_token_ids for call in engine.calls] == [(1, 2), (3,)]
    assert {call.budget for call in engine.calls} == {None}
    assert {call.sampling.temperature for call in engine.calls} == {0.0}


@pytest.mark.parametrize(
    ("token_ids", "words"),
    [((7, 8, 9), "as before, 3 tokens"), ((7, 1, 9), "new after 1 of 3"), ((7,), "new after 1 of")],
)
def test_how_far_the_old_reply_and_the_new_one_agree_is_told(
    token_ids: tuple[int, ...], words: str
) -> None:
    assert words in _agreement(GOLDEN[0], GoldenReply((1, 2), token_ids))


def test_a_bundle_without_golden_replies_is_refused(
    bundle: Bundle, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(bundle.folder)]) == 2
    assert "no golden replies" in capsys.readouterr().err


@pytest.mark.engine
@pytest.mark.usefixtures("_environment_put_back", "vacated")
def test_a_quantised_model_is_served_once_its_golden_replies_are_recorded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("vllm", reason="vLLM is not installed")
    if not (MODELS / "demo" / "config.json").is_file():
        pytest.skip("models/demo is not built: `make demo-model`")
    from tests.quantised import quantise

    folder = quantise(MODELS / "demo", tmp_path / "demo-int8")
    before = Bundle.load(folder).golden_replies
    assert main([str(folder), "--kv-cache-gib", "0.25"]) == 0
    after = Bundle.load(folder).golden_replies
    assert len(after) == len(before)
    assert capsys.readouterr().out.count("golden reply") == len(before)
    assert [golden.prompt_token_ids for golden in after] == [g.prompt_token_ids for g in before]
    pairs = zip(before, after, strict=True)
    assert any(old.token_ids[:5] == new.token_ids[:5] for old, new in pairs)
