"""A token: user and password in one word, for `Authorization: Bearer TOKEN`, `?token=` and CoAP.

    base64url("sensor:correct horse") = c2Vuc29yOmNvcnJlY3QgaG9yc2U

A person may as well write `sensor:correct horse`: a colon is in no token.
"""

import base64


def token(name: str, password: str) -> str:
    """The token of a user with that password."""
    return base64.urlsafe_b64encode(f"{name}:{password}".encode()).decode().rstrip("=")


def login(text: str) -> tuple[str, str]:
    """User and password of a token, or of USER:PASSWORD; nobody's, empty ones, where it is neither."""
    if ":" not in text:
        try:
            text = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
        except ValueError:
            return "", ""
    user, _, password = text.partition(":")
    return user, password
