"""What a command line asks for is put together as it says."""

from __future__ import annotations

import pytest

from decoding.bundle import Bundle, BundleError
from server import assembly, flags, model_folder


def test_a_model_that_drafts_is_found_as_the_one_that_answers(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_folder, "MODELS", bundle.folder.parent)
    arguments = flags.parse(["tiny"])
    drafts = {"model": "tiny", "num_speculative_tokens": 3}
    arguments.engine = {"speculative_config": drafts, "seed": 1}
    told = assembly.engine_settings(arguments, bundle).vllm
    found = str(bundle.folder)
    assert told == {"speculative_config": {**drafts, "model": found}, "seed": 1}
    arguments.engine["speculative_config"] = {"method": "ngram", "model": "ngram"}
    assert assembly.engine_settings(arguments, bundle).vllm == arguments.engine
    arguments.engine["speculative_config"] = {"model": "no-such-model"}
    with pytest.raises(BundleError, match="no-such-model"):
        assembly.engine_settings(arguments, bundle)
