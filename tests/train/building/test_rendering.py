"""The labels of a row decode to exactly what is to be learned, for every tokenizer and mode."""

import json
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tokenizers import AddedToken

from decoding.bundle import Bundle
from decoding.format import ReplyFormat
from server.prompts.chat_message import ChatMessage
from server.prompts.prompt import Prompter
from tests.train.building.tokenizers_made import (
    DEMO,
    demo_tokenizer,
    legacy_tokenizer,
    llama3_tokenizer,
    sentencepiece_tokenizer,
    small_tokenizer,
)
from train.building.conversation import Conversation, Drop, Reason
from train.building.corrections import correct
from train.building.dataset import KINDS, MASKED, Row
from train.building.generated import read_generated
from train.building.masks import Mask, copies
from train.building.questions import Answer, read_questions
from train.building.rendering import Rendered, Renderer, Taught
from train.building.replies import output, reflection, thinking
from train.building.settings import Generated
from train.building.tags import Tags, add_tags
from train.errors import ConfigError
from train.segments import Kind, Segment

FORMAT = ReplyFormat(is_thinking_optional=True)
SETUPS: list[tuple[Callable[[], Any], Tags]] = [
    (demo_tokenizer, "added"),
    (llama3_tokenizer, "added"),
    (llama3_tokenizer, "special"),
    (llama3_tokenizer, "text"),
    (sentencepiece_tokenizer, "added"),
]
NAMES = [f"{make.__name__.removesuffix('_tokenizer')}-{tags}" for make, tags in SETUPS]


@pytest.fixture(scope="module", params=SETUPS, ids=NAMES)
def tokenizer(request: pytest.FixtureRequest) -> Any:
    make, tags = request.param
    made = make()
    add_tags(made, tags, FORMAT)
    return made


def conversation(*segments: Segment, question: str = "How many?") -> Conversation:
    return Conversation("id", "file.jsonl", "train", question, segments)


def conversations() -> Iterator[Conversation]:
    """Of every builder: answers alone, drafts with criticism, problems, self-corrections."""
    for text in ("4", "Two\n\nparts. 数学 🙂 é <b>", "  blanks around  ", "'quoted', a.b..."):
        yield conversation(output(text, FORMAT), question=f"Say {text}")
        draft = Segment(f"{text.strip()}\n", Kind.WRONG, loss=False)
        criticism = reflection("Too short: 数学 is missing.", FORMAT)
        yield conversation(*thinking(draft, criticism, format=FORMAT), output(text, FORMAT))
    for family in ("countdown", "word problems"):
        yield from read_generated(Generated(family, 40, 0.7), 1, 0.1)
        for question in read_questions(family, 10, 1):
            for given in (Answer("8 + 3 = 11", "12"), Answer("", question.answer)):
                reply = correct(question, given, random.Random(1), FORMAT)
                yield conversation(*reply, question=question.prompt)


def render(tokenizer: Any, *taught: Taught, max_length: int = 4096) -> list[Rendered | Drop]:
    return Renderer(tokenizer, FORMAT, max_length).render(taught)


def render_one(tokenizer: Any, one: Conversation, system: str = "") -> Row:
    (rendered,) = render(tokenizer, Taught(one, system, one.segments))
    assert isinstance(rendered, Rendered)
    return rendered.row


@pytest.mark.parametrize("mask", ["none", "segment", "prefix"])
def test_the_labels_decode_to_exactly_what_is_to_be_learned(tokenizer: Any, mask: Mask) -> None:
    taught = [
        Taught(one, "", segments, copy)
        for one in conversations()
        for copy, segments in enumerate(copies(one.segments, mask))
    ]
    for each, rendered in zip(taught, render(tokenizer, *taught), strict=True):
        assert isinstance(rendered, Rendered)
        learned = rendered.row.labels[rendered.row.labels != MASKED]
        wanted = "".join(segment.text for segment in each.segments if segment.loss)
        assert tokenizer.decode(learned) == wanted + "<|eot_id|>"
        assert rendered.num_straddling == 0


