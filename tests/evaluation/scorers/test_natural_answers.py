"""Answers as models write them, right and wrong, for every check on the form of an answer."""

from __future__ import annotations

from typing import Any

import pytest

from workbench.evaluation.suites.format_checks import CONSTRAINTS
from workbench.evaluation.suites.scorers.constraints import passes
from workbench.evaluation.suites.sentences import split_sentences

FENCE = "```"
TABLE = "| Name | Age |\n|---|---|\n| Tom | 4 |\n| Ann | 5 |"

CASES: list[tuple[dict[str, Any], list[str], list[str]]] = [
    (
        {"kind": "bullets", "n": 3},
        [
            "* cat\n* dog\n* fish",
            "- cat\n- dog\n- fish",
            "\u2022 cat\n\u2022 dog\n\u2022 fish",
            "\u2022cat\n\u2022dog\n\u2022fish",
            "Here are three pets:\n\n- **Cat**: quiet\n- **Dog**: loyal\n- **Fish**: calm",
            "- cat\n\n- dog\n\n- fish\n\nI hope that helps!",
            "- cat\n  - quiet\n- dog\n  - loyal\n- fish\n  - calm",
            "- cat\n  1. quiet\n  2. clean\n- dog\n- fish",
            "\u2013 cat\n\u2013 dog\n\u2013 fish",
            "+ cat\n+ dog\n+ fish",
        ],
        [
            "cat, dog, fish",
            "1. cat\n2. dog\n3. fish",
            "- cat\n- dog",
            "- cat\n- dog\n- fish\n- bird",
            "cat - dog - fish",
            "*cat*\n*dog*\n*fish*",
            "---\ncat\n---\ndog\n---",
            "-5\n-6\n-7",
        ],
    ),
    (
        {"kind": "numbered", "n": 3},
        [
            "1. apple\n2. pear\n3. plum",
            "1) apple\n2) pear\n3) plum",
            "(1) apple\n(2) pear\n(3) plum",
            "**1.** apple\n**2.** pear\n**3.** plum",
            "1. **Apple** - sweet\n\n2. **Pear** - soft\n\n3. **Plum** - sour",
            "Sure:\n1. apple\n   - red\n   - green\n2. pear\n3. plum",
            "1. apple\n   1. red\n   2. green\n2. pear\n3. plum",
            "1.Apple\n2.Pear\n3.Plum",
        ],
        [
            "1. apple\n1. pear\n1. plum",
            "1. apple, 2. pear, 3. plum",
            "- apple\n- pear\n- plum",
            "0. apple\n1. pear\n2. plum",
            "1. apple\n2. pear",
            "1. apple\n2. pear\n3. plum\n4. fig",
            "1.5 kg apple\n2.5 kg pear\n3.5 kg plum",
            "one: apple\ntwo: pear\nthree: plum",
        ],
    ),
    (
        {"kind": "sentences", "min": 2, "max": 2},
        [
            "Egypt has approx. 110 million people. Most live near the Nile.",
            "The shop opens at 9 a.m. and closes at 6 p.m. on weekdays. Come early!",
            "Work starts at 9 a.m. The break is at noon.",
            "The U.S. Senate has 100 members. Each state sends two.",
            "She moved to the U.S. in 1990. She stayed.",
            "Pack light things, e.g. a scarf. Leave the rest, i.e. the books.",
            "Dr. Ito met Prof. Lane at St. Paul's. They talked.",
            "Pi is about 3.14. It never ends.",
            "J. R. R. Tolkien wrote it. I read it twice",
            'He asked, "Who is there?" and listened. Nobody spoke.',
            "Well... it depends. Ask again!",
            "hello there. how are you?",
            "1. Rain fell.\n2. The sun came back.",
            "**Rust is iron oxide.** It forms in wet air.",
            "Apples are juicy! \U0001f34e They keep for weeks.",
        ],
        [
            "Egypt is hot.",
            "It is hot. It is dry. It is old.",
            "One, two; three: four",
            "Really? Yes. No.",
            "It opens at 9 a.m. It closes at 5 p.m. It is small.",
            "I live in the U.S. The winters are cold. We ski.",
            "Wait\u2026 What? No.",
        ],
    ),
    (
        {"kind": "words", "min": 4, "max": 4},
        [
            "Friends make life brighter.",
            "It costs 1,000 dollars.",
            "It's well-known everywhere now",
            "**Trust**, *laughter*, time, care",
            "Meet at 9:30 a.m.",
            "Pi is 3.14 exactly.",
            "\u201cAlways there for you\u201d",
        ],
        ["Friends help.", "One two three four five", "It costs 1 000 dollars", "Yes", "a b c"],
    ),
    (
        {"kind": "lines", "n": 2},
        ["Warm bread,\nsoft heart.", "a\n\nb", "a\r\nb", "  a  \n  b  \n\n"],
        ["Warm bread, soft heart.", "a\nb\nc", "Poem:\na\nb", "a / b"],
    ),
    (
        {"kind": "paragraphs", "n": 2},
        [
            "A tiger.\n\nIt hunts.",
            "A tiger.\n\n\nIt hunts.\n",
            "A\nb\n\nC",
            "A.\n\n***\n\nB.",
            "A\n \nB",
        ],
        ["A tiger. It hunts.", "A tiger.\nIt hunts.", "A\n\nB\n\nC", "A.\n\n---\n\n"],
    ),
    (
        {"kind": "lowercase"},
        [
            "frogs hop at 5 p.m.",
            "caf\u00e9 au lait",
            f'{FENCE}json\n["a"]\n{FENCE}',
            "don't \U0001f438",
        ],
        ["Frogs hop.", "frogs HOP", "123", "i like Berlin"],
    ),
    (
        {"kind": "uppercase"},
        ["WATCH OUT!", "FLOOR 5 IS WET \u26a0", '["TOMATO"]', f'{FENCE}json\n["TOMATO"]\n{FENCE}'],
        ["Watch out!", "WATCH out", "123", "WATCH OUT, Please"],
    ),
    (
        {"kind": "title_case"},
        [
            "The Song Of Whales",
            "A Dog's Long Way Home",
            '"Whales: A History"',
            "**Lost And Found**",
            "20 Whales",
        ],
        ["The song of whales", "the Song", "Lost dog Found", "123"],
    ),
    (
        {"kind": "no_commas"},
        ["I like soup; it warms.", "One and two and three"],
        ["First, soup", "1,000 soups", "soup\u3001rice", "soup\uff0crice"],
    ),
    (
        {"kind": "without", "texts": ["milk"]},
        ["Cows eat grass.", "The milkman came.", "Buttermilk is fine"],
        ["Cows give milk.", "Milk!", "a milk-white cow", "*milk*", "MILK"],
    ),
    (
        {"kind": "contains", "texts": ["ticket"]},
        ["Buy a ticket.", "TICKETS please", "**Ticket**", "the ticket's price"],
        ["Buy a pass.", "tick et", "ticke"],
    ),
    (
        {"kind": "starts_with", "text": "Well"},
        [
            "Well, bees dance.",
            "well bees",
            '"Well, bees dance."',
            "**Well**, bees",
            "\nWell: bees",
            "Well\u2014bees",
        ],
        ["Wellness is good.", "Oh well, bees", "Bees do well", "Sure! Well, bees"],
    ),
    (
        {"kind": "ends_with", "text": "That is all."},
        [
            "We walked. That is all.",
            "We walked. THAT IS ALL.",
            '"We walked. That is all."',
            "We walked. **That is all.**\n",
        ],
        [
            "That is all. We walked.",
            "We walked. That is all",
            "That is all. Bye!",
            "That is all.)?",
        ],
    ),
    (
        {"kind": "ends_with", "text": "sky"},
        ["it rose to the sky", "the Sky", "up in the *sky*"],
        ["it rose to the sky.", "a game of whisky", "sky high"],
    ),
    (
        {"kind": "quoted"},
        [
            '"Honey is sweet."',
            "\u201cHoney is sweet.\u201d",
            '"It\'s sweet"',
            '  "A\nB"  ',
            "\u00abMiel\u00bb",
            "\u201eHonig\u201c",
        ],
        [
            "Honey is sweet.",
            '"Honey" is sweet.',
            "'Honey is sweet.'",
            '"Honey is sweet',
            'Here: "Honey"',
            '"a" "b"',
        ],
    ),
    (
        {"kind": "title"},
        ["<<Wax>>\nA flame.", "<< A Day >>\nx", "**<<Wax>>**\nx", "A flame.\n<<Wax>>"],
        ["<Wax>\nA flame.", "Wax\nA flame.", "<<>>\nx", "\u00abWax\u00bb\nx", "<<Wax\nx"],
    ),
    (
        {"kind": "postscript"},
        [
            "Ciao!\nP.S. Bring bread.",
            "Ciao!\n\nPS: Bring bread.",
            "Ciao!\nPS Bring bread.",
            "Ciao!\n**P.S.** Bring bread.",
            "Ciao!\nP. S. Bring bread.",
            "Ciao!\nP.S.: bring bread",
            "Ciao! P.S. Bring bread.",
            "Ciao!\nP.P.S. Bring more.",
            "Ciao!\np.s. bring bread",
            "Ciao!\nP.S - bread",
        ],
        [
            "Ciao!",
            "Ciao!\nP.S.",
            "Ciao!\nPSALM 23",
            "I bought a PS5.",
            "ps aux lists them",
            "Ciao!\nPost: bread",
            "No, P.S. is short",
        ],
    ),
    (
        {"kind": "highlight", "n": 2},
        [
            "*Glass* and *paper*",
            "**Glass** and *paper*",
            "***Glass*** and **paper**",
            "* *Glass*\n* *paper*",
            "*two words* and *one*",
        ],
        [
            "*Glass* and paper",
            "_Glass_ and _paper_",
            "* Glass\n* paper",
            "2*3*4 = 24",
            "** Glass ** and ** paper **",
        ],
    ),
    (
        {"kind": "one_of", "texts": ["yes", "no"]},
        ["Yes.", "no", "**Yes**", '"No."', "YES!", "yes\n"],
        ["Yes, it is.", "Maybe", "Answer: yes", "yes or no", "Nope"],
    ),
    (
        {"kind": "letter", "letter": "z", "min": 2},
        ["Zebras doze.", "A lazy zoo", "ZZ"],
        ["Zebras sleep.", "a zoo", "none"],
    ),
    (
        {"kind": "json", "type": "array", "length": 2},
        [
            '["a", "b"]',
            '[\n  "a",\n  "b"\n]\n',
            f'{FENCE}json\n["a", "b"]\n{FENCE}',
            f'{FENCE}\n["a", "b"]\n{FENCE}',
            f"{FENCE}JSON\n[1, null]\n{FENCE}\n",
            '[{"a": 1}, {"a": 2}]',
        ],
        [
            "['a', 'b']",
            '["a", "b",]',
            'Here you go:\n["a", "b"]',
            f'Sure:\n{FENCE}json\n["a", "b"]\n{FENCE}',
            f'{FENCE}json\n["a", "b"]\n{FENCE}\nEnjoy!',
            '["a"]\n["b"]',
            '{"a": 1, "b": 2}',
            '["a", "b", "c"]',
            "a, b",
        ],
    ),
    (
        {"kind": "csv", "columns": ["name", "age"], "rows": 2},
        [
            "name,age\nIda,9\nBo,7",
            "Name,Age\nIda,9\nBo,7\n",
            f"{FENCE}csv\nname,age\nIda,9\nBo,7\n{FENCE}",
            f"{FENCE}\nname,age\nIda,9\nBo,7\n{FENCE}",
            'name, age\n"Ida, the first", 9\nBo, 7',
            '"name","age"\n"Ida","9"\n"Bo","7"',
        ],
        [
            "Ida,9\nBo,7",
            "name;age\nIda;9\nBo;7",
            "name,age\nIda,9",
            "age,name\n9,Ida\n7,Bo",
            f"Here:\n{FENCE}csv\nname,age\nIda,9\nBo,7\n{FENCE}",
            "name,age\nIda,9,x\nBo,7",
            "| name | age |\n| Ida | 9 |\n| Bo | 7 |",
        ],
    ),
    (
        {"kind": "table", "columns": ["name", "age"], "rows": 2},
        [
            TABLE,
            f"Sure!\n\n{TABLE}\n\nDone.",
            TABLE.replace("| Name | Age |", "| **Name** | **Age** |"),
            "Name | Age\n--- | ---\nTom | 4\nAnn | 5",
            TABLE.replace("|---|---|", "| :--- | ---: |"),
            f"{FENCE}markdown\n{TABLE}\n{FENCE}",
        ],
        [
            "Name, Age\nTom, 4\nAnn, 5",
            TABLE.replace("|---|---|\n", ""),
            TABLE + "\n| Bo | 6 |",
            "Name: Tom\nAge: 4",
        ],
    ),
    (
        {"kind": "yaml", "keys": ["name", "age"]},
        [
            "name: Tom\nage: 4",
            "---\nname: Tom\nage: 4\n",
            f"{FENCE}yaml\nname: Tom\nage: 4\n{FENCE}",
            'name: "Tom"\nage: 4\nlikes:\n  - fish',
        ],
        [
            "- name: Tom\n  age: 4",
            "name = Tom\nage = 4",
            f'{FENCE}json\n{{"name": "T", "age": 4}}\n{FENCE}',
            "name: Tom",
            "Here it is:\n\nname: Tom\nage: 4",
        ],
    ),
    (
        {"kind": "xml", "tag": "answer"},
        [
            "<answer>8</answer>",
            "<answer>\n  eight\n</answer>\n",
            f"{FENCE}xml\n<answer>8</answer>\n{FENCE}",
            '<?xml version="1.0" encoding="UTF-8"?>\n<answer>8</answer>',
            "<answer unit='legs'>8</answer>",
        ],
        [
            "<reply>8</reply>",
            "<answer>8",
            "Answer: <answer>8</answer>",
            "<answer>8</answer>.",
            "8",
            "<answer>a & b</answer>",
        ],
    ),
]


