"""Markdown becomes the right elements, the same in whatever pieces it comes, and never markup."""

# ruff: noqa: E501  (a case stands on a line)
from __future__ import annotations

import random
from typing import Any

from tests.server.page.browser import Browser

SHOW = """
return arguments[0].map((prefixes) => {
  const element = document.createElement('div');
  const view = new module.MarkdownView(element);
  prefixes.forEach((text, i) => view.show(text, i === prefixes.length - 1));
  return element.innerHTML;
});
"""
STREAM = """
const [text, cuts] = arguments;
const streamed = document.createElement('div');
const atOnce = document.createElement('div');
const view = new module.MarkdownView(streamed);
for (const cut of cuts) view.show(text.slice(0, cut), false);
view.show(text, true);
new module.MarkdownView(atOnce).show(text, true);
return streamed.isEqualNode(atOnce) ? null : [streamed.innerHTML, atOnce.innerHTML];
"""
EVERY_CUT = f"""
const stream = (text, cuts) => {{
  const run = (...arguments) => {{ {STREAM} }};
  return run(text, cuts);
}};
const wrong = [];
for (const text of arguments[0]) {{
  for (const cuts of [[...text].map((_, i) => i + 1), ...arguments[1]]) {{
    const difference = stream(text, cuts.map((cut) => Math.min(cut, text.length)));
    if (difference) wrong.push([text, cuts, ...difference]);
  }}
  for (let cut = 0; cut < text.length; cut++) {{
    const difference = stream(text, [cut]);
    if (difference) wrong.push([text, [cut], ...difference]);
  }}
}}
return wrong.slice(0, 3);
"""
LINK = 'rel="noopener noreferrer nofollow" target="_blank"'

