"""What led to an answer: sections that can be read as text, as HTML and as a picture.

Evidence describes itself in `sections`; `Result.explain()` gathers them into an `Explanation`,
which draws them. The modules that draw are loaded by who looks.
"""

from promptkit.explanation.explanation import Explanation
from promptkit.explanation.sections import (
    Bar,
    Bars,
    Edge,
    Explains,
    Graph,
    Mood,
    Node,
    Paragraph,
    Section,
    Table,
)

__all__ = [
    "Bar",
    "Bars",
    "Edge",
    "Explains",
    "Explanation",
    "Graph",
    "Mood",
    "Node",
    "Paragraph",
    "Section",
    "Table",
]
