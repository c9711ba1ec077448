"""Alerts reach real receivers, at least once each and again after a restart; a receiver that is away holds up nothing."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from domain.problems import BadInput, Unavailable
from executor.api import Role, create_app
from executor.assembly import JOURNAL, simulation
from executor.compliance.alerts import Alerting, Channel, channels_of
from executor.compliance.alerts.email import Email
from executor.compliance.alerts.message import Message
from executor.compliance.alerts.webhook import Webhook
from executor.journal import Journal, MemoryStore, read_rows
from executor.orders import VIOLATION, Entry, OrderRequest, State, entry_of, intent_entry
from executor.ports import SystemClock
from executor.virtual.loop import VirtualClock, run_virtually
from tests.executor.api.asking import ORDER, TOKENS, talking_to
from tests.executor.compliance.alerts.receivers import PASSWORD, USER, a_mail_server, a_webhook, certificate
from tests.executor.compliance.desks import written
from tests.executor.trading_floor import WEI

MESSAGE = Message("k" * 32, "Grekko: 1 order was refused", ("a line", "another"))
FACTS = {
    "limit_id": "EU-POL-1",
    "rule": "jurisdiction_order_limit",
    "jurisdiction": "EU",
    "basis": "law",
    "client_id": "C1",
    "value": "6000.00",
    "maximum": "5000",
    "unit": "USD",
    "doc_ref": "EU 2023/1114 Art 68(9)",
    "verified": True,
    "on_breach": ["alert:slack"],
}


def test_an_order_over_the_limit_alerts_the_receiver_and_is_in_the_journal(folder: Path, tmp_path: Path) -> None:
    async def story() -> tuple[Any, str]:
        async with a_webhook() as receiver:
            service = simulation(folder, compliance=written(tmp_path / "desk"), channels=[Webhook(receiver.address)])
            async with service.running(), talking_to(create_app(service, TOKENS, looks=False), Role.TRADER) as client:
                body = {**ORDER, "amount_in": str(2 * WEI), "client_order_id": "mueller-1"}
                refused = await client.post("/orders", json={**body, "client_id": "C1"})
                went_on = await client.post("/orders", json={**body, "client_id": "C2", "client_order_id": "two"})
                (text,) = await receiver.texts(1)
                async with asyncio.timeout(20):
                    while not any(row.entry.kind == "alert_sent" for row in read_rows(folder / JOURNAL)):
                        await asyncio.sleep(0.01)
            return (refused.status_code, went_on.status_code), text

    statuses, text = asyncio.run(story())
    assert statuses == (422, 201)
    (row,) = [row for row in read_rows(folder / JOURNAL) if row.entry.kind == VIOLATION]
    assert (
        "EU-POL-1 of EU (internal policy; Grekko policy-2026 section 4, reference not verified), 6000.00 USD where 5000 is the most" in text
    )
    assert f"entry {row.seq}, {row.hash[:16]}" in text
    for personal in ("C1", "mueller", "Erika", "Beispiel"):
        assert personal not in text
    (sent,) = [one.entry.facts for one in read_rows(folder / JOURNAL) if one.entry.kind == "alert_sent"]
    assert (sent["channel"], sent["through_seq"], sent["count"]) == ("slack", row.seq, 1)


# --- the courier, in virtual time


class Taken:
    """A channel in memory; `fails` are raised first."""

    def __init__(self, name: str = "slack", *fails: Exception) -> None:
        self.name, self.fails, self.messages, self.tries = name, list(fails), list[Message](), 0

    async def send(self, message: Message) -> None:
        self.tries += 1
        if self.fails:
            raise self.fails.pop(0)
        self.messages.append(message)

    async def close(self) -> None: ...


async def violate(journal: Journal, clock: VirtualClock, *names: str, on_breach: list[str] | None = None) -> None:
    """Orders that violated a limit, in the journal."""
    for name in names:
        facts = FACTS if on_breach is None else {**FACTS, "on_breach": on_breach}
        await journal.append(
            intent_entry(OrderRequest(name, "0x1", "0x2", 1, client_id="C1"), "live", None, clock.now()),
            entry_of(VIOLATION, name, clock.now(), facts),
            entry_of(State.REFUSED, name, clock.now(), {"rule": FACTS["rule"]}),
        )


def with_couriers(story: Callable[[VirtualClock, Journal, Callable[..., Awaitable[None]]], Awaitable[None]]) -> None:
    """A story with a journal, and a way to let couriers run for some seconds as a process does."""

    async def told(clock: VirtualClock) -> None:
        journal = await Journal.open(MemoryStore(), clock)

        async def process(seconds: float, *channels: Channel, failed: Callable[[str], None] = lambda name: None) -> None:
            alerting = Alerting(channels, clock, Random(1), failed)
            alerting.begin(journal)
            tasks = [asyncio.ensure_future(run()) for run in alerting.tasks().values()]
            await clock.sleep(seconds)
            alerting.heard(Entry(VIOLATION, None, clock.now()))
            await clock.sleep(0.5)
            assert not any(task.done() for task in tasks)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        await story(clock, journal, process)

    run_virtually(told)


def test_what_was_not_delivered_is_after_a_restart_and_what_was_is_not_again() -> None:
    async def story(clock: VirtualClock, journal: Journal, process: Any) -> None:
        await violate(journal, clock, "a", "b")
        away, failed = Taken("slack", *[Unavailable("away")] * 99), list[str]()
        await process(30, away, failed=failed.append)
        assert away.messages == [] and set(failed) == {"slack"} and 4 <= away.tries <= 8  # it waits longer each time
        back = Taken()
        await process(3, back)
        (message,) = back.messages
        assert len(message.lines) == 2 and message.subject.startswith("Grekko: 2 orders were refused")
        again = Taken()
        await process(10, again)
        assert again.messages == []
        await violate(journal, clock, "c")
        await process(10, again)
        assert [len(message.lines) for message in again.messages] == [1]

    with_couriers(story)


def test_a_crash_between_the_alert_and_its_entry_sends_once_more_with_the_same_key() -> None:
    async def story(clock: VirtualClock, journal: Journal, process: Any) -> None:
        await violate(journal, clock, "a")
        first, second = Taken(), Taken()

        class Dies(Taken):
            async def send(self, message: Message) -> None:
                await super().send(message)
                await asyncio.Event().wait()  # the process ends before this returns

        dying = Dies()
        await process(5, dying)
        await process(5, second)
        assert [one.key for one in dying.messages] == [one.key for one in second.messages] != []
        await process(5, first)
        assert first.messages == []

    with_couriers(story)


def test_each_channel_is_told_what_the_limit_names_and_a_dead_one_holds_up_no_other() -> None:
    async def story(clock: VirtualClock, journal: Journal, process: Any) -> None:
        await violate(journal, clock, "a", on_breach=["alert:slack", "alert:email"])
        await violate(journal, clock, "b", on_breach=["alert:email"])
        await violate(journal, clock, "c", on_breach=[])
        slack, email = Taken("slack", *[Unavailable("away")] * 99), Taken("email")
        await process(20, slack, email)
        assert slack.messages == []
        assert [len(message.lines) for message in email.messages] == [2]

    with_couriers(story)


def test_a_flood_of_violations_is_few_messages_and_none_is_left_out() -> None:
    async def story(clock: VirtualClock, journal: Journal, process: Any) -> None:
        await violate(journal, clock, *(f"{number}" for number in range(1_203)))
        channel = Taken()
        await process(20, channel)
        assert [message.subject.split()[1] for message in channel.messages] == ["500", "500", "203"]
        assert all(len(message.lines) == 21 and " more, up to entry " in message.lines[-1] for message in channel.messages)
        counts = [row.entry.facts["count"] for row in journal.entries() if row.entry.kind == "alert_sent"]
        assert counts == [500, 500, 203]

    with_couriers(story)


def test_a_message_nobody_will_ever_take_is_given_up_in_the_journal_and_the_next_goes_out() -> None:
    async def story(clock: VirtualClock, journal: Journal, process: Any) -> None:
        await violate(journal, clock, "a")
        channel = Taken("slack", BadInput("no"), RuntimeError("a library broke"))
        await process(5, channel)
        assert channel.messages == []
        assert [row.entry.kind for row in journal.entries()][-1] == "alert_given_up"
        await violate(journal, clock, "b")
        await process(20, channel)
        assert [len(message.lines) for message in channel.messages] == [1]

    with_couriers(story)


def test_a_journal_that_takes_nothing_does_not_make_the_same_process_tell_twice() -> None:
    async def story(clock: VirtualClock, journal: Journal, process: Any) -> None:
        await violate(journal, clock, "a")
        await journal.close()
        channel = Taken()
        await process(30, channel)
        assert len(channel.messages) == 1

    with_couriers(story)


def test_orders_go_on_while_the_receiver_hangs(folder: Path, tmp_path: Path) -> None:
    async def story() -> float:
        async with a_webhook() as receiver:
            receiver.open.clear()
            service = simulation(folder, compliance=written(tmp_path / "desk"), channels=[Webhook(receiver.address)])
            async with service.running(), talking_to(create_app(service, TOKENS, looks=False), Role.TRADER) as client:
                refused = await client.post("/orders", json={**ORDER, "amount_in": str(2 * WEI), "client_id": "C1"})
                assert refused.status_code == 422
                async with asyncio.timeout(20):
                    while not receiver.asked:
                        await asyncio.sleep(0.01)
                assert [(await client.post("/orders", json=ORDER)).status_code for _ in range(3)] == [201] * 3
                assert (await client.get("/ready")).status_code == 200
                begun = time.monotonic()
            return time.monotonic() - begun

    assert asyncio.run(story()) < 10  # stopping does not wait for it either


# --- the webhook


def test_a_webhook_is_tried_again_later_unless_it_refuses_the_message_itself(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        async with a_webhook(503, 429, 404, 302, 400) as receiver:
            webhook = Webhook(receiver.address)
            for _ in range(4):
                with pytest.raises(Unavailable) as problem:
                    await webhook.send(MESSAGE)
                assert "secret" not in problem.value.message
            with pytest.raises(BadInput, match="400"):
                await webhook.send(MESSAGE)
            await webhook.send(Message("k", "a <b> & c", ()))
            assert receiver.posts == [("k", "a &lt;b&gt; &amp; c")]
            await webhook.close()
            receiver.open.clear()
            hurried = Webhook(receiver.address, patience_seconds=0.05)
            with pytest.raises(Unavailable, match="TimeoutError"):
                await hurried.send(MESSAGE)
            await hurried.close()
        gone = Webhook(receiver.address)
        with pytest.raises(Unavailable):
            await gone.send(MESSAGE)
        await gone.close()

    with caplog.at_level(logging.DEBUG):
        asyncio.run(story())
    assert "hook/secret" not in "".join(record.getMessage() for record in caplog.records if record.name.startswith("executor"))


@pytest.mark.parametrize(
    "address",
    [
        "http://example.org/hook",
        "ftp://127.0.0.1/",
        "https://",
        "https://user:pass@example.org/",
        "//x",
        "https://[::1",
        "http://127.0.0.1:x/",
    ],
)
def test_a_webhook_is_https_or_on_this_machine(address: str) -> None:
    with pytest.raises(BadInput, match="GREKKO_ALERT_WEBHOOK") as problem:
        channels_of({"GREKKO_ALERT_WEBHOOK": address})
    assert "example.org" not in problem.value.message


# --- email


MAILS = {"GREKKO_ALERT_MAIL_FROM": "desk@example.org", "GREKKO_ALERT_MAIL_TO": "one@example.org, two@example.org"}


def settings(server: str, **more: str) -> Email:
    (channel,) = channels_of({"GREKKO_ALERT_SMTP": server, **MAILS, **more})
    assert isinstance(channel, Email)
    return channel


@pytest.mark.filterwarnings("ignore:Requiring AUTH")  # over smtps:// the library does not see that TLS is there
@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_a_mail_goes_over_tls_with_a_password(tmp_path: Path, scheme: str) -> None:
    pem = certificate(tmp_path)
    with a_mail_server(pem, from_the_start=scheme == "smtps") as inbox:
        secrets = {"GREKKO_ALERT_SMTP_USER": USER, "GREKKO_ALERT_SMTP_PASSWORD": PASSWORD, "GREKKO_ALERT_SMTP_CA": str(pem)}
        email = settings(f"{scheme}://127.0.0.1:{inbox.port}", **secrets)
        asyncio.run(email.send(MESSAGE))
        wrong = settings(f"{scheme}://127.0.0.1:{inbox.port}", **{**secrets, "GREKKO_ALERT_SMTP_PASSWORD": "another"})
        with pytest.raises(Unavailable, match="535"):
            asyncio.run(wrong.send(MESSAGE))
        untrusted = settings(f"{scheme}://127.0.0.1:{inbox.port}", GREKKO_ALERT_SMTP_USER=USER, GREKKO_ALERT_SMTP_PASSWORD=PASSWORD)
        with pytest.raises(Unavailable, match="SSLCertVerificationError"):
            asyncio.run(untrusted.send(MESSAGE))
    (mail,) = inbox.mails
    assert (mail["Subject"], mail["To"]) == (MESSAGE.subject, MAILS["GREKKO_ALERT_MAIL_TO"])
    assert mail["Message-ID"] == f"<{MESSAGE.key}@grekko.invalid>"
    assert str(mail.get_payload()).splitlines() == ["a line", "another"]
    assert PASSWORD not in repr(email)


def test_a_mail_server_elsewhere_must_offer_tls() -> None:
    assert settings("smtp://mail.example.org").tls == "starttls"
    assert (settings("smtp://mail.example.org").port, settings("smtps://mail.example.org").port) == (587, 465)
    with a_mail_server(None) as inbox:
        from dataclasses import replace

        with pytest.raises(Unavailable, match="SMTPNotSupportedError"):
            asyncio.run(replace(settings(f"smtp://127.0.0.1:{inbox.port}"), tls="starttls").send(MESSAGE))
        asyncio.run(settings(f"smtp://127.0.0.1:{inbox.port}").send(MESSAGE))
        inbox.answers = ["451 later", "554 never"]
        with pytest.raises(Unavailable, match="451"):
            asyncio.run(settings(f"smtp://127.0.0.1:{inbox.port}").send(MESSAGE))
        with pytest.raises(BadInput, match="554"):
            asyncio.run(settings(f"smtp://127.0.0.1:{inbox.port}").send(MESSAGE))
    assert len(inbox.mails) == 1
    with pytest.raises(Unavailable):
        asyncio.run(settings(f"smtp://127.0.0.1:{inbox.port}").send(MESSAGE))


def test_no_header_can_be_smuggled_into_a_mail() -> None:
    email = settings("smtp://127.0.0.1:9")
    with pytest.raises(ValueError, match="linefeed"):
        asyncio.run(email.send(Message("k", "subject\r\nBcc: all@example.org", ())))


@pytest.mark.parametrize(
    "environment",
    [
        {"GREKKO_ALERT_SMTP": "mail.example.org"},
        {"GREKKO_ALERT_SMTP": "smtp://user:pw@mail.example.org"},
        {"GREKKO_ALERT_SMTP": "smtp://[::1"},
        {"GREKKO_ALERT_SMTP": "smtp://m.example.org", "GREKKO_ALERT_MAIL_TO": ""},
        {"GREKKO_ALERT_SMTP": "smtp://m.example.org", "GREKKO_ALERT_MAIL_TO": "a@b.org\nBcc: c@d.org"},
        {"GREKKO_ALERT_SMTP": "smtp://m.example.org", "GREKKO_ALERT_MAIL_FROM": "nobody"},
        {"GREKKO_ALERT_SMTP": "smtp://m.example.org", "GREKKO_ALERT_SMTP_USER": "one"},
    ],
)
def test_a_mail_setting_that_cannot_be_used_is_named(environment: dict[str, str]) -> None:
    with pytest.raises(BadInput, match=r"GREKKO_ALERT_\w+"):
        channels_of({**MAILS, **environment})


def test_without_settings_there_are_no_channels() -> None:
    assert channels_of({}) == []
    assert SystemClock().now().tzinfo is not None
