"""Passwords in URLs: they are replaced before a text is printed or saved."""

import re

_IN_URL = re.compile(r"(://[^\s:/@'\"]*:)[^\s'\"]+@")  # up to the last @: a password may have one itself
_IN_QUERY = re.compile(r"([?&](?:ssl)?pass(?:word|wd)?=)[^&\s'\"]+", re.IGNORECASE)


def without_passwords(text: str) -> str:
    """Return a text with *** in place of every password in a URL: ``postgresql://me:***@host/database``."""
    return _IN_QUERY.sub(r"\1***", _IN_URL.sub(r"\1***@", text))
