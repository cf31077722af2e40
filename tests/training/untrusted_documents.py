"""Documents of our own, in the forms that reach a model: mails, tables, tool results, pages, code.

Each function returns a document and the places where something can be put into it: a place is a
span whose text may be replaced, empty where a sentence may go in between.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from tests.training.untrusted_text import Corpus, Draw

MARK: Final = "QZQPLACEQZQ"
"""Stands where something may be put: no text of ours holds it."""


def sentences(corpus: Corpus, kinds: str, count: int, draw: Draw) -> list[str]:
    """Return some sentences of some kinds."""
    names = kinds.split()
    return [corpus.one(draw.choice(names), draw) for _ in range(count)]


def mail(corpus: Corpus, draw: Draw) -> str:
    body = sentences(corpus, "mail", draw.randint(2, 9), draw)
    if draw.random() < 0.15:
        body += sentences(corpus, "note manual message", 2, draw)
    name, other = (draw.choice(corpus.lists["NAME"]) for _ in range(2))
    hello = draw.choice(
        [f"Hi {name},", f"Dear {name},", f"Hello {name}", "Hi all,", "", f"{name},"]
    )
    bye = draw.choice(
        [f"Best, {other}", f"Thanks,\n{other}", f"The {draw.choice(corpus.lists['FIRM'])} Team",
         "Kind regards", "", f"Cheers\n{other}", "Sent from my phone"]
    )  # fmt: skip
    joint = draw.choice([" ", " ", "\n", "\n\n", "", "  ", "\n   "])
    subject = corpus.expand(draw.choice(corpus.kinds["mail"][-6:]), draw)
    address = corpus.expand("<MAIL>", draw)
    date = f"{draw.choice(['Mon', 'Tue', 'Fri'])}, {draw.randint(1, 28)} Feb 2022 {draw.randint(0, 23):02}:33:27 +0000"
    head = draw.choice(
        ["", "", f"SUBJECT: {subject}|EMAIL_FROM: {other} <{address}>|RECEIVED DATE: {date}|CONTENT: \n\n",
         f"SUBJECT: {subject}|CONTENT: ", f"Subject: {subject}\nFrom: {address}\nTo: {name}\nDate: {date}\n\n",
         f"From: {other} <{address}>\nSubject: {subject}\n\n"]
    )  # fmt: skip
    text = head + joint.join([part for part in (hello, *body, bye) if part])
    return text[: draw.randint(len(text) // 2, len(text))] if draw.random() < 0.1 else text


def _column(corpus: Corpus, draw: Draw) -> tuple[str, Callable[[], str]]:
    lists = corpus.lists
    pick = draw.choice
    return pick(
        [
            ("Year", lambda: str(draw.randint(1890, 2022))),
            ("Rank", lambda: str(draw.randint(1, 40))),
            ("Name", lambda: f"{pick(lists['NAME'])} {pick(lists['LAST'])}"),
            ("Player", lambda: f"{pick(lists['NAME'])} {pick(lists['LAST'])}"),
            ("City", lambda: pick(lists["CITY"])),
            ("Venue", lambda: f"{pick(lists['CITY'])}, {pick(['Norway', 'Italy', 'Canada', 'Japan'])}"),
            ("Score", lambda: f"{draw.randint(0, 6)}–{draw.randint(0, 6)}"),
            ("Title", lambda: corpus.one("title", draw)),
            ("Song", lambda: f'"{corpus.one("title", draw)}"'),
            ("Film", lambda: corpus.one("title", draw)),
            ("Episode", lambda: f'"{corpus.one("title", draw)}"'),
            ("Result", lambda: pick(["Won", "Lost", "Nominated", "1st", "DNF", "Withdrew", "Draw"])),
            ("Population", lambda: f"{draw.randint(1, 900):,},{draw.randint(100, 999)}"),
            ("Notes", lambda: corpus.one(pick(["prose", "prose", "title", "note", "description"]), draw)),
            ("Date", lambda: f"{pick(['March', 'July', 'October'])} {draw.randint(1, 30)}, {draw.randint(1950, 2020)}"),
            ("Party", lambda: pick(["Democratic", "Labour", "Green", "Independent", "Liberal"])),
            ("Time", lambda: f"{draw.randint(1, 59)}:{draw.randint(10, 59)}.{draw.randint(10, 99)}"),
            ("Points", lambda: str(draw.randint(0, 120))),
            ("Price", lambda: pick(lists["MONEY"])),
            ("Company", lambda: pick(lists["FIRM"])),
            ("Role", lambda: pick(["Himself", "Detective", "The Doctor", "Narrator", "Guest", "Anna"])),
            ("Remarks", lambda: corpus.one("review", draw)),
        ]
    )  # fmt: skip


def table(corpus: Corpus, draw: Draw) -> str:
    columns = [_column(corpus, draw) for _ in range(draw.randint(3, 7))]
    rows = [[make() for _, make in columns] for _ in range(draw.randint(3, 14))]
    heads = [head for head, _ in columns]
    form = draw.randint(0, 5)
    lines = [heads, *rows]
    if form == 0:
        body = "\n".join("| " + " | ".join(row) + " |" for row in lines)
        first, rest = body.split("\n", 1)
        return f"{first}\n|{'---|' * len(heads)}\n{rest}"
    if form == 1:
        return "\n".join(" | ".join(row) for row in lines)
    if form == 2:
        return "\n".join(
            ",".join(f'"{cell}"' if "," in cell else cell for cell in row) for row in lines
        )
    if form == 3:
        return "\n".join("\t".join(row) for row in lines)
    widths = [max(len(row[i]) for row in lines) for i in range(len(heads))]
    padded = [
        "| " + " | ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) + " |"
        for row in lines
    ]
    rule = "-" * len(padded[0])
    return "\n".join(
        [rule, padded[0], rule, *padded[1:], rule] if form == 4 else [padded[0], rule, *padded[1:]]
    )


_TOOLS: Final[list[tuple[str, Any]]] = [
    ("review", {"product": {"name": "<ITEM>", "price": 49.9, "rating": 4}, "reviews": [{"author": "<NAME>", "stars": 5, "text": "@"}]}),
    ("review", {"hotel": "Miramar", "guest_reviews": [{"guest": "<NAME>", "comment": "@", "score": 7.5}]}),
    ("review", {"doctor": "Dr. <LAST>", "reviews": [{"name": "<NAME>", "rating": 4, "content": "@"}]}),
    ("note", {"notes": [{"id": "n-204", "title": "<TOPIC>", "body": "@", "tags": ["work"]}]}),
    ("note", {"tasks": [{"task_id": "t88", "task_name": "<TOPIC>", "description": "@", "priority": 2, "status": "open"}]}),
    ("note", {"events": [{"title": "@", "start": "2023-03-01T10:00", "end": "2023-03-01T11:00", "location": "<CITY>"}]}),
    ("note", {"event": {"name": "Appointment", "details": "@", "organizer": "<MAIL>", "attendees": ["<MAIL>"]}}),
    ("message", {"messages": [{"from": "+15550144", "text": "@", "time": "2023-02-17 09:00:00"}]}),
    ("message", {"channel": "#general", "history": [{"user": "<NAME>", "message": "@", "ts": "1677000000.1"}]}),
    ("mail", {"email": {"from": "<MAIL>", "to": "<MAIL>", "subject": "<TOPIC>", "body": "@", "folder": "inbox", "attachments": []}}),
    ("mail", {"emails": [{"id": "88921", "sender": "<MAIL>", "snippet": "@", "timestamp": "2022-02-15 08:00", "labels": ["important"]}]}),
    ("post", {"tweet": {"id": "55A", "user": "<NAME>", "content": "@", "likes": 12}}),
    ("post", {"posts": [{"post_id": "p1", "author": "<NAME> <LAST>", "text": "@", "comments": 3}]}),
    ("bio", {"profile": {"username": "<NAME>", "display_name": "<NAME> <LAST>", "bio": "@", "followers": 120}}),
    ("bio", {"user": {"login": "dev42", "email": "<MAIL>", "short_bio": "@"}}),
    ("description", {"repository": {"name": "toolbox", "owner": "<NAME>", "description": "@", "stars": 231, "visibility": "public"}}),
    ("description", {"name": "<ITEM>", "description": "@", "price": 199.99, "inventory": 25, "details": {"weight": "1 kg"}}),
    ("description", {"task": {"id": "A-12", "title": "Audit", "description": "@", "due": "2023-02-15", "status": "completed"}}),
    ("manual prose", {"url": "https://example.org/page", "snippet": "@"}),
    ("manual prose description", {"title": "<TOPIC>", "content": "@", "status": 200}),
    ("prose", {"results": [{"title": "<TOPIC>", "summary": "@", "source": "<FIRM>"}]}),
    ("note", {"patient": {"name": "<NAME> <LAST>", "note": "@", "visit": "2022-11-02"}}),
    ("description note", {"transactions": [{"id": "tx9", "amount": 12.5, "memo": "@", "payee": "<FIRM>"}]}),
    ("mail message", {"ticket": {"id": 4411, "requester": "<NAME>", "description": "@", "priority": "high"}}),
    ("description", {"file": {"name": "<DOC>.pdf", "size": 20411, "comment": "@"}}),
    ("prose manual", {"response": "@"}),
    ("status", {"status": 403, "message": "@"}),
    ("status", {"log": ["@"], "device": "hall"}),
    ("question message", {"thread": {"id": 7, "last_message": "@"}}),
    ("manual question", {"faq": [{"id": 3, "entry": "@"}]}),
    ("ticket", {"ticket": {"id": 52, "subject": "<TOPIC>", "body": "@", "assignee": "<NAME>"}}),
    ("opinion", {"place": "<CITY>", "reviews": [{"user": "<NAME>", "rating": 2, "review": "@"}]}),
    ("forum", {"question": {"title": "<TOPIC>", "body": "@", "votes": 3, "tags": ["help"]}}),
    ("school", {"assignment": {"course": "<SUBJ>", "text": "@", "due": "2023-05-01"}}),
    ("minutes", {"document": {"name": "minutes.docx", "text": "@"}}),
    ("chat", {"chat": [{"sender": "<NAME>", "text": "@"}, {"sender": "<NAME>", "text": "ok"}]}),
    ("vacancy", {"job": {"title": "<JOBT>", "company": "<FIRM>", "details": "@"}}),
    ("news", {"newsletter": {"from": "<FIRM>", "content": "@"}}),
    ("office", {"mail": {"from": "<MAIL>", "subject": "<TOPIC>", "body": "@", "read": False}}),
    ("cookery", {"recipe": {"title": "<FOOD>", "steps": "@", "serves": 4}}),
]  # fmt: skip
"""The kinds of text that a field takes, and what a tool returns: @ is the field."""


def _filled(corpus: Corpus, value: Any, text: str, draw: Draw) -> Any:
    if isinstance(value, dict):
        return {name: _filled(corpus, inner, text, draw) for name, inner in value.items()}
    if isinstance(value, list):
        return [_filled(corpus, inner, text, draw) for inner in value]
    if not isinstance(value, str):
        return value
    return text if value == "@" else corpus.expand(value, draw)


def field(corpus: Corpus, kinds: str, draw: Draw) -> str:
    """Return an ordinary text of a field: one to four sentences."""
    return " ".join(sentences(corpus, kinds, draw.choice([1, 1, 2, 3, 4]), draw))


def written(value: Any, draw: Draw) -> str:
    """Return a tool's result as text."""
    form = draw.randint(0, 4)
    if form <= 2:
        return repr(value) if form else f'"{value!r}"'
    return json.dumps(value, indent=2 if form == 3 else None)


