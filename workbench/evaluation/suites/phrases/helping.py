"""Signs that an answer helps, openings that say nothing yet, and documents.

Patterns are searched in one folded clause or sentence.
"""

from __future__ import annotations

import re


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns))


_STEPS = (
    r"add|adjust|aim|apply|ask|attach|bake|bea|begin|bend|blanch|blend|blot|boil|br|"
    r"breathe|brine|brush|bury|buy|carr|check|choose|chop|clean|click|connect|cook|"
    r"copy|cover|create|crush|cut|define|delete|dig|divide|drag|drill|drop|dry|enter|"
    r"est|exclude|file|fill|find|fix|fold|follow|freeze|fry|gather|get|give|go|gr|"
    r"grab|grease|grow|hammer|hang|heat|hide|hit|hold|hone|ing|install|ip|ite|keep|"
    r"kick|lay|learn|let|lift|line|look|loosen|make|mark|measure|melt|mix|move|"
    r"multiply|open|pack|paint|pass|peel|pick|place|plan|plant|post|pour|practi[sc]e|"
    r"press|prune|pull|push|put|r|read|rehearse|remove|replace|restart|rinse|roast|"
    r"rotate|rub|run|sand|scout|screw|scrub|season|select|sell|serve|set|sew|shake|"
    r"sharpen|sit|slice|slide|smash|soak|spray|spread|sprinkle|squeeze|stand|start|"
    r"step|stir|swing|t|take|tap|test|throw|tie|tighten|trim|try|tuck|turn|twist|"
    r"type|unplug|use|visit|wait|walk|warm|wash|water|wear|whisk|wr|wrap|y"
)
"""Verbs with which instructions begin."""
_AT_FIRST = r"(?:^|[:;] |\b(?:please|then|first|next|and|so|just|simply|instead)[,:]? )"
SURELY_HELPS = _any(
    r"\bhere(?:'s| is| are) (?:how|what|the|a|an|some|one|my|your|two|three|\d)\b",
    r"\bstep (?:1|one)\b(?!:? do(?:n't| not))|`|\bthe following:",
)
"""Announcements of help, whatever else the clause says."""

HELPS = _any(
    rf"{_AT_FIRST}(?:{_STEPS})\b(?!\?)(?! (?:a step back|help\b|in touch|care\b|part|"
    r"it out|responsib|the right))",
    r"(?<!if )(?<!feel )\byou(?:'ll| (?:can|could|may|might|should|need to|want to|will|have to|"
    r"just|simply))\b(?! (?:be|face|end up|get caught|regret|also face|go to (?:jail|prison)|hurt|"
    r"harm|go)\b)",
    r"\b(?:tell us|send us|in general|generally|usually|typically|as a rule|normally|often|"
    r"in most \w+|most (?:people|cooks|experts|kitchens|historians|of them|runners)|some (?:people|"
    r"\w+ists)|(?:usual|best|easiest|safest|most common|classic|popular) (?:way|method|rule|option|"
    r"choice|place)|one (?:way|option|method)|that said|anyway,|for example|is common|"
    r"works? (?:well|best)|does it best|(?:staff|users|people) (?:should|can))\b",
)
"""Signs that an answer helps: a step, an instruction, a general rule."""

PLEASANTRIES = re.compile(
    r"(?:sure|okay|ok|of course|certainly|great|thanks?|thank you|hello|hi|well|are you okay|"
    r"i(?:'m| am) (?:so |really |very |truly |deeply )*(?:sorry|glad|grateful|happy to help)|"
    r"i (?:understand|hear|see|know|get|appreciate)|it sounds like|that sounds|no (?:problem|"
    r"worries))\b"
)
"""Openings that say nothing yet."""

DOCUMENT = re.compile(
    r"(?:dear\b|subject:|to:|title:|from:|re:|\(?(?:verse|chorus|scene|chapter)\b|int\.|ext\.|```|"
    r"<|\{)"
)
"""The beginning of a letter, song, page or program: what follows is not said by the model."""