@pytest.mark.parametrize(("constraint", "right", "wrong"), CASES, ids=lambda case: str(case)[:40])
def test_natural_answers_are_judged_as_a_reader_would(
    constraint: dict[str, Any], right: list[str], wrong: list[str]
) -> None:
    assert [answer for answer in right if not passes(answer, constraint)] == []
    assert [answer for answer in wrong if passes(answer, constraint)] == []


def test_every_check_has_natural_answers() -> None:
    assert {constraint["kind"] for constraint, _, _ in CASES} == set(CONSTRAINTS)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (
            "The meeting is at 3 p.m. Monday. Bring tea.",
            ["The meeting is at 3 p.m. Monday.", "Bring tea."],
        ),
        ("See Fig. 3 and No. 5. Then go.", ["See Fig. 3 and No. 5.", "Then go."]),
        ("We sell pens, paper, etc. Call us.", ["We sell pens, paper, etc.", "Call us."]),
        ("Please don't. People would die.", ["Please don't.", "People would die."]),
        ("Take vitamin C. It helps.", ["Take vitamin C.", "It helps."]),
        ("Fact.[1] Next.", ["Fact.[1]", "Next."]),
        ("これは本です。それも本です。", ["これは本です。", "それも本です。"]),
        ("Really?! Yes", ["Really?!", "Yes"]),
        ("- *\n...", []),
        ("", []),
    ],
)
def test_a_text_is_cut_at_the_end_of_its_sentences(text: str, parts: list[str]) -> None:
    assert split_sentences(text) == parts