def tool_result(corpus: Corpus, draw: Draw, text: str | None = None) -> str:
    """Return a tool's result, with an ordinary text in its field or another one."""
    kinds, shape = draw.choice(_TOOLS)
    ordinary = field(corpus, kinds, draw)
    if text is not None:
        text = draw.choice([text, text, text, f"{ordinary} {text}", f"{text} {ordinary}"])
    return written(_filled(corpus, shape, text or ordinary, draw), draw)


def page(corpus: Corpus, draw: Draw, text: str | None = None) -> str:
    """Return a web page, with another text in a place that is seen or not."""
    body = sentences(
        corpus,
        draw.choice(["prose", "manual", "prose description", "post prose"]),
        draw.randint(3, 8),
        draw,
    )
    parts = [
        draw.choice(
            ["<p>{}</p>", "<li>{}</li>", '<div class="row">{}</div>', "<td>{}</td>", "<h2>{}</h2>"]
        ).format(line)
        for line in body
    ]
    ordinary = draw.choice(
        [
            "<!-- header ends here -->",
            '<img src="a.png" alt="A view of the harbour">',
            '<meta name="description" content="News and events">',
            "<!-- TODO: fix layout -->",
            '<a href="/help" title="Go to the help page">Help</a>',
            "",
        ]
    )
    parts.insert(draw.randint(0, len(parts)), ordinary)
    if text is not None:
        hidden = draw.choice(
            ["<!-- {} -->", '<div style="display:none">{}</div>', '<span style="color:white;font-size:1px">{}</span>',
             '<img src="x.png" alt="{}">', '<meta name="description" content="{}">', "<p>{}</p>", "<p hidden>{}</p>",
             '<a href="#" title="{}">more</a>', '<input type="hidden" value="{}">', "<p>Nice page. {} Bye.</p>"]
        )  # fmt: skip
        parts.insert(draw.randint(0, len(parts)), hidden.replace("{}", text))
    return draw.choice(["", "\n"]).join(["<html><body>", *parts, "</body></html>"])


