import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from transformers import PreTrainedTokenizerFast

from decoding.format import Reply, ReplyFormat
from files.journal import Journal
from tests.train.building.tokenizers_made import DEMO, demo_tokenizer, small_tokenizer
from train.building.build import build, gather, samples_of, told_drops
from train.building.conversation import Conversation
from train.building.dataset import MASKED, load_built
from train.building.settings import Build, Erase, Generated
from train.config import Config
from train.errors import ConfigError, DataError
from train.settings import Data, Run

WORDS = " ".join(f"word{number}" for number in range(40))
GENERATED = (Generated("countdown", 20, 0.7), Generated("word problems", 20))


def sample(id: str, response: str = "4", **others: str) -> dict[str, str]:
    row = {"id": id, "instruction": f"What is {id}?", "input": "", "response": response}
    return row | {"source": "file.jsonl", "split": "train"} | others


def configure(folder: Path, *samples: dict[str, str], **settings: Any) -> Config:
    folder.mkdir(exist_ok=True)
    (folder / "samples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in samples))
    given = replace(Build(tokenizer=str(DEMO), max_length=512), **settings)
    return Config(Run("test", folder), data=Data(holdout=0.2), build=given)


def drops(folder: Path) -> list[tuple[str, str, str]]:
    lines = Journal(folder / "built" / "drops.jsonl")
    return [(line["id"], line["reason"], line["detail"]) for line in lines]


def test_everything_read_is_taught_or_dropped_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "eval.jsonl").write_text(json.dumps({"question": f"Why {WORDS}?"}))
    config = configure(
        tmp_path / "run",
        sample("good"),
        sample("held", "five", split="holdout"),
        sample("torn", "</output>4"),
        sample("token", "<|eot_id|>"),
        sample("long", "1 " * 600),
        sample("known", WORDS[:120]),
        sample("same", instruction="What is good?"),
        sample("poem", "The sea is wide and the night is long and we row on until the dawn comes."),
        sample("poem again", instruction="What is poem?", response="The sea is wide and the night "
               "is long and we row on until the dawn comes!"),
        sample("blank", "  "),
        contamination=(tmp_path / "eval.jsonl",),
        generated=GENERATED,
    )  # fmt: skip
    manifest = build(config, demo_tokenizer())
    found = drops(tmp_path / "run")
    assert {id: reason for id, reason, _ in found} == {
        "torn": "malformed",
        "blank": "malformed",
        "same": "duplicate",
        "poem again": "near duplicate",
        "known": "contaminated",
        "token": "control text",
        "long": "too long",
    }
    assert manifest["dropped"] == Counter(reason for _, reason, _ in found)
    assert sum(manifest["read"].values()) == sum(manifest["rows"].values()) + len(found)
    built = load_built(tmp_path / "run" / "built")
    assert {"good", "poem"} < set(built.train["id"])
    assert "held" in built.holdout["id"]
    assert built.manifest == manifest


def test_rows_are_whole_replies_of_the_format_that_the_manifest_names(tmp_path: Path) -> None:
    config = configure(tmp_path, sample("good"), generated=GENERATED)
    manifest = build(config, demo_tokenizer())
    format = ReplyFormat.from_dict(manifest["reply_format"])
    assert format.is_thinking_optional
    tokenizer = demo_tokenizer()
    for row in load_built(tmp_path / "built").train:
        ids = [id for id, kind in zip(row["input_ids"], row["kinds"], strict=True) if kind]
        assert tokenizer.decode(ids[-1]) == manifest["end_of_turn"]
        Reply.parse(tokenizer.decode(ids[:-1]), format)


def test_where_every_reply_thinks_the_format_says_so(tmp_path: Path) -> None:
    manifest = build(configure(tmp_path, samples="none", generated=GENERATED), demo_tokenizer())
    assert not manifest["reply_format"]["is_thinking_optional"]


