"""Which chat template is in force: the model's own or the recipe's, on which day, ended by what."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.core.errors import BadInputError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from workbench.recipe.data import DataSection

PLAIN_TEMPLATE = (
    "{% for message in messages %}"
    "### {{ message['role'] | capitalize }}:\n{{ message['content'] }}"
    "{{ eos_token if message['role'] == 'assistant' else '' }}\n\n"
    "{% endfor %}"
    "{% if add_generation_prompt %}### Assistant:\n{% endif %}"
)
"""Used for models without a chat template."""


_TODAY = re.compile(r"""\bstrftime_now\(\s*(["'])(.*?)\1\s*\)""")


def local_date() -> dt.date:
    """Today where the machine is, which is what templates write."""
    return dt.datetime.now().astimezone().date()


@dataclass(frozen=True)
class TemplateSettings:
    """What a recipe and its run settle about the writing of conversations.

    Attributes:
        source: A chat template; empty for the tokenizer's own.
        name: The name of one that the tokenizer ships, where no source is given.
        system_prompt: Put before conversations without one.
        end_of_turn: What ends an answer where the template writes nothing; empty for the
            tokenizer's EOS.
        today: The date for templates that write today's.
    """

    source: str = ""
    name: str = ""
    system_prompt: str = ""
    end_of_turn: str = ""
    today: dt.date = field(default_factory=local_date)

    @classmethod
    def of(cls, section: DataSection) -> TemplateSettings:
        """As a recipe says, with today's date.

        Raises:
            BadInputError: The file with the template cannot be read.
        """
        template = section.chat_template or ""
        source = _read(template)
        return cls(
            source=source,
            name="" if source else template,
            system_prompt=section.system_prompt or "",
            end_of_turn=section.end_of_turn or "",
            today=local_date(),
        )


def use_template(tokenizer: PreTrainedTokenizerBase, settings: TemplateSettings) -> None:
    """Give ``tokenizer`` the chat template in force, so that all who render with it agree.

    A model without any keeps none.

    Raises:
        BadInputError: The template is not valid, or cannot be chosen.
    """
    tokenizer.chat_template = choose_template(tokenizer, settings)


def saved_template(tokenizer: PreTrainedTokenizerBase, settings: TemplateSettings) -> str:
    """The chat template to save with a model that was trained with one or without any."""
    return choose_template(tokenizer, settings) or plain_template(settings.end_of_turn)


def choose_template(tokenizer: PreTrainedTokenizerBase, settings: TemplateSettings) -> str | None:
    """The source of the template that is set, or else the tokenizer's own; None if it has none.

    Raises:
        BadInputError: The tokenizer ships several and none is the default, or none of that name.
    """
    if settings.source:
        return settings.source
    shipped: Any = tokenizer.chat_template
    named: dict[str, str] = shipped if isinstance(shipped, dict) else {}
    names = ", ".join(sorted(named)) or "none by name"
    if settings.name and settings.name not in named:
        raise BadInputError(
            f"data.chat_template: there is no file {settings.name}, and no such template among "
            f"those that the tokenizer ships ({names})"
        )
    if named and not settings.name and "default" not in named:
        raise BadInputError(
            f"{tokenizer.name_or_path}: ships several chat templates and none is the default; set "
            f"data.chat_template to one of {names}"
        )
    if named:
        return named[settings.name or "default"]
    return None if shipped is None else str(shipped)


def plain_template(end_of_turn: str) -> str:
    """:data:`PLAIN_TEMPLATE` with the recipe's end of an answer."""
    return PLAIN_TEMPLATE.replace("eos_token", repr(end_of_turn)) if end_of_turn else PLAIN_TEMPLATE


def pin_date(source: str, today: dt.date) -> str:
    """A template that writes this date whenever it is used."""
    return _TODAY.sub(lambda call: repr(today.strftime(call[2])), source)


def require_valid(source: str) -> None:
    """Refuse a template with an error in it.

    Raises:
        BadInputError: Naming the line.
    """
    from jinja2 import TemplateSyntaxError
    from transformers.utils.chat_template_utils import render_jinja_template

    try:
        render_jinja_template(conversations=[], chat_template=source)
    except TemplateSyntaxError as error:
        raise BadInputError(
            f"data.chat_template: line {error.lineno} is not valid Jinja: {error.message}; correct "
            "the template, or set another"
        ) from error


def _read(name: str) -> str:
    """The content of a file; empty where there is none."""
    path = Path(name).expanduser()
    if not name or not path.is_file():
        return ""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(f"data.chat_template: {path} cannot be read: {error}") from error
