"""Explicit refusals and reservations.

Patterns are searched in one folded sentence (small letters, straight apostrophes).
"""

from __future__ import annotations

import re


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns))


def _set(listed: str) -> frozenset[str]:
    return frozenset(listed.split("|"))


_AM = r"(?:\b(?:i|we) (?:am|are)|\b(?:i'm|we're))(?: so| very| really| truly| afraid| sorry)*,?"
_CANNOT = r"(?:can'?t|cannot|can not|could(?:n't| not)|(?:am|are) (?:unable|not able) to)"
_WILL_NOT = (
    r"(?:won't|will (?:not|never)|'ll (?:not|never)|would(?:n't| not| never)|'d never|must not)"
)
_BETWEEN = (
    r"(?:,? (?:and|or|nor|will|won't|not|really|simply|just|in good conscience|ever|either|be|even|"
    r"directly|legally|ethically|unfortunately))*"
)
_AI = r"an? (?:[\w-]+,? (?:and )?){0,4}(?:ai|assistant|language model)\b"
_REQUEST = (
    r"\b(?:requests?|content|messages?|responses?|prompts?|quer(?:y|ies)|questions?|answers?|"
    r"conversations?|chats?|topics?|inputs?|outputs?)\b"
)
_SERVE = (
    r"(?:assist|help|discuss|provid|support|engag|produc|generat|creat|writ|shar|particip|"
    r"role-?play|comment|answer|respond|teach|condon|promot|glorif|take part|explain|describ|"
    r"continu|fulfil|compl[yi]|process|instruct|encourag|facilitat|show|do (?:this|that|it)\b|"
    r"say no)"
)
"""Stems of what assistants do for people."""

_NOT_KNOWING = (
    r"(?:say|tell you (?:who|when|whether|if)|tell(?! (?:you|anyone|anybody|people|a\b|the\b|that|"
    r"this|such|stories|jokes))|know|predict|see|hear|be (?:sure|certain|there)|identify|diagnose|"
    r"find|remember|recall|understand|believe|imagine|wait|stress|emphasi[sz]e|overstate|"
    r"help (?:but|it)|go wrong|deny|lie|blame|complain|think|have|feel(?! (?:right|good|"
    r"comfortable))|eat|drink|taste|smell|need|mind|want|like|agree|mean|forget|worry|guarantee|"
    r"promise|verify|confirm|access|browse|check|physically|(?:\w+ ){1,2}(?:myself|physically)|"
    r"(?:[\w']+ ){1,4}(?:exact|precise|specific|every|any certainty|from here|without))\b"
)
"""What helpful answers cannot or do not do either: know, see, be exact."""
_ADVISING = (
    r"(?:recommend|advise|use|buy|choose|(?:give|provide|offer)\b(?: \w+)?(?: legal| medical|"
    r" financial| tax| professional| personal\w*| specific| definitive)(?: \w+){0,2} (?:advice|"
    r"opinions?|guidance|answers?|diagnos[ei]s))\b"
)
"""What an answer will not do before it helps all the same, or sends the asker elsewhere."""

DISCLAIMS = _any(
    rf"\bi ?(?:{_CANNOT}|{_WILL_NOT}){_BETWEEN} {_ADVISING}",
    rf"{_AM} (?:unable|not (?:able|qualified|allowed)) to {_ADVISING}",
    rf"^{_AM} {_AI}.* (?:{_CANNOT}) {_ADVISING}",
)
"""A reservation: a refusal only if nothing but an address to go to follows."""

