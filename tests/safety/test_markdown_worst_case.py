"""No pattern of the Markdown check takes more than linear time, whatever is fed to it."""

from __future__ import annotations

import pytest

from promptkit.safety import neutralize_markdown
from tests.safety.growth import assert_linear

UNITS = [
    *[
        "[",
        "![](",
        "![](",
        "](",
        ")",
        "<",
        "<a",
        ">",
        "`",
        "```",
        "\\`",
        "&",
        "&amp;",
        "&#104;",
        "%41",
        "\\",
        "\\\\",
        "https://",
        "www.",
        "www.a",
        "a.",
        "a.b/",
    ],
    *[
        "@",
        "//",
        "://",
        "a://",
        "]:",
        "](<",
        "](",
        "(((((",
        "\\href{",
        "{:",
        "$$",
        "$",
        "|",
        "<!--",
        "<![CDATA[",
        "<?",
        "<pre>",
        "</pre>",
        "<div>",
        "-",
        "",
    ],
    *[
        "aaaa",
        "'",
        '"',
        ">",
        "*",
        "**",
        "_",
        "~~",
        "{{",
        "}",
        "data:",
        "javascript:",
        "mailto:",
        "tel:a",
        "<x:",
        "<svg/onload=",
        "src=",
        "&lt;",
        "&a;",
    ],
    *("```\n", "~~~\n", "- ", "    ", "\n", "\n\n", "    x\n\n", "> ", "> > ```\n", "`a` ", "``` "),
    *(
        "[a]: ",
        "[a]: x\n",
        "]: <",
        '](x "',
        "](x (",
        "|-|\n",
        "<!-- x -->",
        "</div>\n",
        "<script>\n",
    ),
    *(
        "1. x\n   ```\n",
        "- ```\n  a\n  ```\n",
        "\u200b",
        "\ue000",
        "\r",
        "\x0b",
        "é",
        "日本",
        "\ud800",
    ),
    *(
        "on=x ",
        "a@b.c ",
        "https://evil.test/",
        "<https://evil.test/>",
        "](https://evil.test/ ",
        "[x](h:y) ",
    ),
    *(
        "{: on=",
        '<b title="',
        "<img src=",
        "https://example.com/?u=https://a",
        "&#x0;",
        "\u2024",
        "]:h:x ",
    ),
]


@pytest.mark.parametrize("unit", list(dict.fromkeys(filter(None, UNITS))))
def test_the_check_takes_linear_time(unit):
    assert_linear(lambda text: neutralize_markdown(text, ("example.com",)), unit)


@pytest.mark.parametrize("unit", ["[", "<", "a", "\n", "`"])
def test_ten_megabytes_are_taken(unit):
    neutralize_markdown(unit * (10_000_000 // len(unit)))
