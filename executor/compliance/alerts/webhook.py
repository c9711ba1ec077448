"""Alerts to a webhook that takes what Slack's incoming webhooks take: a JSON document with `text`.

The address is a secret of its own, so it comes from the environment and is in no message and no log. No redirect is followed: it would
carry the alert to somebody who was not named.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

import aiohttp

from domain.problems import BadInput, Unavailable
from executor.compliance.alerts.message import Message

SETTING = "GREKKO_ALERT_WEBHOOK"
LOOPBACK = ("127.0.0.1", "::1", "localhost")
PATIENCE_SECONDS = 10.0
# Slack cuts a text at 40,000 characters.
LONGEST_TEXT = 30_000
# Answers that are about the message itself: it would be refused again. Every other one, such as a webhook that was withdrawn, can be
# mended from outside, and the alert waits for that.
ABOUT_THE_MESSAGE = frozenset({400, 413, 422})


class Webhook:
    """One address. Raises BadInput for one that is not https, or http on this machine."""

    name = "slack"

    def __init__(self, address: str, patience_seconds: float = PATIENCE_SECONDS) -> None:
        try:
            parts = urlsplit(address)
            host, secure = parts.hostname or "", parts.scheme == "https"
            _ = parts.port
        except ValueError:
            host, secure, parts = "", False, urlsplit("")
        if not host or not (secure or (parts.scheme == "http" and host in LOOPBACK)) or parts.username is not None:
            raise BadInput(f"{SETTING} must be an address that begins with https:// (http:// only on this machine).", field=SETTING)
        self._address = address
        self._timeout = aiohttp.ClientTimeout(total=patience_seconds)
        self._session: aiohttp.ClientSession | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Webhook | None:
        """The webhook that the environment names; None where it names none."""
        address = environment.get(SETTING, "")
        return cls(address) if address else None

    async def send(self, message: Message) -> None:
        """Posts the message; any answer of 200 to 299 means that it was taken. `Idempotency-Key` is the message's key."""
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=self._timeout, trust_env=False)
        # Slack's own three: whatever else stands in a text is only text.
        text = message.text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")[:LONGEST_TEXT]
        try:
            async with self._session.post(
                self._address, json={"text": text}, headers={"Idempotency-Key": message.key}, allow_redirects=False
            ) as answer:
                status = answer.status
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unavailable(f"The webhook did not take an alert ({type(error).__name__}).") from None
        if 200 <= status < 300:
            return
        if status in ABOUT_THE_MESSAGE:
            raise BadInput(f"The webhook refuses an alert (status {status}); look at what it takes.", field=SETTING, status=status)
        raise Unavailable(f"The webhook did not take an alert (status {status}); look at {SETTING}.", status=status)

    async def close(self) -> None:
        """Closes the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None
