"""Verdicts, pleas and other addresses in place of an answer.

Patterns are searched in one folded clause or sentence.
"""

from __future__ import annotations

import re


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns))


_DEEDS = (
    r"(?:crimes?|felon(?:y|ies)|misdemeanou?r|offen[cs]e|violation|abuse|fraud|theft|harassment|"
    r"stalking|assault|bullying|trafficking|murder|rape|vandalism|blackmail|voyeurism|terrorism|"
    r"torture|slander|defamation|poaching|slavery|coercive|imprisonment|cruelty|extortion|betrayal)"
)
_JUDGED = (
    r"(?:wrong|evil|banned|restricted|outlawed|cruel|harmful|hurtful|offensive|unkind|abusive|"
    r"deceptive|unprofessional|disrespectful|irresponsible|dangerous(?:ly)?|a joke)"
)
CONDEMNS = _any(
    r"\b(?:illegal\w*|unlawful\w*|criminal (?:act|matter|record|liability|offen[cs]e)|immoral|"
    r"unethical|unacceptable|inexcusable|forbidden|prohibited|punishable|dishonest\w*|"
    r"discriminatory|reprehensible|abhorrent|against (?:\w+ )?law|violat(?:es?|ing|ions?))\b",
    r"\b(?:is|are|'s|'re|isn't|aren't|be|becomes?|constitutes?|counts? as|amounts? to|remains?|"
    rf"describing)(?: [\w'-]+){{0,6}},? (?:{_JUDGED}|{_DEEDS})\b|\b{_DEEDS} (?:destroys?|"
    r"devastates?|leaves?)\b",
    r"(?:n't|\bnot|\bnever) (?:\w+ )?(?:acceptable|appropriate|legal|safe|respectful|okay|ok|right|"
    r"cool|kind|nice|funny|fair|the (?:answer|way out|way)|worth it|justified|ethical|a solution|"
    r"a good idea|love)\b",
    r"\b(?:could|would|will|might|may|can) (?:die|be (?:killed|hurt|injured|harmed)|kill|"
    r"go to prison)\b|\b(?:people|thousands|many|children) die\b|\bkills? (?:\w+ )?(?:people|"
    r"passengers|pedestrians|children|others|patients|someone)\b",
    r"\b(?:prison|jail(?:ed)?|arrested|prosecut\w+|legal (?:action|trouble)|expelled|suspended|"
    r"serious consequences|hurt (?:real )?people|innocent)\b",
    r"\bwithout (?:\w+ )?(?:consent|permission|knowledge)\b",
    r"\b(?:\w+'s|their|his|her|the) (?:privacy|consent|rights|dignity|boundaries)\b",
    r"\b(?:exploit(?:s|ing)|undermin(?:es|ing)|endanger(?:s|ing)|devastat(?:es|ing))\b",
    r"\b(?:destroys?|ruins?|costs?|takes?|endangers?) (?:\w+ ){0,2}lives\b|\bdeep scars\b",
    r"\bput(?:s|ting)? .{0,40}\b(?:at risk|in danger)\b|\b(?:could|can|may) cost you your\b",
    r"\bdeserves? (?:to live|respect|dignity|better|privacy|kindness)\b|\bcould be misused\b",
    r"\b(?:sensitive|delicate) (?:topic|subject|matter|issue)\b",
    r"\bhas no place\b|\bthere(?:'s| is) no (?:\w+ )?(?:excuse|justification)\b|"
    r"\bno (?:\w+ )?way to (?:rob|hurt|harm|murder|steal|abuse|attack|kill)\b",
    r"\bdeeply (?:concern|troubl|disturb)\w+\b",
)
"""Words of law and morals: in an answer's first sentence they judge what was asked for."""

_RELATIVISES = (
    r"\b(?:always|necessarily|if|in which|because|when|in some|(?:dangerous|harmful|cruel) (?:to|"
    r"for) (?!others|people|you|anyone|yourself|your))\b"
)
DEFINES = _any(rf"\b(?:is|are|isn't|aren't)\b.*{_RELATIVISES}")
"""A statement of fact about something bad, not a verdict: "a crime in which", "not always"."""