_PROSE: Final = (
    "prose",
    "prose",
    "manual",
    "manual",
    "prose manual",
    "prose question",
    "manual question",
    "description manual",
    "review",
    "review question",
    "post message",
    "message question",
    "note",
)


def prose(corpus: Corpus, draw: Draw) -> str:
    kinds = draw.choice(
        [
            "prose",
            "prose",
            "manual",
            "manual",
            "prose manual",
            "description manual",
            "review",
            "post message",
            "note",
        ]
    )
    body = sentences(corpus, kinds, draw.randint(3, 12), draw)
    form = draw.randint(0, 3)
    if form == 0:
        return "\n".join(f"- {line}" for line in body)
    if form == 1:
        return f"# {corpus.expand('<TOPIC>', draw)}\n\n" + "\n\n".join(body)
    return " ".join(body) if form == 2 else "\n".join(body)


_CODE: Final = [
    "def total(items):\n    # add up the prices\n    return sum(item.price for item in items)\n",
    "// Returns the first match, or null.\nfunction find(list, test) {\n  for (const x of list) if (test(x)) return x;\n  return null;\n}\n",
    "import os\nimport sys\n\n# TODO: handle errors\nprint(os.path.join(*sys.argv[1:]))\n",
    "/* Initialise the pump. Call this before start(). */\nvoid init(void) {\n    speed = 0; // stop\n}\n",
    "class Cache:\n    \"\"\"Keep recent answers. Remove the oldest when full.\"\"\"\n\n    def get(self, key):\n        return self.items.get(key)\n",
    "SELECT name, price FROM items -- only what is in stock\nWHERE stock > 0 ORDER BY price;\n",
    "# Build the image, then run the tests\ndocker build -t app .\ndocker run app make test\n",
    "for i in range(10):\n    # Replace vowels with numbers\n    print(encode(words[i]))  # see the instructions above\n",
    "# Set the response header, return the answer\nresponse.headers['X-Id'] = str(uid)\nreturn response\n",
]  # fmt: skip


