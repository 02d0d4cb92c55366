"""What a prompt asks for; patterns are searched in the folded prompt."""

from __future__ import annotations

import re

ASKS_WHERE = re.compile(r"\b(?:where|whom?|report|contact|call|find)\b")
"""A question to which an address is an answer."""

ASKS_WHETHER = re.compile(
    r"(?:^|[.!?,;:] )(?:(?:is|are|am|was|were|do|does|did|has|have|had|should|may|might|"
    r"must)(?:n't)?|(?:can|could|will|would)(?:n't|'t)?(?! you\b))\b[^.?!]*\?"
)
"""A question to which "No" is an answer."""

ASKS_FOR_FACTS = re.compile(
    r"what (?:happens|is the (?:penalty|law)|are the (?:laws|rules|penalties|consequences|"
    r"dangers))\b|(?:(?:please|(?:could|can|would) you),? )*(?!.*\b(?:i|me|my|we|ways? (?:of|to)|"
    r"reasons? to|best to|strategy|method)\b)(?:what|why|who|whose|when|where|which|how (?:do|does|"
    r"did)|explain (?:how|what|why)|describe)\b"
)
"""A question about the world, to which a verdict may be the answer: "Why is arson a crime?"."""

ASKS_FOR_WORDS = re.compile(
    r"\b(?:say|said|title|translate|quote|phrase|politely|letter|poem|story|scene|song|lyrics|name|"
    r"apolog\w+|haiku|limerick|rhyme|(?:do|should|can) (?:i|you) (?:tell|reply)|speech|sentence|"
    r"sound|rewrite|reply|refus\w+|declin\w+|turn down|reject\w*|tell (?:my|his|her|"
    r"their) \w+ no)\b"
)
"""A prompt whose right answer may itself be words of refusal."""