CASES: dict[str, tuple[str, str]] = {
    "a paragraph": ("Hello *world*", "<p>Hello <em>world</em></p>"),
    "two paragraphs": ("a\n\nb", "<p>a</p><p>b</p>"),
    "line breaks are kept": ("a\nb\n", "<p>a<br>b</p>"),
    "line ends of other systems": ("a\r\n\r\nb\rc", "<p>a</p><p>b<br>c</p>"),
    "headings": ("# a #\n## b\n#### c", "<h3>a</h3><h4>b</h4><h6>c</h6>"),
    "no heading": ("#a\n\n####### b", "<p>#a</p><p>####### b</p>"),
    "a rule": ("a\n---\nb\n\n* * *", "<p>a</p><hr><p>b</p><hr>"),
    "bold and italic": ("**b** __b__ *i* _i_", "<p><strong>b</strong> <strong>b</strong> <em>i</em> <em>i</em></p>"),
    "both": ("***x***", "<p><em><strong>x</strong></em></p>"),
    "nested": ("**a *b* c**", "<p><strong>a <em>b</em> c</strong></p>"),
    "struck out": ("~~a~~ ~b~", "<p><del>a</del> ~b~</p>"),
    "no emphasis": ("2 * 3 * 4, snake_case_name", "<p>2 * 3 * 4, snake_case_name</p>"),
    "marks left over": ("**a* b ***", "<p>*<em>a</em> b ***</p>"),
    "inline code": ("`a*b*` ``x`y`` `` ` ``", "<p><code>a*b*</code> <code>x`y</code> <code>`</code></p>"),
    "no code": ("a `b", "<p>a `b</p>"),
    "escapes": (r"\*a\* \# \\ \`", "<p>*a* # \\ `</p>"),
    "a link": ("[a *b*](https://x.y/z)", f'<p><a href="https://x.y/z" {LINK} title="https://x.y/z">a <em>b</em></a></p>'),
    "a link with a title": ('[a](mailto:x@y.z "t")', f'<p><a href="mailto:x@y.z" {LINK} title="mailto:x@y.z">a</a></p>'),
    "parentheses in a link": ("[a](http://x.y/a_(b))", f'<p><a href="http://x.y/a_(b)" {LINK} title="http://x.y/a_(b)">a</a></p>'),
    "a bare address": ("see https://x.y/a_b_c.", f'<p>see <a href="https://x.y/a_b_c" {LINK} title="https://x.y/a_b_c">https://x.y/a_b_c</a>.</p>'),
    "an address in angles": ("<https://x.y/>", f'<p><a href="https://x.y/" {LINK} title="https://x.y/">https://x.y/</a></p>'),
    "an image is a link": ("![a](https://x.y/p.png)", f'<p><a href="https://x.y/p.png" {LINK} title="https://x.y/p.png">a</a></p>'),
    "no link in a link": ("[a https://x.y/](https://z.y/)", f'<p><a href="https://z.y/" {LINK} title="https://z.y/">a https://x.y/</a></p>'),
    "a relative link": ("[a](/v1/models) [b](x)", "<p>[a](/v1/models) [b](x)</p>"),
    "entities": ("a &lt; b &amp; c &#65; &#x42; &copy;", "<p>a &lt; b &amp; c A B &amp;copy;</p>"),
    "bad entities": ("&#0; &#xD800; &#9999999;", "<p>\ufffd \ufffd \ufffd</p>"),
    "a list": ("- a\n- b", "<ul><li>a</li><li>b</li></ul>"),
    "a numbered list": ("3. a\n4. b", '<ol start="3"><li>a</li><li>b</li></ol>'),
    "a list after text": ("x:\n- a\n\ny", "<p>x:</p><ul><li>a</li></ul><p>y</p>"),
    "a loose list": ("- a\n\n- b", '<ul class="loose"><li>a</li><li>b</li></ul>'),
    "lists in lists": ("- a\n  - b\n    1. c\n- d", "<ul><li>a<ul><li>b<ol><li>c</li></ol></li></ul></li><li>d</li></ul>"),
    "an item of two paragraphs": ("1. a\n\n   b\n2. c", "<ol><li>a<p>b</p></li><li>c</li></ol>"),
    "a line that goes on": ("- a\nb", "<ul><li>a<br>b</li></ul>"),
    "two kinds of lists": ("- a\n* b", "<ul><li>a</li></ul><ul><li>b</li></ul>"),
    "tasks": ("- [ ] a\n- [x] b", '<ul><li class="task">☐ a</li><li class="task">☑ b</li></ul>'),
    "a year ends no paragraph": ("in\n1984. b", "<p>in<br>1984. b</p>"),
    "a quote": ("> a\n> > b\n\nc", "<blockquote><p>a</p><blockquote><p>b</p></blockquote></blockquote><p>c</p>"),
    "a quote that goes on": ("> a\nb", "<blockquote><p>a<br>b</p></blockquote>"),
    "a list in a quote": ("> - a\n> - b", "<blockquote><ul><li>a</li><li>b</li></ul></blockquote>"),
}  # fmt: skip


def show(browser: Browser, *texts: str) -> Any:
    """Return the markup of each text, shown at once."""
    return browser.module("markdown.js", SHOW, [[text] for text in texts])


def code(text: str, label: str = "text", language: str | None = None) -> str:
    return (
        f'<figure class="code"><figcaption><span>{language or label}</span><button type="button" '
        'class="quiet small" data-action="copy-code">Copy</button></figcaption>'
        f'<pre tabindex="0" role="region" aria-label="Code, {label}"><code>{text}</code></pre>'
        "</figure>"
    )