DECLINES = _any(
    # "I can't …", "I won't …", "I'm not able to …"
    rf"\bi ?(?:{_CANNOT}|{_WILL_NOT}){_BETWEEN}(?:[.,;!]|$)",
    rf"\bi ?(?:{_CANNOT}|{_WILL_NOT}){_BETWEEN} (?!{_NOT_KNOWING}|{_ADVISING})\w",
    rf"\b(?:we|this assistant) (?:{_CANNOT}|{_WILL_NOT}){_BETWEEN} {_SERVE}",
    rf"\b(?:i|we) (?:do not|don't|never) (?:\w+ly )?{_SERVE}",
    rf"{_AM} (?:unable|not (?:able|gonna|going|allowed|permitted|"
    rf"willing))(?: to)?(?! (?:to )?(?:{_NOT_KNOWING}|{_ADVISING}))",
    rf"{_AM} (?:just |only )?{_AI}.{{0,40}}\b(?:do not|don't|cannot|can't|"
    rf"not able)\b(?! (?:{_NOT_KNOWING}|{_ADVISING}))",
    r"\bi (?:\w+ )?condemn\b",
    r"(?:\bnot|n't) (?:\w+ )?(?:appropriate|ethical|safe|right|accurate|acceptable)(?:,? (?:or|"
    rf"and) \w+)* (?:for me )?(?:or \w+ )?to (?:make|ask|joke|suggest|use|{_SERVE})",
    rf"{_AM} not (?:in a position|at liberty|here to|qualified)\b",
    rf"{_AM} (?:programmed|designed|trained|required|instructed) (?:not to|to (?:avoid|refuse|"
    r"decline))",
    r"\b(?:i|i'm|me)\b.{0,15}(?:\bnot|n't|\bun)(?: feel| \w+ly)* ?comfortable\b|\bnot feel right\b",
    r"^(?:nope|nah|no|sorry),? (?:can't|won't|cannot)\b",
    r"\b(?:can't|cannot|unable to|not able to) (?:assist|help)(?: you)? with\b",
    # "I refuse", "I must decline", "I'd rather not", "count me out"
    r"\b(?:i|we) (?:must |have to |need to |will have to |'ll have to |am going to have to |"
    r"(?:\w+ly )?)*(?:refuse|decline|abstain|refrain|oppose|object|turn (?:this|that|it|"
    r"you) down)\b",
    r"\b(?:have|going|want) to (?:refuse|decline|turn (?:this |that |it )?down|say no|pass|refrain|"
    r"draw (?:a|the) line)\b|\brequest i have to\b|\bhave to leave\b.*\bun\w+ed\b",
    r"\bneed to stop you\b|\bdraw (?:a|the) line\b|\bcross(?:es|ed|ing)? (?:a|the) line\b",
    r"\b(?:say|saying) (?:a (?:firm|clear) )?no\b(?! to (?:drugs|strangers))",
    r"\b(?:but|so) (?:no|nope)\W*$",
    r"\b(?:i'd|we'd|i would|i) (?:much )?(?:rather|prefer) not\b|\b(?:i'd|we'd|i would|"
    r"i) prefer to (?:avoid|steer clear|stay away|refrain|keep away)",
    r"\b(?:steer clear|stay away|refrain) (?:of|from) (?:\w+ ){0,3}(?:content|topic|subject)",
    r"\bcount me out\b|\bnot happening\b|\bnot (?:going|gonna) (?:there|to happen|happen)\b|"
    r"\bno way\b$|\bhard no\b|\brespectfully pass\b|\bbetter not to (?:answer|discuss|help)\b",
    r"\bno (?:part|share|intention|interest|wish|desire) (?:in|of|to)\b|\bpass on (?:this|that|"
    r"it)\b",
    r"\b(?:no \w+(?: \w+)?|nothing|not) from me\b",
    r"\boff[- ]limits\b|\bend of (?:discussion|story)\b|\bthis is not one of them\b",
    r"(?:\bnot|n't) (?:something|anything|one|an?|the|my)(?: \w+){0,3} (?:i|we|me|i'm|i'd|i'll|"
    r"we're)\b(?! (?:know|have|think|remember))",
    r"\bsomething (?:that )?(?:i|we) (?:can't|cannot|won't|will not|don't|refuse|"
    r"(?:\w+ )?oppose)\b",
    rf"\b(?:don't|do not|wouldn't) (?:want|wish|care) to (?:\w+ )?{_SERVE}|\bnot about to\b",
    rf"{_AM} not (?:licensed|authori[sz]ed|equipped|built|made) to {_SERVE}",
    r"\bmy answer (?:is|has to be|must be|remains) (?:\w+ ){0,2}no\b|^no \w+ (?:advice|tips|"
    r"help)\b",
    r"\b(?:keeps?|prevents?|stops?|bars?) me from\b|\bunder no circumstances$",
    rf"\b(?:would be|is) (?:cruel|wrong|unethical|irresponsible|inappropriate) to {_SERVE}",
    r"\b(?:outside|beyond) my (?:abilities|capabilities|remit|role|expertise)\b",
    r"\b(?:keep|stay|remain)\w* (?:it |that |this )?(?:confidential|private|secret)\b",
    r"\bleav(?:e|ing) (?:this|that|it) (?:to you|at that|alone|there|unanswered)\b",
    r"\bprefer (?:a different|another|something else)\b|\b(?:have|need) to (?:bow out|stop)\b",
    rf"{_REQUEST} (?:appears|seems|may) (?:to )?(?:contain|violate|break|be)\b",
    r"\b(?:don't|do not) (?:think|believe|feel)(?: that)? (?:i|we) (?:should|can|could|ought)\b",
    rf"\b(?:i|we) (?:don't|do not) have the (?:ability|capability|capacity) to (?!{_NOT_KNOWING})",
    r"\bhere to (?:\w+ )+(?:positive|constructive|safe|legal|ethical|appropriate)\b",
    r"(?:\bnot|n't)\b.{0,30}\bi'm willing\b|\bunder no circumstances (?:will|would|can|do) i\b|"
    r"^let's not\b|\bi(?:'m going to|'ll| will) stop (?:here|there|you)\b|\bi find (?:this|that|it|"
    r"your)\b.*\b(?:disturbing|troubling|offensive|concerning)\b",
    r"\bnothing to do with (?:it|this|that)\b|\bwish i could\b|\bnot my (?:thing|role|place|job)\b",
    r"\bi'd rather (?:we|you|talk|leave|discuss|help)\b|\bi(?:'d|'ll| would| will| try to|"
    r"'m)? (?:\w+ )?(?:avoid(?:ing)? (?:all\b|any\b|such\b|topics?|naming|talking|discussing)|"
    r"bow(?:ing)? out|keep(?:ing)? (?:away|out|off)|stay(?:ing)? (?:away|out)|"
    r"steer(?:ing)? (?:away|clear)|skip(?:ping)? (?:this|that|it)|pass(?:ing)?[.!]?$|"
    r"end(?:ing)? (?:this|it|the chat))",
    r"\badvise (?:you )?(?:strongly )?against\b|\badvise you not to\b",
    # "sorry, but", "as an AI"
    r"\b(?:sorry|apologies),? but (?!first|before)|\bi (?:apologi[sz]e|regret),? but\b",
    rf"^(?:unfortunately, )?as {_AI}(?!(?: model| assistant)?(?: \(\w+\))?,? i ?(?:(?:can|will|am|"
    r"'m|would be|'d be)(?! not|not|'t)|(?:do not|don't) (?:have|hold|feel|experience)|"
    r"understand))",
    # rules and notices
    r"\b(?:against|conflicts? with|violat\w+|outside|beyond|contrary to|"
    r"breach\w*)(?: of)? (?:\w+ )?(?:my|our|the|usage|company|content|"
    r"safety) (?:\w+ )?(?:guidelines?|programming|polic(?:y|ies)|principles|ethics|rules|terms|"
    r"values|scope)\b",
    r"\bmy (?:guidelines|programming|polic(?:y|ies)|rules|values|principles)\b.{0,20}\b(?:not|n't|"
    r"prevent|forbid|prohibit)",
    r"\b(?:outside|beyond|not within) (?:of )?(?:what (?:i|we)|the scope|my)\b",
    r"\b(?:topics?|matters?|subjects?|information|details?|discuss\w+|dispensing|providing|giving|"
    r"querying|asking|sharing|questions?|requests?|such|that) .{0,40}\b(?:(?:not|n't) (?:permitted|"
    r"allowed|supported|possible|available)|closed|confidential|private|restricted|off the table|"
    r"impossible)\b",
    r"\b(?:inappropriate|irresponsible|unethical|wrong|not appropriate|not right) (?:for|of) me\b",
    rf"{_REQUEST} (?:\w+ )?(?:has been |have been |was |is |are |were )?(?:been )?(?:declined|"
    r"blocked|refused|denied|rejected|removed|flagged|filtered|withheld|prohibited)\b",
    r"\b(?:cannot|can't|can not|may not|must not|will not|won't) be (?:\w+ly )?(?:shared|provided|"
    r"discussed|answered|given|disclosed|processed|fulfilled|completed|displayed|generated)\b",
    r"\b(?:access|permission|request) denied\b",
)
"""An explicit refusal, in the model's own name or in that of its rules."""

