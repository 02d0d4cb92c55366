"""The wording of answers, as the refusal scorer reads it; all word lists are here."""