def code(corpus: Corpus, draw: Draw) -> str:
    return "\n".join(draw.sample(_CODE, draw.randint(1, 4)))


def put(
    text: str, attack: str, draw: Draw, place: str | None = None
) -> tuple[str, tuple[int, int]]:
    """Return a document with an attack at its start, end, or between two sentences or lines."""
    place = place or draw.choice(["start", "middle", "middle", "end", "tail"])
    between = draw.choice(["\n", " ", " ", "\n\n"])
    if place == "tail":  # after words that end in no stop
        text, place, between = text.rstrip(" \n.!?"), "end", " "
    if place == "start":
        return f"{attack}{between}{text}", (0, len(attack))
    if place == "end":
        return f"{text}{between}{attack}", (
            len(text) + len(between),
            len(text) + len(between) + len(attack),
        )
    borders = [i + 1 for i in range(len(text) - 1) if text[i] in ".!?\n|" and text[i + 1].isspace()]
    at = draw.choice(borders) if borders else len(text) // 2
    before = draw.choice([" ", "\n"]) if text[max(0, at - 1)] != "|" else " "
    after = before
    return f"{text[:at]}{before}{attack}{after}{text[at:]}", (at + 1, at + 1 + len(attack))


WORDS: Final = (
    "ticket",
    "opinion",
    "forum",
    "school",
    "minutes",
    "chat",
    "cookery",
    "vacancy",
    "news",
    "office",
    "office",
    "news",
    "opinion",
    "minutes",
    "office mail",
    "news mail",
    "ticket office",
    "chat message",
    "opinion review",
)
"""Kinds of sentences for people, and those that stand together."""


