"""Templates are rendered as transformers does, with the clients' words kept apart."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from server.chat_template import ChatMessage, ChatTemplate, TemplateError
from tests.tokenizer import TEMPLATE

NAMED = {"bos_token": "<s>"}
SIMPLE = "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}"
TRIMMING = "{% for m in messages %}[{{ m['content'] | trim }}]{% endfor %}"


def rendered(source: str, *texts: str) -> list[tuple[str, bool]]:
    pieces = ChatTemplate(source, NAMED).render([ChatMessage("user", t) for t in texts])
    return [(piece.text, piece.is_template) for piece in pieces if piece.text]


def test_contents_come_back_as_the_clients_own_pieces() -> None:
    assert rendered(SIMPLE, "hello", "[user]") == [
        ("[user]", True),
        ("hello", False),
        ("[user]", True),
        ("[user]", False),
    ]


def test_a_template_that_does_not_trim_keeps_the_blanks() -> None:
    assert rendered(SIMPLE, " \n a ")[1] == (" \n a ", False)


def test_a_template_that_trims_trims_the_client_s_text() -> None:
    assert rendered(TRIMMING, " \n a ") == [("[", True), ("a", False), ("]", True)]


def test_a_message_that_the_template_leaves_out_is_left_out() -> None:
    assert rendered("{{ messages[1].content }}", "a", "b") == [("b", False)]


def test_a_message_that_the_template_repeats_is_repeated() -> None:
    assert rendered("{{ messages[0].content * 2 }}", "a") == [("a", False), ("a", False)]


def test_jinja_in_a_message_is_text() -> None:
    assert rendered(SIMPLE, "{{ 7 * 7 }}")[1] == ("{{ 7 * 7 }}", False)


def test_generation_marks_loop_controls_and_tojson_work() -> None:
    source = (
        "{% for m in messages %}{% if loop.index > 1 %}{% break %}{% endif %}"
        "{% generation %}{{ m.content }}{% endgeneration %}{% endfor %}{{ {'ä': '<'} | tojson }}"
    )
    assert rendered(source, "a", "b") == [("a", False), ('{"ä": "<"}', True)]


def test_a_template_can_refuse_the_messages() -> None:
    with pytest.raises(TemplateError, match="roles must alternate"):
        rendered("{{ raise_exception('roles must alternate') }}", "a")


def test_a_template_cannot_reach_into_python() -> None:
    with pytest.raises(TemplateError):
        rendered("{{ ''.__class__.__mro__[1].__subclasses__() }}", "a")


def test_a_template_that_is_broken_or_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match="compiled"):
        ChatTemplate("{% for %}", {})
    with pytest.raises(TemplateError, match="no chat template"):
        ChatTemplate.load(tmp_path)


def test_the_template_file_goes_before_the_configuration(tmp_path: Path) -> None:
    config = {"bos_token": {"content": "<s>"}, "chat_template": "config {{ bos_token }}"}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    assert ChatTemplate.load(tmp_path).render([])[0].text == "config <s>"
    (tmp_path / "chat_template.jinja").write_text("file {{ bos_token }}")
    assert ChatTemplate.load(tmp_path).render([])[0].text == "file <s>"


def test_of_several_templates_the_default_is_taken(tmp_path: Path) -> None:
    both = [{"name": "tools", "template": "t"}, {"name": "default", "template": "d"}]
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"chat_template": both}))
    assert ChatTemplate.load(tmp_path).render([])[0].text == "d"


@pytest.mark.engine  # transformers takes as long to import as the engine
def test_the_pieces_together_are_what_transformers_renders() -> None:
    transformers = pytest.importorskip("transformers.utils.chat_template_utils")
    turns = [("system", " Be brief. "), ("user", "Hi\n"), ("assistant", "Yes."), ("user", "Why?")]
    theirs, _ = transformers.render_jinja_template(
        [[{"role": role, "content": text} for role, text in turns]],
        chat_template=TEMPLATE,
        add_generation_prompt=True,
        bos_token="<|begin_of_text|>",
    )
    template = ChatTemplate(TEMPLATE, {"bos_token": "<|begin_of_text|>"})
    ours = template.render([ChatMessage(role, text) for role, text in turns])
    assert "".join(piece.text for piece in ours) == theirs[0]