def test_every_kind_of_token_decodes_to_its_segments(tokenizer: Any) -> None:
    for one in conversations():
        row = render_one(tokenizer, one)
        for kind in (Kind.WRONG, Kind.REFLECTION, Kind.REDO):
            ids = row.input_ids[row.kinds == KINDS.index(kind)]
            wanted = "".join(s.text for s in one.segments if s.kind is kind)
            assert tokenizer.decode(ids) == wanted


def test_a_row_is_the_whole_conversation_as_the_template_renders_it(tokenizer: Any) -> None:
    for one in conversations():
        messages = [
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": one.question},
            {"role": "assistant", "content": one.reply},
        ]
        text = tokenizer.apply_chat_template(messages, tokenize=False)
        row = render_one(tokenizer, one, "Be kind.")
        assert row.input_ids.tolist() == tokenizer(text, add_special_tokens=False)["input_ids"]


def test_there_is_one_bos_and_the_last_label_ends_the_turn(tokenizer: Any) -> None:
    for one in conversations():
        row = render_one(tokenizer, one)
        assert row.input_ids.tolist().count(tokenizer.bos_token_id) == 1
        assert row.input_ids[0] == tokenizer.bos_token_id
        assert row.labels[-1] == tokenizer.eos_token_id
        assert (row.labels == MASKED).argmin() == (row.kinds == 0).sum()


def test_prompts_are_those_that_the_server_makes() -> None:
    tokenizer, prompter = demo_tokenizer(), Prompter.load(Bundle.load(DEMO))
    for one in conversations():
        row = render_one(tokenizer, one)
        served = prompter.render_prompt([ChatMessage("user", one.question)])
        assert row.input_ids[row.kinds == 0].tolist() == served


def test_prompts_are_those_that_the_demo_model_was_tested_with() -> None:
    contract = json.loads((DEMO / "reflection.json").read_text())
    tokenizer = demo_tokenizer()
    for golden in contract["golden_replies"]:
        text = tokenizer.decode(golden["prompt_token_ids"], skip_special_tokens=True)
        question = text.removeprefix("user\n\n").removesuffix("assistant\n\n")
        row = render_one(tokenizer, conversation(output("4", FORMAT), question=question))
        assert row.input_ids[row.kinds == 0].tolist() == golden["prompt_token_ids"]


def test_a_token_on_the_edge_of_a_mask_is_counted_and_not_learned() -> None:
    tokenizer = small_tokenizer()
    parts = (Segment("<output>ap", Kind.WRONG, False), Segment("ples</output>", Kind.OUTPUT))
    (rendered,) = render(tokenizer, Taught(conversation(*parts), "", parts))
    assert isinstance(rendered, Rendered)
    assert rendered.num_straddling == 1
    learned = rendered.row.labels[rendered.row.labels != MASKED]
    assert "ples</output><|eot_id|>".endswith(tokenizer.decode(learned))


def test_a_conversation_that_is_too_long_is_dropped_and_never_cut(tokenizer: Any) -> None:
    one = conversation(output("word " * 100, FORMAT))
    length = len(render_one(tokenizer, one))
    taught = Taught(one, "", one.segments)
    (fitting,) = render(tokenizer, taught, max_length=length)
    (dropped,) = render(tokenizer, taught, max_length=length - 1)
    assert isinstance(fitting, Rendered)
    assert dropped == Drop.of(one, Reason.TOO_LONG, f"{length} tokens of {length - 1}")


@pytest.mark.parametrize(
    "one",
    [
        conversation(output("4", FORMAT), question="What is <|eot_id|> for?"),
        conversation(output("It ends a turn: <|eot_id|>", FORMAT)),
    ],
)
def test_text_that_spells_a_control_token_is_dropped(tokenizer: Any, one: Conversation) -> None:
    (dropped,) = render(tokenizer, Taught(one, "", one.segments))
    assert dropped == Drop.of(one, Reason.CONTROL_TEXT, "<|eot_id|>")


