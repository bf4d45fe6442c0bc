"""One word for user and password."""

from hypothesis import given
from hypothesis import strategies as st

from homestream.door.login.token import login, token


@given(
    st.text(st.characters(codec="utf-8", exclude_characters=":"), min_size=1),
    st.text(st.characters(codec="utf-8")),
)
def test_a_token_is_read_back(name: str, password: str) -> None:
    assert login(token(name, password)) == (name, password)
    assert login(f"{name}:{password}") == (name, password)


@given(st.text())
def test_any_text_is_a_login_or_nobodys(text: str) -> None:
    user, password = login(text)
    assert ":" not in user or not password
