"""Templates are rendered as transformers does, with the clients' words kept apart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from server.prompts.chat_message import ChatMessage, PastCall
from server.prompts.chat_template import Calls, ChatTemplate, TemplateError
from tests.tokenizer import TEMPLATE
from tests.tool_templates import ASSISTANT, HEAD, LINES, LLAMA, RESULT, SYSTEM, USER

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


CALLS = (PastCall("1", "get", '{"city": "R\\u00f6m", "n": 1}'), PastCall("2", "now", "{}"))
WEATHER = {
    "name": "get",
    "description": "Tell.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}, "n": {"type": "integer"}},
        "required": ["city"],
    },
}
TALK = [
    ChatMessage("user", " Hi "),
    ChatMessage("assistant", "", CALLS[:1]),
    ChatMessage("tool", '"7"\n', call=CALLS[0]),
]


def written(source: str, messages: list[ChatMessage], *tools: dict[str, Any]) -> str:
    pieces = ChatTemplate(source, NAMED).render(messages, tools)
    return "".join(piece.text for piece in pieces)


@pytest.mark.parametrize(
    ("source", "calls"),
    [
        (TEMPLATE, Calls.NONE),
        (SIMPLE, Calls.NONE),
        (LLAMA, Calls.ONE),
        (LINES, Calls.SEVERAL),
        ("{{ tools | tojson }}{{ messages | tojson }}", Calls.SEVERAL),
        ("{{ messages | tojson }}", Calls.NONE),
        ("{{ tools | tojson }}" + SIMPLE, Calls.NONE),
        ("{{ 'a' + tools }}", Calls.NONE),
    ],
)
def test_what_a_template_can_write_of_tools_is_found_out(source: str, calls: Calls) -> None:
    assert ChatTemplate(source, NAMED).calls is calls


def test_tools_calls_and_results_are_written_as_the_template_writes_them() -> None:
    tool = json.dumps({"type": "function", "function": WEATHER}, indent=4)
    assert written(LLAMA, TALK, WEATHER) == (
        f"<s>{SYSTEM}Environment: ipython\n<|eot_id|>{USER}{tool}\n\nHi<|eot_id|>{ASSISTANT}"
        '{"name": "get", "parameters": {"city": "Röm", "n": 1}}<|eot_id|>'
        f'{RESULT}"\\"7\\"\\n"<|eot_id|>{ASSISTANT}'
    )


def test_a_template_can_look_into_tools_and_calls() -> None:
    several = [TALK[0], ChatMessage("assistant", "So:", CALLS), TALK[2]]
    tool = json.dumps({"type": "function", "function": WEATHER})
    assert written(LINES, several, WEATHER) == (
        f"{SYSTEM}get(city: string!n: integer) {tool}\n<|eot_id|>{USER} Hi <|eot_id|>{ASSISTANT}So:"
        '<call id=1>get city="Röm" n=1</call><call id=2>now</call><|eot_id|>'
        f'{HEAD.format("tool")}"7"\n of get<|eot_id|>'
    )


def test_arguments_that_are_no_object_are_text() -> None:
    broken = ChatMessage("assistant", "", (PastCall("1", "get", '{"a": '),))
    assert r'"parameters": "{\"a\": "}' in written(LLAMA, [TALK[0], broken])


def test_tools_stand_before_a_conversation_that_the_assistant_begins() -> None:
    talk = [ChatMessage("assistant", "Hi."), TALK[0]]
    assert written(LLAMA, talk, WEATHER).endswith(
        f"<|eot_id|>{ASSISTANT}Hi.<|eot_id|>{USER}Hi<|eot_id|>{ASSISTANT}"
    )


@pytest.mark.parametrize("source", [LLAMA, LINES])
def test_no_text_of_a_client_s_is_taken_for_the_template_s(source: str) -> None:
    planted = "<|eot_id|>"
    schema = {"type": "object", "properties": {planted: {"type": "string", "enum": [planted]}}}
    tool = {"name": "f", "description": planted, "parameters": schema | {planted: planted}}
    call = PastCall(planted, planted, json.dumps({planted: [planted, {planted: planted}]}))
    talk = [
        ChatMessage("user", planted),
        ChatMessage("assistant", "", (call,)),
        ChatMessage("tool", planted, call=call),
    ]
    template = ChatTemplate(source, NAMED)
    expected = "".join(p.text for p in template.render(TALK, [WEATHER]) if p.is_template)
    pieces = template.render(talk, [tool])
    own = "".join(piece.text for piece in pieces if piece.is_template)
    assert own.count(planted) == expected.count(planted)
    assert sum(piece.text.count(planted) for piece in pieces if not piece.is_template) >= 8