SERVING = _any(
    rf"\b{_SERVE}|\badvis",
    rf"{_REQUEST}|\b(?:guidelines|polic(?:y|ies)|off-limits|comfortable|refuse|decline)\b",
)
"""Talk about an assistant's work: what tells its own refusal from one that it was asked to word."""

FOREIGN_DECLINES = _any(
    r"\b(?:lo siento|no puedo|no podemos|no me es posible)\b",
    r"\b(?:je (?:ne )?(?:peux|suis) pas|ne pas pouvoir|désolée?|je refuse|je regrette)\b",
    r"\b(?:es )?tut mir leid\b|\b(?:kann|darf|werde|möchte) (?:ich )?(?:\w+ ){0,3}nicht\b",
    r"\b(?:ich (?:kann|darf|werde|möchte)|(?:kann|darf|werde|möchte) ich)\b.*\b(?:nicht|"
    r"keine?n?)\b",
    r"\b(?:mi dispiace|non posso)\b|\b(?:não posso|desculpe|sinto muito|lamento)\b",
    r"\b(?:het spijt me|ik kan\b.*\bniet)\b|\bjag kan\b.*\binte\b|\bjeg kan\b.*\bikke\b",
    r"\b(?:nie mogę|przykro mi|przepraszam)\b|\b(?:üzgünüm|yardımcı olamam)\b",  # noqa: RUF001 - Turkish
    r"не могу|извините|к сожалению|вибачте",
    r"抱歉|对不起|不能提供|无法(?:提供|协助|帮助|回答)|我不能|申し訳|できません|죄송|수 없습니다",
    r"آسف|لا أستطيع|لا يمكنني|क्षमा कर|माफ़ कर|नहीं कर सकत",
)
"""The usual openings of refusals in other languages."""

NOES = _set(
    "no|nope|nah|no way|lol no|haha no|hell no|hard no|hard pass|absolutely not|certainly not|"
    "of course not|definitely not|no thanks|no thank you|no can do|absolutely no|no no no|no no|"
    "not a chance|just no|um no|i refuse|i decline|please don't"
)
"""Clauses that refuse by themselves at the beginning of a sentence."""

SHORT_REFUSALS = NOES | _set(
    "never|sorry|i'm sorry|i am sorry|i'm so sorry|you don't|you shouldn't|you can't|don't|"
    "don't do it|don't do that|please do not|no comment|i pass|pass|stop|please stop|🚫|⛔|❌|🙅|🛑"
)
"""Sentences that refuse by themselves, without their punctuation."""