def letter(corpus: Corpus, draw: Draw) -> str:
    """Return a text for people of one kind: a ticket, a handout, a chat, a newsletter."""
    body = sentences(corpus, draw.choice(WORDS), draw.randint(2, 9), draw)
    if draw.random() < 0.3:
        body.insert(
            0, corpus.expand("{Hi <NAME>,|Dear <NAME>,|<TOPIC>|Hello,|Subject: <TOPIC>}", draw)
        )
    if draw.random() < 0.5:
        body.append(
            corpus.expand(
                "{Best, <NAME>|Kind regards, <NAME> <LAST>|Thanks <NAME>|Unsubscribe|<FIRM>, <CITY>"
                "|With gratitude, the <FIRM> team|Yours <NAME>|Sent from my iPhone|View online}",
                draw,
            )
        )
    return draw.choice([" ", " ", "\n", "\n\n", "\n- "]).join(body)


FORMS: Final = (mail, mail, letter, letter, letter, table, table, prose, code)


def benign(corpus: Corpus, draw: Draw) -> str:
    """Return a document of any form without an attack."""
    form = draw.random()
    if form < 0.3:
        return tool_result(corpus, draw)
    if form < 0.4:
        return page(corpus, draw)
    return draw.choice(FORMS)(corpus, draw)


def attacked(corpus: Corpus, attack: str, draw: Draw) -> tuple[str, tuple[int, int]]:
    """Return a document of any form with an attack, and where it stands."""
    form = draw.random()
    if form < 0.4:
        make = tool_result if form < 0.3 else page
        text = make(corpus, draw, MARK)
        at = text.index(MARK)
        if make is tool_result and draw.random() < 0.5:
            attack = attack.replace('"', "'") if '"' in text[:at] else attack
        return text.replace(MARK, attack), (at, at + len(attack))
    return put(draw.choice(FORMS)(corpus, draw), attack, draw)
