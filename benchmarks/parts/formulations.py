"""The reply format in the languages of the peers, each as well as its language can say it.

What a language cannot say is left out: free text in xgrammar may be blank and may be invalid UTF-8;
none of them counts tokens over the whole reply.
"""

from __future__ import annotations

import json
import re
from itertools import groupby

import xgrammar
from xgrammar import structural_tag as tags

from decoding.blank import blank_characters
from decoding.format import ReplyFormat, Section

THINKING, REFLECTION, OUTPUT = Section.THINKING, Section.REFLECTION, Section.OUTPUT


def structural_tag(format: ReplyFormat, schema: str | None = None) -> str:
    """Return xgrammar's structural tag: sections whose text excludes the tags.

    schema: the JSON text of a schema that the answer must meet.
    """
    text = tags.AnyTextFormat(excludes=list(format.tags))
    thoughts = tags.TriggeredTagsFormat(
        triggers=[format.open(REFLECTION)],
        tags=[_tag(format, REFLECTION, text)],
        excludes=[tag for tag in format.tags if tag != format.open(REFLECTION)],
    )
    blank = tags.RegexFormat(pattern=rf"[ \t\r\n]{{0,{format.max_blank}}}")
    block = tags.SequenceFormat(elements=[_tag(format, THINKING, thoughts), blank])
    answer: object = text
    if schema is not None:
        answer = tags.JSONSchemaFormat(json_schema=json.loads(schema), max_whitespace_cnt=1)
    whole = tags.SequenceFormat(
        elements=[tags.PlusFormat(content=block), _tag(format, OUTPUT, answer)]
    )
    return str(xgrammar.StructuralTag(format=whole).model_dump_json())


def _tag(format: ReplyFormat, section: Section, content: object) -> tags.TagFormat:
    return tags.TagFormat(begin=format.open(section), content=content, end=format.close(section))


def dispatch_ebnf(format: ReplyFormat) -> str:
    """Return xgrammar's EBNF with its own rule for text that may hold tags."""
    every = ", ".join(f'"{tag}"' for tag in format.tags)
    others = ", ".join(f'"{tag}"' for tag in format.tags if tag != format.open(REFLECTION))
    thinks, ponders, says = map(format.open, (THINKING, REFLECTION, OUTPUT))
    thought, pondered, said = map(format.close, (THINKING, REFLECTION, OUTPUT))
    return f"""root ::= block more "{says}" text "{said}"
more ::= "" | block more
block ::= "{thinks}" thoughts "{thought}" [ \\t\\r\\n]{{0,{format.max_blank}}}
thoughts ::= TagDispatch(("{ponders}", reflection), loop_after_dispatch=true, excludes=({others}))
reflection ::= text "{pondered}"
text ::= TagDispatch(loop_after_dispatch=false, excludes=({every}))
"""


def written_out_ebnf(format: ReplyFormat) -> str:
    """Return EBNF with a rule for each state of the format's automaton over characters."""
    thinks, ponders, says = map(format.open, (THINKING, REFLECTION, OUTPUT))
    thought, pondered, said = map(format.close, (THINKING, REFLECTION, OUTPUT))
    leads = {
        "thinking": {ponders: "reflection0", thought: "between"},
        "reflection": {pondered: "thinking0"},
        "solid": {said: "done"},
        "blank": {},
    }
    rules = [
        f'root ::= "{thinks}" thinking0',
        f"between ::= [ \\t\\r\\n]{{0,{format.max_blank}}} section",
        f'section ::= "{thinks}" thinking0 | "{says}" blank0',
        'done ::= ""',
    ]
    for phase, after in leads.items():
        rules += _phase_rules(format, phase, after)
    return "\n".join(rules)


def _phase_rules(format: ReplyFormat, phase: str, after: dict[str, str]) -> list[str]:
    """Return the rules of one phase, `phase0` for its text and one more for each half tag."""
    nodes = _half_tags(format)
    number = {node: at for at, node in enumerate(nodes)}
    text = "solid" if phase == "blank" else phase
    rules = []
    for at, node in enumerate(nodes):
        letters = _letters(format, node)
        to = {node + letter: f"{phase}{number.get(node + letter)}" for letter in letters}
        to |= {tag: after[tag] for tag in to if tag in after}
        options = [f'"{half[-1]}" {target}' for half, target in to.items() if "None" not in target]
        others = "<" + "".join(letter for letter in letters if letter != "<")
        if node:
            options.append(f'"<" {text}1')
        elif phase == "blank":
            options.append(f"[{_blank_set('u')}] blank0")
            others += _blank_set("u")
        options.append(f"[^{others}] {text}0")
        rules.append(f"{phase}{at} ::= {' | '.join(options)}")
    return rules