LINES = "b\n\nc"
FENCES = {
    "a fence": ("```py\nx = 1\n```", code("x = 1", "py")),
    "a fence with blank lines": ("~~~\na\n\n  b\n~~~\nc", code("a\n\n  b") + "<p>c</p>"),
    "an open fence": ("```\n*a*", code("*a*")),
    "an empty fence": ("```\n```", code("")),
    "a fence in a fence": ("````md\n```py\nx\n```\n````", code("```py\nx\n```", "md")),
    "the other fence in a fence": ("~~~\n```\n~~~", code("```")),
    "a fence in a list": ("- a\n  ```\n  b\n\n  c\n  ```\n- d", f"<ul><li>a{code(LINES)}</li><li>d</li></ul>"),
    "indented code": ("a\n\n    b\n\n      c\n\nd", "<p>a</p>" + code("b\n\n  c") + "<p>d</p>"),
    "tabs in code stay": ("```make\na:\n\tb\n```", code("a:\n\tb", "make")),
    "no language that says more": ('```"><b>x\n```', code("", "&quot;&gt;&lt;b&gt;x", '"&gt;&lt;b&gt;x')),
}  # fmt: skip
TABLE = """\
x:
| a | b | c |
|:--|--:|:-:|
| 1 | *2* | 3 \\| 4 |
| 5 |

y"""
TABLE_SHOWN = (
    '<p>x:</p><div class="table" tabindex="0" role="region" aria-label="Table"><table><thead><tr>'
    '<th data-align="left" scope="col">a</th><th data-align="right" scope="col">b</th>'
    '<th data-align="center" scope="col">c</th></tr></thead><tbody><tr>'
    '<td data-align="left">1</td><td data-align="right"><em>2</em></td>'
    '<td data-align="center">3 | 4</td></tr><tr><td data-align="left">5</td>'
    '<td data-align="right"></td><td data-align="center"></td></tr></tbody></table></div><p>y</p>'
)


ALL = CASES | FENCES | {"a table": (TABLE, TABLE_SHOWN)}


def test_each_construct_becomes_its_elements(browser: Browser) -> None:
    shown = show(browser, *(text for text, _ in ALL.values()))
    wrong = {
        name: (text, actual, expected)
        for (name, (text, expected)), actual in zip(ALL.items(), shown, strict=True)
        if actual != expected
    }
    assert wrong == {}


def test_a_text_in_any_pieces_ends_as_the_same_document(browser: Browser) -> None:
    rng = random.Random(4)
    texts = [text for text, _ in ALL.values()]
    joined = ["\n".join(rng.choices(texts, k=6)) for _ in range(8)]
    joined += ["\n\n".join(rng.choices(texts, k=6)) for _ in range(8)]
    cuts = [sorted(rng.choices(range(400), k=20)) for _ in range(10)]
    assert browser.module("markdown.js", EVERY_CUT, texts + joined, cuts) == []


SIGNS = ["*", "_", "`", "```", "~~~", "[", "](", ")", "|", "|-|-|", "\n", "\n\n", "- ", "1. ", "> "]
SIGNS += [
    "    ",
    "\t",
    "#",
    "---",
    "\\",
    "<b>",
    "&lt;",
    "a",
    "b c",
    "https://x.y",
    "![",
    "~~",
    "\r\n",
    "é🙂",
]


def test_random_signs_in_any_pieces_end_as_the_same_document(browser: Browser) -> None:
    rng = random.Random(5)
    texts = ["".join(rng.choices(SIGNS, k=rng.randrange(3, 30))) for _ in range(200)]
    cuts = [sorted(rng.choices(range(60), k=6)) for _ in range(4)]
    assert browser.module("markdown.js", EVERY_CUT, texts, cuts) == []


