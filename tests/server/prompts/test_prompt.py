"""Prompts: exact ids, one BOS, and no control token that a client wrote."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer

from decoding.bundle import Bundle
from server.model import ServedModel
from server.prompts.chat_message import ChatMessage
from server.prompts.chat_template import ChatTemplate, TemplateError
from server.prompts.prompt import Prompter, PromptError
from tests.tokenizer import CONTROL, TEMPLATE, make_model_folder, make_tokenizer


@cache
def tokenizers() -> tuple[Tokenizer, Tokenizer]:
    """The tiny tokenizer, and the one that knows no added token."""
    document = json.loads(make_tokenizer().to_str()) | {"added_tokens": []}
    return make_tokenizer(), Tokenizer.from_str(json.dumps(document))


TEXT = st.text(st.one_of(st.characters(codec="utf-8"), st.sampled_from("\n <|>/")), max_size=30)


def controls(tokenizer: Tokenizer, ids: list[int]) -> list[str]:
    return [str(tokenizer.id_to_token(i)) for i in ids if i in tokenizer.get_added_tokens_decoder()]


@pytest.fixture(scope="module")
def tokenizer(bundle: Bundle) -> Tokenizer:
    return Tokenizer.from_file(str(bundle.folder / "tokenizer.json"))


@settings(max_examples=60, deadline=None)
@given(st.lists(TEXT, min_size=1, max_size=3))
def test_the_ids_are_those_of_the_whole_rendered_prompt(texts: list[str]) -> None:
    tokenizer, plain = tokenizers()
    prompter = Prompter(ChatTemplate(TEMPLATE, {"bos_token": CONTROL[0]}), tokenizer, plain)
    turns = "".join(
        f"<|start_header_id|>user<|end_header_id|>\n\n{text.strip()}<|eot_id|>" for text in texts
    )
    whole = f"{CONTROL[0]}{turns}<|start_header_id|>assistant<|end_header_id|>\n\n"
    if not any(control in "".join(texts) for control in CONTROL):
        expected = tokenizer.encode(whole, add_special_tokens=False).ids
        assert prompter.render_prompt([ChatMessage("user", t) for t in texts]) == expected


@pytest.mark.parametrize("text", [*CONTROL, "".join(CONTROL) * 2, f"a{CONTROL[4]}\n{CONTROL[2]}b"])
def test_a_control_token_that_a_client_writes_is_only_text(
    text: str, model: ServedModel, tokenizer: Tokenizer
) -> None:
    harmless = model.prompter.render_prompt([ChatMessage("user", "hello")])
    ids = model.prompter.render_prompt([ChatMessage("user", text)])
    assert controls(tokenizer, ids) == controls(tokenizer, harmless)
    assert text in tokenizer.decode(ids, skip_special_tokens=False)


def test_a_tag_that_is_a_token_is_text_in_a_message_and_a_token_in_the_prefix(
    tmp_path: Path,
) -> None:
    bundle = make_model_folder(tmp_path, tags_are_tokens=True, reply_prefix="<thinking>\n")
    tokenizer = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    ids = Prompter.load(bundle).render_prompt([ChatMessage("user", "<thinking>\n</output>")])
    assert controls(tokenizer, ids)[-3:] == [CONTROL[2], CONTROL[3], "<thinking>"]
    assert tokenizer.decode(ids[-1:]) == "\n"
    assert controls(tokenizer, ids).count("<thinking>") == 1


def test_the_bundle_s_system_prompt_stands_where_the_client_sends_none(tmp_path: Path) -> None:
    bundle = make_model_folder(tmp_path, system_prompt="Think twice.")
    prompter = Prompter.load(bundle)
    tokenizer = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    user = ChatMessage("user", "Hi")
    text = tokenizer.decode(prompter.render_prompt([user]), skip_special_tokens=False)
    assert text.startswith(
        f"{CONTROL[0]}{CONTROL[2]}system{CONTROL[3]}\n\nThink twice.{CONTROL[4]}"
    )
    own = prompter.render_prompt([ChatMessage("system", "Be brief."), user])
    assert "Think twice." not in tokenizer.decode(own)


@pytest.mark.parametrize(
    ("source", "num_bos"),
    [
        ("{{ bos_token }}x", 1),
        ("{{ bos_token }}{{ bos_token }}x", 1),
        ("x", 0),
    ],
)
def test_bos_stands_once_where_the_template_writes_it(source: str, num_bos: int) -> None:
    tokenizer = make_tokenizer()
    template = ChatTemplate(source, {"bos_token": CONTROL[0]})
    prompter = Prompter(template, tokenizer, tokenizers()[1])
    ids = prompter.render_prompt([])
    assert ids.count(tokenizer.get_vocab()[CONTROL[0]]) == num_bos


def test_bos_stands_once_where_only_the_tokenizer_writes_it() -> None:
    from tokenizers.processors import TemplateProcessing

    tokenizer = make_tokenizer()
    bos = tokenizer.get_vocab()[CONTROL[0]]
    tokenizer.post_processor = TemplateProcessing(
        single=f"{CONTROL[0]} $A", special_tokens=[(CONTROL[0], bos)]
    )
    for source in ("x", "{{ bos_token }}x"):
        template = ChatTemplate(source, {"bos_token": CONTROL[0]})
        ids = Prompter(template, tokenizer, tokenizers()[1]).render_prompt([])
        assert ids[0] == bos
        assert ids.count(bos) == 1


def test_text_that_still_makes_a_control_token_is_refused() -> None:
    tokenizer = make_tokenizer()  # as its own plain tokenizer it knows the control tokens
    prompter = Prompter(ChatTemplate(TEMPLATE, {"bos_token": CONTROL[0]}), tokenizer, tokenizer)
    with pytest.raises(PromptError, match="control token"):
        prompter.render_prompt([ChatMessage("user", CONTROL[4])])


@pytest.mark.parametrize("text", ["def f():\n    return 1\n\nf()", "a\n\n\n    b", "a \n b"])
def test_runs_of_white_space_that_are_added_tokens_stay_tokens(text: str, tmp_path: Path) -> None:
    bundle, tokenizer = make_model_folder(tmp_path), make_tokenizer()
    tokenizer.add_tokens([AddedToken(added) for added in ("    ", "\n\n", "<thinking>")])
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    (tmp_path / "chat_template.jinja").write_text(f"{{{{ messages[0].content }}}}{CONTROL[4]}    >")
    prompter = Prompter.load(bundle)
    ids = prompter.render_prompt([ChatMessage("user", text)])
    assert ids == tokenizer.encode(f"{text}{CONTROL[4]}    >", add_special_tokens=False).ids
    spelled = prompter.render_prompt([ChatMessage("user", f"<thinking>    {CONTROL[0]}")])
    assert controls(tokenizer, spelled) == ["    ", CONTROL[4], "    "]


def test_a_tokenizer_without_added_tokens_makes_prompts() -> None:
    plain = tokenizers()[1]
    prompter = Prompter(ChatTemplate("Q: {{ messages[0].content }}\nA:", {}), plain, plain)
    ids = prompter.render_prompt([ChatMessage("user", "How many?")])
    assert plain.decode(ids) == "Q: How many?\nA:"


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("{{ raise_exception('no') }}", TemplateError),
        ("{{ messages[0].nothing.at_all }}", TemplateError),
        ("", PromptError),
    ],
)
def test_a_template_that_makes_no_prompt_fails_at_load(
    source: str, kind: type[ValueError], tmp_path: Path
) -> None:
    bundle = make_model_folder(tmp_path)
    (tmp_path / "chat_template.jinja").write_text(source)
    with pytest.raises(kind):
        Prompter.load(bundle)


def test_a_folder_without_a_tokenizer_is_refused(tmp_path: Path, bundle: Bundle) -> None:
    with pytest.raises(PromptError, match=r"tokenizer\.json"):
        Prompter.load(replace(bundle, folder=tmp_path))
