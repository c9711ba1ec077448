"""Real receivers on this machine: a webhook over HTTP and a mail server with TLS, and a certificate for it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import Message as Mail
from ipaddress import ip_address
from pathlib import Path
from socket import socket
from typing import Any

from aiohttp import web
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass
class Receiver:
    """What a webhook got; `answers` are the statuses of the next posts, 200 when there are none. Without `open` it hangs."""

    answers: list[int] = field(default_factory=list)
    posts: list[tuple[str, str]] = field(default_factory=list)  # key and text of what was taken
    asked: int = 0
    open: asyncio.Event = field(default_factory=asyncio.Event)
    address: str = ""

    def __post_init__(self) -> None:
        self.open.set()

    async def post(self, request: web.Request) -> web.Response:
        self.asked += 1
        await self.open.wait()
        status = self.answers.pop(0) if self.answers else 200
        if status == 200:
            body = await request.json()
            assert set(body) == {"text"}  # what Slack takes
            self.posts.append((request.headers["Idempotency-Key"], body["text"]))
        return web.Response(status=status, headers={"Location": "/elsewhere"} if status == 302 else None)

    async def texts(self, count: int) -> list[str]:
        """The texts, once there are so many."""
        async with asyncio.timeout(20):
            while len(self.posts) < count:
                await asyncio.sleep(0.01)
        return [text for _, text in self.posts]


@asynccontextmanager
async def a_webhook(*answers: int) -> AsyncIterator[Receiver]:
    """A webhook on a loopback port."""
    receiver, app = Receiver(list(answers)), web.Application()
    app.router.add_post("/hook/secret", receiver.post)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    receiver.address = f"http://127.0.0.1:{port}/hook/secret"
    try:
        yield receiver
    finally:
        receiver.open.set()
        await runner.cleanup()


@dataclass
class Inbox:
    """What a mail server got."""

    mails: list[Mail] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    port: int = 0

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:
        if self.answers:
            return self.answers.pop(0)
        self.mails.append(message_from_bytes(envelope.content))
        return "250 taken"


def certificate(folder: Path) -> Path:
    """A certificate for 127.0.0.1 that is its own authority, with its key in the same file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    told = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(told + made.public_bytes(serialization.Encoding.PEM))
    return path


USER, PASSWORD = "desk", "a password of the test"


@contextmanager
def a_mail_server(pem: Path | None, *, from_the_start: bool = False) -> Iterator[Inbox]:
    """A mail server on a loopback port, which asks for STARTTLS and a password where it has a certificate."""
    inbox, context = Inbox(), None
    if pem is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
    options: dict[str, Any] = {}
    if pem is not None:
        options["authenticator"] = _authenticate
        options |= {"ssl_context": context} if from_the_start else {"tls_context": context, "require_starttls": True}
        options |= {"auth_require_tls": not from_the_start, "auth_required": True}
    with socket() as free:  # the server connects to itself once, so it must know its port
        free.bind(("127.0.0.1", 0))
        inbox.port = free.getsockname()[1]
    server = Controller(inbox, hostname="127.0.0.1", port=inbox.port, **options)
    server.start()
    try:
        yield inbox
    finally:
        server.stop()


def _authenticate(server: SMTP, session: Any, envelope: Any, mechanism: str, told: LoginPassword) -> AuthResult:
    return AuthResult(handled=False, success=(told.login, told.password) == (USER.encode(), PASSWORD.encode()))
