"""The node's door over HTTP: answers in order, errors in the node's words, and nobody's keys in a message."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from aiohttp import web

from domain.problems import BadInput, Unavailable
from executor.chain.node import HttpNode, NodeRefused, number, quantity


def ask(answer: Callable[[Any], Any], questions: Callable[[HttpNode], Coroutine[Any, Any, Any]], **settings: Any) -> Any:
    """Ask a node on this machine that answers each body with what `answer` says."""

    async def respond(wanted: web.Request) -> web.Response:
        told = answer(await wanted.json())
        if isinstance(told, web.Response):
            return told
        if asyncio.iscoroutine(told):
            told = await told
        return web.json_response(told)

    async def story() -> Any:
        app = web.Application()
        app.router.add_post("/", respond)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        try:
            async with HttpNode(f"http://127.0.0.1:{port}/", **settings) as node:
                return await questions(node)
        finally:
            await runner.cleanup()

    return asyncio.run(story())


def echo(body: Any) -> Any:
    """Every question answered with its method, in the wrong order."""
    questions = body if isinstance(body, list) else [body]
    answers = [{"jsonrpc": "2.0", "id": one["id"], "result": [one["method"], *one["params"]]} for one in reversed(questions)]
    return answers if isinstance(body, list) else answers[0]


def test_answers_come_in_the_order_of_the_questions():
    async def questions(node: HttpNode) -> Any:
        assert await node.batch([]) == []
        assert await node.call("eth_chainId") == ["eth_chainId"]
        await node.close()  # and it opens again
        return await node.batch([("a", ()), ("b", (1, True)), ("c", ())])

    assert ask(echo, questions) == [["a"], ["b", 1, True], ["c"]]


def test_a_refusal_is_raised_alone_and_stands_in_a_batch():
    def refuse(body: Any) -> Any:
        error = {"code": 3, "message": "execution reverted", "data": "0x08"}
        told = [{"id": one["id"], "error": error} for one in (body if isinstance(body, list) else [body])]
        return told if isinstance(body, list) else told[0]

    async def questions(node: HttpNode) -> Any:
        with pytest.raises(NodeRefused, match="eth_call: execution reverted") as caught:
            await node.call("eth_call")
        assert (caught.value.code, caught.value.data) == (3, "0x08")
        return await node.batch([("eth_call", ()), ("eth_call", ())])

    assert all(isinstance(one, NodeRefused) for one in ask(refuse, questions))


def test_an_error_that_is_only_words_is_told_too():
    async def questions(node: HttpNode) -> None:
        with pytest.raises(NodeRefused, match="too many requests"):
            await node.call("eth_call")

    ask(lambda body: {"id": body["id"], "error": "too many requests"}, questions)


@pytest.mark.parametrize("answer", [[], [{"id": 99, "result": 1}], {"id": None}, ["words"]])
def test_a_missing_answer_is_asked_for_again(answer: Any):
    async def questions(node: HttpNode) -> None:
        with pytest.raises(Unavailable, match=r"127\.0\.0\.1 left eth_call without an answer"):
            await node.call("eth_call")

    ask(lambda body: answer, questions)


def test_no_json_is_no_answer():
    async def questions(node: HttpNode) -> None:
        with pytest.raises(Unavailable, match="HTTP 503 and no JSON"):
            await node.call("eth_call")

    ask(lambda body: web.Response(status=503, text="<html>"), questions)


def test_silence_is_no_answer():
    async def late() -> Any:
        await asyncio.sleep(5)

    async def questions(node: HttpNode) -> None:
        with pytest.raises(Unavailable, match="did not answer"):
            await node.call("eth_call")

    ask(lambda body: late(), questions, timeout_seconds=0.05)


def test_the_address_must_be_one_and_its_key_is_never_told():
    for address in ("ws://node", "http://", "node"):
        with pytest.raises(BadInput, match="node's address"):
            HttpNode(address)
    node = HttpNode("http://127.0.0.1:1/v3/secret-key")
    with pytest.raises(Unavailable) as caught:
        asyncio.run(node.call("eth_chainId"))
    assert "secret-key" not in str(caught.value) + str(caught.value.facts)


@pytest.mark.parametrize("told", ["0x2a"])
def test_a_quantity_is_read_and_written(told: str):
    assert number(told, "count") == 42
    assert quantity(42) == told


@pytest.mark.parametrize("told", [None, 42, "42", "0x", "0xzz", {}])
def test_what_is_no_quantity_names_its_field(told: Any):
    with pytest.raises(Unavailable, match="count"):
        number(told, "count")
