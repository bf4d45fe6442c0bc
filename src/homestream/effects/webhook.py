"""Webhooks: an alert as JSON, posted to a URL of `[webhook]`."""

import urllib.error
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException

import msgspec

from homestream.engine.fact import Webhook
from homestream.errors import HomestreamError

#: One call may take this long, s.
TIMEOUT_S = 10.0

#: Answers of a service that may take it later: too slow, too early, too many.
PATIENCE = (408, 425, 429)


class RefusedError(HomestreamError):
    """The service will not take it, now or later."""


class _Stay(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer: following one would make a GET of the post."""

    def redirect_request(self, *_: object) -> None:
        """Nowhere."""


class Poster:
    """Posts to the URLs of `home.toml`, which hold secrets: no error repeats one."""

    def __init__(self, urls: Mapping[str, str]) -> None:
        self._urls = dict(urls)
        self._opener = urllib.request.build_opener(_Stay())

    def send(self, fact: Webhook) -> str:
        """Deliver one; blocks. "" when taken, else why not; `RefusedError` where trying again is no use."""
        url = self._urls.get(fact.hook)
        if not url:
            raise RefusedError(f"no such webhook: {fact.hook}")
        request = urllib.request.Request(url, body(fact), method="POST")
        request.add_header("Content-Type", "application/json")
        request.add_header("User-Agent", "Homestream")
        # After a crash it may come twice.
        request.add_header("Idempotency-Key", fact.id)
        try:
            with self._opener.open(request, timeout=TIMEOUT_S):
                return ""
        except urllib.error.HTTPError as error:
            error.close()
            answer = f"the service answered {error.code}"
            if error.code < 500 and error.code not in PATIENCE:
                raise RefusedError(answer) from None
            return answer
        except (OSError, HTTPException, ValueError) as error:  # what they say may repeat the URL
            reason = getattr(error, "reason", None)
            cause = reason if isinstance(reason, Exception) else error
            return getattr(cause, "strerror", None) or type(cause).__name__


def body(fact: Webhook) -> bytes:
    """What is posted."""
    return msgspec.json.encode(
        {
            "id": fact.id,
            "home": fact.home,
            "rule": fact.rule,
            "device": fact.key,
            "severity": fact.severity,
            "text": fact.text,
            "time": fact.time,
            "evidence": fact.evidence,
        }
    )