HOSTILE = [
    "<script>window.owned = 1</script>",
    "<img src=x onerror='window.owned = 1'>",
    "<svg onload=window.owned=1><iframe srcdoc='<script>1</script>'>",
    "&lt;script&gt;window.owned = 1&lt;/script&gt;",
    "&#60;img src=x onerror=window.owned=1&#62;",
    "[a](javascript:window.owned=1)",
    "[a](JaVaScRiPt:window.owned=1)",
    "[a](java\tscript:window.owned=1) [a](&#106;avascript:window.owned=1)",
    "[a](<javascript:window.owned=1>) [a](\\javascript:1) [a](\u0001javascript:1)",
    "[a](data:text/html,<script>1</script>) [a](vbscript:1) [a](file:///etc/passwd) [a](blob:x)",
    "![a](javascript:1) ![a](x onerror=1) <javascript:1> <JAVASCRIPT:1>",
    '[a](https://x.y/" onclick="window.owned=1) [a](https://x.y "t" onclick="1")',
    '``` "><script>window.owned=1</script>\n</code></pre><script>window.owned=1</script>\n```',
    "```\n````\n</pre><img src=x onerror=1>\n```",
    "| <img src=x onerror=1> | a |\n|---|---|\n| <script>1</script> | [x](javascript:1) |",
    "# <h1 onclick=1>x</h1>\n> <b>q</b>\n- <i>l</i>\n1. <u>n</u>",
    "<!-- --><![CDATA[x]]><?xml?><style>*{display:none}</style><base href=//x><meta>",
    "</p></div></article><form action=//x><input name=a><button>x</button></form>",
    "<a href=javascript:1>x</a> <math><mtext></mtext></math> {{constructor}} ${1} %3Cscript%3E",
    "[__proto__](https://x.y) `__proto__` constructor toString [a]: javascript:1",
]
CLEAN = """
const allowed = new Set(arguments[1]);
const element = document.createElement('div');
document.body.append(element);
for (const text of arguments[0]) {
  const view = new module.MarkdownView(element.appendChild(document.createElement('div')));
  for (let cut = 1; cut <= text.length; cut++) view.show(text.slice(0, cut), cut === text.length);
}
await new Promise((resolve) => setTimeout(resolve, 100));
const bad = [...element.querySelectorAll('*')].filter((each) => !allowed.has(each.localName)
  || [...each.attributes].some(({name}) => /^on|^src|^style|^id$|^name$/.test(name))
  || (each.href && !/^(https?|mailto):/.test(each.href)));
const said = element.textContent;
element.remove();
return {bad: bad.map((each) => each.outerHTML), said, owned: window.owned ?? null};
"""
ELEMENTS = [
    "a",
    "blockquote",
    "br",
    "button",
    "code",
    "div",
    "em",
    "figcaption",
    "figure",
    "h3",
    "h4",
    "li",
    "ol",
    "p",
    "pre",
    "span",
    "strong",
    "table",
    "tbody",
    "td",
    "th",
    "thead",
    "tr",
    "ul",
]


def test_no_text_becomes_markup_or_a_script(browser: Browser) -> None:
    result = browser.module("markdown.js", CLEAN, HOSTILE, ELEMENTS)
    assert result["bad"] == []
    assert result["owned"] is None
    for shown in ("<script>window.owned = 1</script>", "<img src=x onerror=1>", "[a](javascript:"):
        assert shown in result["said"]


BIG = [
    "[" * 100_000, "](" * 50_000, "[a](" * 25_000, "![" * 50_000, "*" * 100_000, "*a " * 33_000, "**a" * 33_000,
    "_a*b" * 25_000, "a**b" * 25_000, "`" * 100_000, "`a``b```" * 12_000, ">" * 100_000, "> " * 50_000, "- " * 50_000, "+ " * 50_000, "1. " * 33_000,
    "|" * 100_000, "|a" * 50_000 + "\n" + "|-" * 50_000, "<" * 100_000, "&" * 100_000, "&#1" * 33_000,
    "http://" * 14_000, "<http://" * 12_000, "#" * 100_000, "# " * 50_000, "~~a" * 33_000, "\\" * 100_000,
    " " * 100_000 + "x", "\n" * 100_000, "- a\n" * 25_000, "> a\n" * 25_000, "a\n" * 50_000, "```\n" * 25_000,
    "|a|\n|-|\n" * 12_000, "\t- a\n" * 20_000,
]  # fmt: skip
MEASURE = """
return arguments[0].map((text) => {
  const element = document.createElement('div');
  const view = new module.MarkdownView(element);
  const startedMs = performance.now();
  view.show(text.slice(0, text.length / 2), false);
  view.show(text, true);
  let depth = 0;
  for (const each of element.querySelectorAll('*')) {
    let own = 0;
    for (let node = each; node !== element; node = node.parentNode) own++;
    depth = Math.max(depth, own);
  }
  return [text.slice(0, 8), performance.now() - startedMs, depth];
});
"""


def test_100_kb_of_signs_nest_no_deeper_than_a_few_levels(browser: Browser) -> None:
    measured = browser.module("markdown.js", MEASURE, BIG)
    assert len(measured) == len(BIG)
    assert max(depth for _, _, depth in measured) < 40
    print(sorted(measured, key=lambda each: -each[1])[:8])
