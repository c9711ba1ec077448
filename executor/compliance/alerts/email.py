"""Alerts by email, over TLS from the first byte (smtps://) or from STARTTLS on (smtp://); without TLS only on this machine.

The library blocks, so each message is sent by a thread. Headers are made by the library's own class, which refuses a line feed in one.
"""

from __future__ import annotations

import asyncio
import re
import smtplib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import EmailMessage
from urllib.parse import urlsplit

from domain.problems import BadInput, Unavailable
from executor.compliance.alerts.message import Message
from executor.compliance.alerts.webhook import LOOPBACK

SERVER, USER, PASSWORD = "GREKKO_ALERT_SMTP", "GREKKO_ALERT_SMTP_USER", "GREKKO_ALERT_SMTP_PASSWORD"
SENDER, RECEIVERS, AUTHORITY = "GREKKO_ALERT_MAIL_FROM", "GREKKO_ALERT_MAIL_TO", "GREKKO_ALERT_SMTP_CA"
PATIENCE_SECONDS = 10.0
MOST_RECEIVERS = 20
_MAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True)
class Email:
    """One server with one list of receivers. `authority` is a file of certificates to trust beside the machine's own."""

    host: str
    port: int
    sender: str
    receivers: tuple[str, ...]
    tls: str = "starttls"  # or "from_the_start"; "where_offered" only on this machine
    user: str = ""
    password: str = field(default="", repr=False)
    authority: str | None = None
    patience_seconds: float = PATIENCE_SECONDS

    @property
    def name(self) -> str:
        """As the rulebook calls it."""
        return "email"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Email | None:
        """The server that the environment names; None where it names none. Raises BadInput naming the variable and what to write."""
        address = environment.get(SERVER, "")
        if not address:
            return None
        try:
            parts = urlsplit(address)
            host, port = parts.hostname or "", parts.port
        except ValueError:
            parts, host, port = urlsplit(""), "", None
        if parts.scheme not in ("smtp", "smtps") or not host or parts.username is not None or parts.path not in ("", "/"):
            raise BadInput(
                f"{SERVER} must be smtps://host:465 or smtp://host:587; user and password have variables of their own.", field=SERVER
            )
        receivers = tuple(one.strip() for one in environment.get(RECEIVERS, "").split(",") if one.strip())
        for variable, told in ((SENDER, (environment.get(SENDER, ""),)), (RECEIVERS, receivers or ("",))):
            if len(told) > MOST_RECEIVERS or not all(_MAIL.fullmatch(one) for one in told):
                raise BadInput(f"{variable} must be mail addresses, {MOST_RECEIVERS} at most, with commas between them.", field=variable)
        user, password = environment.get(USER, ""), environment.get(PASSWORD, "")
        if bool(user) != bool(password):
            raise BadInput(f"Set both {USER} and {PASSWORD}, or neither.", field=USER)
        secure = parts.scheme == "smtps"
        tls = "from_the_start" if secure else "where_offered" if host in LOOPBACK else "starttls"
        return cls(
            host,
            port or (465 if secure else 587),
            environment[SENDER],
            receivers,
            tls,
            user,
            password,
            environment.get(AUTHORITY) or None,
        )

    async def send(self, message: Message) -> None:
        """Sends it to all receivers. `Message-ID` is made of the message's key, so that a second copy is known as one."""
        mail = self._mail(message)
        try:
            await asyncio.to_thread(self._deliver, mail)
        except smtplib.SMTPDataError as error:
            if error.smtp_code >= 500:  # about this message; everything else can be mended from outside, and the alert waits for that
                raise BadInput(f"The mail server refuses an alert ({error.smtp_code}); look at what it takes.", field=SERVER) from None
            raise Unavailable(f"The mail server did not take an alert ({error.smtp_code}).") from None
        except smtplib.SMTPResponseException as error:
            raise Unavailable(f"The mail server did not take an alert ({error.smtp_code}); look at {SERVER} and {USER}.") from None
        except (smtplib.SMTPException, OSError) as error:
            raise Unavailable(f"The mail server did not take an alert ({type(error).__name__}).") from None

    async def close(self) -> None:
        """Nothing is open between two messages."""

    def _mail(self, message: Message) -> EmailMessage:
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = self.sender, ", ".join(self.receivers), message.subject
        mail["Message-ID"] = f"<{message.key}@grekko.invalid>"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content("\n".join(message.lines) + "\n")
        return mail

    def _deliver(self, mail: EmailMessage) -> None:
        context = ssl.create_default_context(cafile=self.authority)
        if self.tls == "from_the_start":
            with smtplib.SMTP_SSL(self.host, self.port, timeout=self.patience_seconds, context=context) as server:
                self._hand_over(server, mail)
            return
        with smtplib.SMTP(self.host, self.port, timeout=self.patience_seconds) as server:
            server.ehlo()
            if self.tls == "starttls" or server.has_extn("starttls"):
                server.starttls(context=context)
                server.ehlo()
            self._hand_over(server, mail)

    def _hand_over(self, server: smtplib.SMTP, mail: EmailMessage) -> None:
        if self.user:
            server.login(self.user, self.password)
        server.send_message(mail)