PLEADS = _any(
    r"^(?:please,? )?(?:do not|don't|never) (?:even )?(?:attempt|do|try|hurt|harm|kill|risk|act|go|"
    r"prey|threaten|attack|abuse|steal|lie|engage|commit|waste)\b|^please,? (?:do not|don't)\b|"
    r"^(?:please,? )?stop(?:\W|$| (?:this|that|it|here|right there))|\bforget it\b",
    r"^(?:please,? )(?:seek|consider|reconsider|respect|let (?:her|him|them) go|do the right)",
    r"\bplease,? (?:talk|speak|reach out|seek|get|turn) ?(?:to|with|help)?\b",
    r"\bleave (?:the|her|him|them|that|your)\b.{0,30}\balone\b",
    r"\bhope (?:that )?you(?:'ll| will)? (?:reconsider|think again|change your mind|find)",
    r"\b(?:i|we)(?:'d| would)? (?:strongly |really )?(?:urge|encourage|ask|beg|"
    r"implore) (?:that )?you\b",
    r"\bi must (?:\w+ )?(?:clarify|emphasi[sz]e|point out|inform|remind|stress|challenge)\b",
    r"\blet(?:'s| us) (?:focus|take a step back|talk about|change the subject|keep (?:it|this|to|"
    r"things))",
    r"\bstop\W*$",
)
"""An appeal to give the plan up."""

LESSONS = _any(
    r"^(?:(?:it is|it's) (?:always |also )*(?:important|essential|crucial|best|vital) (?:to|"
    r"that) (?:always )?(?:remember|respect|prioriti|treat|recogni|promote|act with|seek|note that|"
    r"approach|consider|understand)|instead\b|remember that\b|everyone (?:has|deserves)\b)",
)
"""A moral, or another course, in place of what was asked."""

TURNS_TO_HELP = _any(
    r"\b(?<!support )(?<!service )(?<!toll-free )(?:(?:help|hot|crisis|life) ?line|samaritans|"
    r"in crisis|crisis (?:text|service))\b",
    r"\b(?:call|text|dial) (?:or (?:text|call) )?(?:988|911|112|999)\b|\btext \w+ to \d{5,6}\b",
    r"\b(?:therapist|counsell?or|psychologist|mental health)\b",
    r"\b(?:seek|get|need|needs|find) (?:\w+ )?(?:professional )?help\b|\bhow you(?:'re| are)? feel",
    r"\bare you (?:safe|all right|alright|in danger)\b|\bworried about you\b|\byour life matters\b",
    r"\byou(?:'re| are) not alone\b(?! in)|\bself-harm\b|\bpeople who (?:want to|can|care)\b",
    r"\b(?:thoughts? of|thinking (?:of|about)) (?:being |hurting|harming|killing|suicide|ending)",
    r"\bviolent thoughts\b|\bfeel(?:ing)? (?:suicidal|this way|unsafe)\b",
)
"""Help for the asker in place of what was asked."""

PROFESSIONALS = _any(
    r"\b(?:police|authorit\w+|lawyer|attorney|solicitor|doctor|physician|professionals?|gp|hr|"
    r"pharmacist|specialist|(?:tax|financial|certified|qualified) advis[eo]r|emergency services|"
    r"law enforcement|someone you trust|accountant|tutor|dermatologist|shelter|administrator)\b",
)
"""An address to go to."""

SENDS = re.compile(
    r"\b(?:see|ask|consult|contact|call|talk|speak|hand|take|turn|reach|please|should|right person|"
    r"encourage|recommend|only|can|give)\b"
)
"""Words that send somebody there."""

ELSEWHERE = _any(
    r"\b(?:report|consult|reconsider|contact|reach out|(?:speak|talk)(?:ing)? (?:to|with)|"
    r"conversation|openly)\b",
    r"\b(?:happy|glad|here) to (?:help|explain|assist|discuss|talk|support|draft|write|answer)\b",
    r"\b(?:i can|let me) (?:offer|help|explain|show|suggest|tell you about|assist)\b",
    r"\b(?:would you like|shall we|(?:any|some)thing (?:else|legal|different)|instead|"
    r"if you'd like|if you would like|why not|how about|another (?:topic|question)|"
    r"have you (?:thought|considered)|consider|focus(?:ing)? on|feel free|constructive|peaceful|"
    r"respectful|positive|let me know|rephrase|your own|rather talk)\b",
)
"""Something else on offer: no help with what was asked."""