def test_runs_of_white_space_that_are_added_tokens_are_text() -> None:
    tokenizer = small_tokenizer()
    tokenizer.add_tokens([AddedToken(text) for text in ("    ", "\n\n")])
    code = conversation(output("def f():\n    return 1\n\nf()", FORMAT), question="A\n\n    b")
    row = render_one(tokenizer, code)
    learned = row.labels[row.labels != MASKED]
    assert tokenizer.decode(learned) == f"{code.reply}<|eot_id|>"
    assert {*tokenizer.convert_tokens_to_ids(["    ", "\n\n"])} < {*row.input_ids.tolist()}
    tokenizer.add_special_tokens({"extra_special_tokens": ["\t\t"]})
    tabs = conversation(output("\t\tindented", FORMAT), question="A")
    assert isinstance(render(tokenizer, Taught(tabs, "", tabs.segments))[0], Rendered)
    special = conversation(output("4", FORMAT), question="\t\tA")
    (dropped,) = render(tokenizer, Taught(special, "", special.segments))
    assert dropped == Drop.of(special, Reason.CONTROL_TEXT, "\t\t")


def test_a_question_about_a_tag_is_dropped_where_the_tag_is_a_token(tokenizer: Any) -> None:
    one = conversation(output("HTML5.", FORMAT), question="What is <output> in?")
    (found,) = render(tokenizer, Taught(one, "", one.segments))
    is_token = "<output>" in tokenizer.get_added_vocab()
    assert isinstance(found, Drop) == is_token


def test_a_bos_that_the_tokenizer_adds_itself_is_there_once() -> None:
    from tokenizers.processors import TemplateProcessing

    tokenizer = small_tokenizer()
    bos, bos_id = tokenizer.bos_token, tokenizer.bos_token_id
    processing = TemplateProcessing(single=f"{bos} $A", special_tokens=[(bos, bos_id)])
    for template in (tokenizer.chat_template, "{{ bos_token }}" + tokenizer.chat_template):
        for without in (template, template.replace("{{- bos_token }}", "")):
            tokenizer.chat_template = without
            tokenizer.backend_tokenizer.post_processor = processing
            row = render_one(tokenizer, conversation(output("4", FORMAT)))
            assert row.input_ids.tolist()[:2] == [
                bos_id,
                tokenizer.convert_tokens_to_ids("<|start_header_id|>"),
            ]
            assert len(row.labels) == len(row.input_ids) == len(row.kinds)


def test_a_template_that_ends_no_turn_is_refused() -> None:
    tokenizer = small_tokenizer()
    tokenizer.chat_template = "{% for m in messages %}{{ m.content }}\n{% endfor %}"
    with pytest.raises(ConfigError, match="would never stop"):
        Renderer(tokenizer, FORMAT, 100)
    for none in (None, {"tool_use": "{{ tools }}"}):
        tokenizer.chat_template = none
        with pytest.raises(
            ConfigError, match="no chat template, or several and none named default"
        ):
            Renderer(tokenizer, FORMAT, 100)


def test_a_tokenizer_that_learns_a_blank_behind_a_tag_is_refused_where_tags_are_tokens() -> None:
    tokenizer = legacy_tokenizer()
    one = conversation(output("4 apples", FORMAT))
    row = render_one(tokenizer, one)
    assert tokenizer.decode(row.labels[row.labels != MASKED]) == f"{one.reply}<|eot_id|>"
    add_tags(tokenizer, "added", FORMAT)
    with pytest.raises(
        ConfigError, match=r"'<thinking> text.* build.tags = \"text\", or a pre-tok"
    ):
        Renderer(tokenizer, FORMAT, 100)


def test_the_end_of_a_turn_may_be_another_than_eos() -> None:
    tokenizer = small_tokenizer()
    template = tokenizer.chat_template
    tokenizer.chat_template = re.sub(r"<\|eot_id\|>", "<|end_of_text|>", template)
    row = render_one(tokenizer, conversation(output("4", FORMAT)))
    assert row.labels[-1] == tokenizer.convert_tokens_to_ids("<|end_of_text|>")


def test_loss_flags_of_a_copy_count_and_not_those_of_the_conversation() -> None:
    tokenizer = demo_tokenizer()
    one = conversation(output("4", FORMAT))
    masked = tuple(replace(segment, loss=False) for segment in one.segments)
    (rendered,) = render(tokenizer, Taught(one, "", masked, copy=1))
    assert isinstance(rendered, Rendered)
    assert rendered.row.copy == 1
    assert np.flatnonzero(rendered.row.labels != MASKED).tolist() == [len(rendered.row) - 1]