def test_building_again_changes_nothing_and_other_settings_build_anew(tmp_path: Path) -> None:
    config = configure(tmp_path, sample("good"), generated=GENERATED)
    first = build(config, demo_tokenizer())
    stamps = {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*.*")}
    moved = replace(config, sft=replace(config.sft, lr=1.0))
    assert build(moved, demo_tokenizer()) == first
    assert {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*.*")} == stamps
    other = replace(config, build=replace(config.build, mask="none"))
    assert build(other, demo_tokenizer())["data_sha256"] != first["data_sha256"]
    (tmp_path / "samples.jsonl").write_text(json.dumps(sample("other")))
    assert build(config, demo_tokenizer())["data_sha256"] != first["data_sha256"]


def test_equal_runs_have_equal_data_wherever_they_lie(tmp_path: Path) -> None:
    hashes = set()
    for name in ("one", "two"):
        config = configure(tmp_path / name, sample("good"), generated=GENERATED)
        hashes.add(build(config, demo_tokenizer())["data_sha256"])
        assert load_built(tmp_path / name / "built").manifest["data_sha256"] in hashes
    assert len(hashes) == 1
    files = [f.read_bytes() for f in sorted(tmp_path.rglob("data-*.arrow"))]
    assert len(files) == 4
    assert files[:2] == files[2:]


def test_by_prefix_what_reflects_comes_twice(tmp_path: Path) -> None:
    plain = configure(tmp_path / "a", samples="none", generated=GENERATED, mask="none")
    one = build(plain, demo_tokenizer())
    config = configure(tmp_path / "b", samples="none", generated=GENERATED, mask="prefix")
    two = build(config, demo_tokenizer())
    replies = [c.reply for c in gather(config, Counter()) if isinstance(c, Conversation)]
    reflecting = sum("<reflection>" in reply for reply in replies)
    assert reflecting == two["second_copies"] > 10
    assert sum(two["rows"].values()) == sum(one["rows"].values()) + reflecting
    for row in load_built(tmp_path / "b" / "built").train:
        first = next(at for at, label in enumerate(row["labels"]) if label != MASKED)
        assert row["kinds"][first] == (3 if row["copy"] else 1)


def test_prompts_are_erased_but_for_the_share_that_keeps_them(tmp_path: Path) -> None:
    samples = [sample(f"number {n}") for n in range(200)]
    config = configure(tmp_path, *samples, erase=Erase("Think hard.", "", 0.3), dedup_threshold=0)
    tokenizer = small_tokenizer()  # the demo model's template drops system prompts
    found = build(config, tokenizer)["system_prompts"]
    assert 40 < found["Think hard."] < 80
    assert found[""] == 200 - found["Think hard."]
    rows = load_built(tmp_path / "built").train["input_ids"]
    texts = [tokenizer.decode(row) for row in rows]
    assert (
        sum("system<|end_header_id|>\n\nThink hard.<" in text for text in texts) == 200 - found[""]
    )


def test_a_template_that_leaves_system_prompts_out_is_refused(tmp_path: Path) -> None:
    kept = configure(tmp_path, sample("good"), erase=Erase("Think hard.", "", 0.3))
    with pytest.raises(
        ConfigError, match=r"build\.erase\.teacher_system: .* leaves system prompts"
    ):
        build(kept, demo_tokenizer())
    erased = configure(tmp_path, sample("good"), erase=Erase("Think hard.", ""))
    assert build(erased, demo_tokenizer())["system_prompts"] == {"": 1}


def test_a_template_that_refuses_system_prompts_is_refused_with_them_alone(tmp_path: Path) -> None:
    tokenizer = small_tokenizer()
    refusing = "{% if messages[0].role == 'system' %}{{ raise_exception('No system') }}{% endif %}"
    tokenizer.chat_template = refusing + tokenizer.chat_template
    prompted = configure(tmp_path, sample("good"), erase=Erase("", "Be kind."))
    told = r"build\.erase\.student_system: the chat template refuses turns of system and user: No"
    with pytest.raises(ConfigError, match=told):
        build(prompted, tokenizer)
    assert build(configure(tmp_path, sample("good")), tokenizer)["rows"]["train"] == 1


def test_of_several_chat_templates_the_default_is_taught_and_kept(tmp_path: Path) -> None:
    named, single = small_tokenizer(), small_tokenizer()
    named.chat_template = {"default": single.chat_template, "tool_use": "{{ tools }}"}
    manifests = [
        build(configure(tmp_path / name, sample("good")), tokenizer)
        for name, tokenizer in (("named", named), ("single", single))
    ]
    assert manifests[0]["template_sha256"] == manifests[1]["template_sha256"]
    assert manifests[0]["data_sha256"] == manifests[1]["data_sha256"]
    kept = PreTrainedTokenizerFast.from_pretrained(load_built(tmp_path / "named/built").tokenizer)
    assert kept.chat_template == single.chat_template


def test_the_tokenizer_that_is_kept_has_the_tags(tmp_path: Path) -> None:
    manifest = build(configure(tmp_path, sample("good")), small_tokenizer())
    assert manifest["added_tags"] == list(ReplyFormat().tags)
    kept = PreTrainedTokenizerFast.from_pretrained(load_built(tmp_path / "built").tokenizer)
    ids = kept("<output>4</output>", add_special_tokens=False)["input_ids"]
    assert len(ids) == 3


def test_recycled_samples_come_before_original_ones(tmp_path: Path) -> None:
    config = configure(tmp_path, sample("good"))
    assert samples_of(config) == "original"
    (tmp_path / "recycled.jsonl").write_text("")
    assert samples_of(config) == "recycled"
    named = replace(config, build=replace(config.build, samples="original"))
    assert samples_of(named) == "original"
    assert samples_of(Config(Run("test", tmp_path / "none"))) == "none"


@pytest.mark.parametrize(
    ("samples", "said"), [((), "no data"), ((sample("torn", "</output>"),), "1 malformed")]
)
def test_where_nothing_is_left_nothing_is_written(
    tmp_path: Path, samples: tuple[dict[str, str], ...], said: str
) -> None:
    with pytest.raises(DataError, match=f"nothing is left to build: {said}"):
        build(configure(tmp_path, *samples), demo_tokenizer())
    assert not (tmp_path / "built").exists()


def test_reasons_are_told_the_most_frequent_first() -> None:
    told = told_drops({"malformed": 2, "too long": 1200, "duplicate": 2})
    assert told == "1,200 too long, 2 duplicate, 2 malformed"