def plain_regex(format: ReplyFormat) -> str:
    """Return a regex without look-ahead, for engines that know nothing else."""
    half = f"(?:{_half(format, '', is_broken=False)})"
    broken = f"(?:{_half(format, '', is_broken=True)})"
    text = f"(?:[^<]|{half}*{broken})*{half}*"
    blank = _blank_set("raw")
    answer = f"[{blank}]*(?:[^<{blank}]{text}|{half}+|{half}*{broken}{text})"
    thinks, ponders, says = map(format.open, (THINKING, REFLECTION, OUTPUT))
    thought, pondered, said = map(format.close, (THINKING, REFLECTION, OUTPUT))
    block = f"{thinks}{text}(?:{ponders}{text}{pondered}{text})*{thought}"
    return f"(?:{block}[ \\t\\r\\n]{{0,{format.max_blank}}})+{says}{answer}{said}"


def _half(format: ReplyFormat, node: str, *, is_broken: bool) -> str:
    """Return what continues a half tag without completing it, and, if broken, leaves it."""
    letters = _letters(format, node)
    ways = [
        re.escape(letter) + _half(format, node + letter, is_broken=is_broken)
        for letter in letters
        if node + letter not in format.tags
    ]
    if not node:
        return ways[0]
    if is_broken:
        ways.append(f"[^<{''.join(letters)}]")
        return f"(?:{'|'.join(ways)})"
    return f"(?:{'|'.join(ways)})?" if ways else ""


def lark_terminal(format: ReplyFormat) -> str:
    """Return llguidance's Lark with the whole reply as one terminal, by `&` and `~`."""
    thinks, ponders, says = map(format.open, (THINKING, REFLECTION, OUTPUT))
    thought, pondered, said = map(format.close, (THINKING, REFLECTION, OUTPUT))
    return f"""start: REPLY
REPLY: (THINKING BLANK)+ "{says}" ANSWER "{said}"
THINKING: "{thinks}" TEXT ("{ponders}" TEXT "{pondered}" TEXT)* "{thought}"
{_lark_texts(format)}"""


def lark_lexemes(format: ReplyFormat, schema: str | None = None) -> str:
    """Return llguidance's Lark with a lexeme a section, each with the tag that ends it."""
    thinks, ponders, says = map(format.open, (THINKING, REFLECTION, OUTPUT))
    thought, pondered, said = map(format.close, (THINKING, REFLECTION, OUTPUT))
    output = f'output: "{says}" TO_END\nTO_END: ANSWER "{said}"'
    if schema is not None:
        output = f'output: "{says}" answer "{said}"\nanswer: %json {schema}'
    return f"""start: block+ output
block: "{thinks}" (TO_REFLECTION REFLECTION)* REST
TO_REFLECTION: TEXT "{ponders}"
REFLECTION: TEXT "{pondered}"
REST: TEXT "{thought}" BLANK
{output}
{_lark_texts(format)}"""


def _lark_texts(format: ReplyFormat) -> str:
    some_tag = "|".join(tag.replace("/", r"\/") for tag in format.tags)
    return f"""TEXT: /(?s:.*)/ & ~/(?s:.*)({some_tag})(?s:.*)/
ANSWER: TEXT & /(?s:.*)[^{_blank_set("x")}](?s:.*)/
BLANK: /[ \\t\\r\\n]{{0,{format.max_blank}}}/
"""


def _half_tags(format: ReplyFormat) -> list[str]:
    """Return every beginning of a tag that is not whole: the empty one, then `<`."""
    halves = {tag[:end] for tag in format.tags for end in range(len(tag))}
    return sorted(halves, key=lambda half: (len(half), half))


def _letters(format: ReplyFormat, node: str) -> list[str]:
    """Return the characters that continue a half tag."""
    after = {tag[len(node)] for tag in format.tags if tag.startswith(node) and tag != node}
    return sorted(after)


def _blank_set(escape: str) -> str:
    r"""Return the blank characters for a set in brackets, as \uXXXX, as \x{X} or raw."""
    codes = sorted(map(ord, blank_characters()))
    spans = [list(span) for _, span in groupby(enumerate(codes), lambda item: item[1] - item[0])]

    def write(code: int) -> str:
        if escape == "x":
            return f"\\x{{{code:X}}}"
        if escape == "raw":
            return f"\\x{code:02X}" if code < 0x100 else chr(code)
        return f"\\u{code:04X}" if code < 0x10000 else f"\\U{code:08X}"

    return "".join(f"{write(span[0][1])}-{write(span[-1][1])}" for span in spans)
