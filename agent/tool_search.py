"""Find tools by words: BM25 over their names, descriptions and parameters.

Lexical and without a dependency: 500 tools take about a millisecond. The words of a
name count more, because people and models mostly say what the tool is called.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from agent.tool_types import ToolSpec

# Robertson's saturation and length normalisation; descriptions differ much in
# length and long ones are not worse.
_K1 = 1.4
_B = 0.6
_NAME_WEIGHT = 3
_CAMEL = re.compile("(?<=[a-z0-9])(?=[A-Z])")
_WORD = re.compile(r"[^\W_]+")
_STOP = frozenset(
    "a an the of to in on for and or with by is are was were be do does did my me i you"
    " it its this that these those there from all any get please can could would will"
    " want need what which who whose how when where tool tools use".split()
)
_ENDINGS = (("ies", "y"), ("ing", ""), ("es", ""), ("ed", ""), ("s", ""))


def words(text: str) -> list[str]:
    """Return the words of `text` that say something, by their stems."""
    found: list[str] = []
    for word in _WORD.findall(text):
        parts = _CAMEL.sub(" ", word).lower().split()
        # searchIssues is two words; GitHub is one, too.
        found += parts if len(parts) == 1 else [*parts, word.lower()]
    return [_stem(word) for word in found if word not in _STOP]


def _stem(word: str) -> str:
    for ending, instead in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word.removesuffix(ending) + instead
            break
    return word.rstrip("e") if len(word) > 4 else word


@dataclass
class ToolIndex:
    """An index of tools by a key of the caller's."""

    _counts: dict[str, Counter[str]] = field(default_factory=dict)
    _lengths: dict[str, int] = field(default_factory=dict)
    _weights: dict[str, float] = field(default_factory=dict)

    @classmethod
    def build(cls, tools: Mapping[str, tuple[str, ToolSpec]]) -> "ToolIndex":
        """Index tools, each with the label of its source."""
        index = cls()
        spread: Counter[str] = Counter()
        for key, (label, spec) in tools.items():
            counts = Counter(_document(label, spec))
            index._counts[key] = counts
            index._lengths[key] = counts.total()
            spread.update(counts.keys())
        for word, count in spread.items():
            rarity = (len(tools) - count + 0.5) / (count + 0.5)
            index._weights[word] = math.log(1 + rarity)
        return index

    def search(self, query: str, *, limit: int) -> list[str]:
        """Return the keys of the best tools for `query`, the best one first."""
        asked = set(words(query)) & self._weights.keys()
        if not asked:
            return []
        mean = sum(self._lengths.values()) / len(self._lengths)
        scores = {
            key: self._score(key, asked & counts.keys(), mean)
            for key, counts in self._counts.items()
        }
        found = [key for key, score in scores.items() if score]
        return sorted(found, key=lambda key: (-scores[key], key))[:limit]

    def _score(self, key: str, matched: Iterable[str], mean: float) -> float:
        counts = self._counts[key]
        slack = _K1 * (1 - _B + _B * self._lengths[key] / mean)
        return sum(
            self._weights[word] * counts[word] * (_K1 + 1) / (counts[word] + slack)
            for word in matched
        )


def _document(label: str, spec: ToolSpec) -> Iterable[str]:
    yield from words(f"{spec.name} {spec.title}") * _NAME_WEIGHT
    yield from words(label)
    yield from words(spec.description)
    properties = spec.input_schema.get("properties")
    for name in properties if isinstance(properties, dict) else ():
        yield from words(str(name))
