"""A node in memory, served over real HTTP: a small chain that can be reorganised, and a server that can misbehave on order."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from executor.chain.snapshot import SELECTORS

POOL = "0x" + "11" * 20
PAIR = "0x" + "22" * 20
TOKEN0, TOKEN1 = "0x" + "a0" * 20, "0x" + "a1" * 20
WALLET = "0x" + "ee" * 20
SWAP = "0xc42079f94a6350d7e6235f29174924f928cc2ac818eb64fed8004e115fbcca67"
UNISWAP_V3_FACTORY = "0x1f98431c8ad98523631ae4a59f267346ea31f984"
UNISWAP_V2_FACTORY = "0x5c69bee701ef814a2b6a3edd4b1652cb9cc5aa6f"
GENESIS_TIME = 1_767_571_200  # 2026-01-05

Fault = Callable[[list[dict[str, Any]]], tuple[int, dict[str, str], bytes] | None]


def word(number: int) -> str:
    """One 32-byte word as hex."""
    return (number % 2**256).to_bytes(32, "big").hex()


def digest(*parts: Any) -> str:
    """A made-up hash."""
    return "0x" + hashlib.sha256(repr(parts).encode()).hexdigest()


class MemoryNode:
    """A chain of blocks where every third block has a swap of `POOL`, and every fourth a failed transaction of `WALLET`."""

    def __init__(self, blocks: int, chain_id: int = 1) -> None:
        self.chain_id = chain_id
        self.blocks: list[dict[str, Any]] = []
        self.receipts: dict[str, dict[str, Any]] = {}
        self.transactions: dict[str, dict[str, Any]] = {}
        self.faults: deque[Fault] = deque()
        self.requests: list[list[dict[str, Any]]] = []
        self.largest_log_range = 10_000
        self.before_answer: Callable[[dict[str, Any]], None] = lambda question: None
        self.calls: dict[tuple[str, str], str] = {}
        self.overrides: dict[str, Callable[[list[Any]], Any]] = {}
        self.with_pools()
        self.grow(blocks)

    def with_pools(self) -> None:
        """A concentrated pool with two ticks and a pair, of known factories."""
        facts = {
            POOL: {
                "factory()": UNISWAP_V3_FACTORY[2:].rjust(64, "0"),
                "token0()": TOKEN0[2:].rjust(64, "0"),
                "token1()": TOKEN1[2:].rjust(64, "0"),
                "fee()": word(500),
                "tickSpacing()": word(200),
                "slot0()": word(2**96) + word(-5) + word(0) * 3 + word(0) + word(1),
                "liquidity()": word(7_000),
                "feeGrowthGlobal0X128()": word(2**200),
                "feeGrowthGlobal1X128()": word(3),
            },
            PAIR: {
                "factory()": UNISWAP_V2_FACTORY[2:].rjust(64, "0"),
                "token0()": TOKEN0[2:].rjust(64, "0"),
                "token1()": TOKEN1[2:].rjust(64, "0"),
                "getReserves()": word(1_000) + word(2_000) + word(0),
            },
            TOKEN0: {"symbol()": word(32) + word(4) + b"USDX".hex().ljust(64, "0"), "name()": word(32) + word(0), "decimals()": word(6)},
            TOKEN1: {"symbol()": b"MKR".hex().ljust(64, "0"), "name()": b"Maker".hex().ljust(64, "0"), "decimals()": word(18)},
        }
        for address, answers in facts.items():
            for signature, answer in answers.items():
                self.say(address, signature, answer)
        # Ticks −200 (bit 255 of word −1) and 400 (bit 2 of word 0).
        self.calls[(POOL, SELECTORS["tickBitmap(int16)"] + word(-1))] = "0x" + word(2**255)
        self.calls[(POOL, SELECTORS["tickBitmap(int16)"] + word(0))] = "0x" + word(2**2)
        self.calls[(POOL, SELECTORS["ticks(int24)"] + word(-200))] = "0x" + word(7_000) + word(7_000)
        self.calls[(POOL, SELECTORS["ticks(int24)"] + word(400))] = "0x" + word(7_000) + word(-7_000)

    def say(self, address: str, signature: str, answer: str | None) -> None:
        """What a contract answers from now on; None lets the call revert."""
        if answer is None:
            self.calls.pop((address, SELECTORS[signature]), None)
        else:
            self.calls[(address, SELECTORS[signature])] = "0x" + answer

    def grow(self, blocks: int, fork: str = "") -> None:
        """Add blocks on top; `fork` makes them differ from others at the same height."""
        for _ in range(blocks):
            number = len(self.blocks)
            block: dict[str, Any] = {
                "number": hex(number),
                "hash": digest("block", number, fork),
                "parentHash": self.blocks[-1]["hash"] if self.blocks else "0x" + "00" * 32,
                "timestamp": hex(GENESIS_TIME + 600 * number),
                "baseFeePerGas": hex(10**9 + number),
                "gasUsed": hex(21_000),
                "gasLimit": hex(30_000_000),
                "transactions": [],
            }
            if number % 3 == 0:
                self._transact(block, 0, fork, logs=[(POOL, SWAP)])
            if number % 4 == 0:
                self._transact(block, 1, fork, logs=[], sender=WALLET)
            self.blocks.append(block)

    def reorganise(self, depth: int, grow: int, fork: str) -> None:
        """Replace the last `depth` blocks by `grow` others."""
        for block in self.blocks[-depth:]:
            for transaction in block["transactions"]:
                self.receipts.pop(transaction["hash"], None)
                self.transactions.pop(transaction["hash"], None)
        del self.blocks[-depth:]
        self.grow(grow, fork)

    def _transact(self, block: dict[str, Any], index: int, fork: str, logs: list[tuple[str, str]], sender: str = "0x" + "cc" * 20) -> None:
        number = int(block["number"], 16)
        hash = digest("transaction", number, index, fork)
        where = {"blockHash": block["hash"], "blockNumber": block["number"], "transactionIndex": hex(index)}
        transaction = {"hash": hash, "from": sender, "to": POOL, "nonce": hex(number), "value": hex(10**20), "gas": hex(90_000), **where}
        data = word(10) + word(-9) + word(2**96 + number) + word(7_000) + word(-5)
        entries = [
            {"address": address, "topics": [topic], "data": "0x" + data, "transactionHash": hash, "logIndex": hex(index + place), **where}
            for place, (address, topic) in enumerate(logs)
        ]
        receipt = {
            "transactionHash": hash,
            "gasUsed": hex(70_000),
            "effectiveGasPrice": hex(2 * 10**9),
            "status": "0x1" if logs else "0x0",
            "logs": entries,
            **where,
        }
        block["transactions"].append(transaction)
        self.transactions[hash], self.receipts[hash] = transaction, receipt

    def answer(self, question: dict[str, Any]) -> dict[str, Any]:
        """One JSON-RPC answer."""
        self.before_answer(question)
        method, params = question["method"], question["params"]
        shell = {"jsonrpc": "2.0", "id": question["id"]}
        outcome = self.overrides[method](params) if method in self.overrides else self._result(method, params)
        return (
            {**shell, "error": outcome}
            if isinstance(outcome, dict) and set(outcome) == {"code", "message"}
            else {**shell, "result": outcome}
        )

    def _result(self, method: str, params: list[Any]) -> Any:
        if method == "eth_chainId":
            return hex(self.chain_id)
        if method == "eth_blockNumber":
            return hex(len(self.blocks) - 1)
        if method == "eth_getBlockByNumber":
            number = int(params[0], 16)
            if number >= len(self.blocks):
                return None
            block = self.blocks[number]
            return block if params[1] else {**block, "transactions": [one["hash"] for one in block["transactions"]]}
        if method == "eth_getLogs":
            first, last = int(params[0]["fromBlock"], 16), int(params[0]["toBlock"], 16)
            if last - first + 1 > self.largest_log_range:
                return {"code": -32005, "message": "query returned more than 10000 results"}
            sent = [one["hash"] for block in self.blocks[first : last + 1] for one in block["transactions"]]
            return [log for hash in sent for log in self.receipts[hash]["logs"] if log["address"] in params[0]["address"]]
        if method == "eth_getTransactionByHash":
            return self.transactions.get(params[0])
        if method == "eth_getTransactionReceipt":
            return self.receipts.get(params[0])
        if method == "eth_call":
            answer = self.calls.get((params[0]["to"], params[0]["data"]))
            if answer is None and params[0]["data"].startswith(SELECTORS["tickBitmap(int16)"]):
                answer = "0x" + word(0)
            return {"code": 3, "message": "execution reverted"} if answer is None else answer
        return {"code": -32601, "message": f"the method {method} does not exist"}

    def respond(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        """One HTTP answer, or the next fault."""
        document = json.loads(body)
        questions = document if isinstance(document, list) else [document]
        self.requests.append(questions)
        if self.faults and (response := self.faults.popleft()(questions)) is not None:
            return response
        answers = [self.answer(question) for question in questions]
        return 200, {}, json.dumps(answers if isinstance(document, list) else answers[0]).encode()

    @contextmanager
    def serve(self) -> Iterator[str]:
        """Listen on the loopback while the block runs; gives the address."""
        node = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # headers and body in one packet

            def do_POST(self) -> None:
                status, headers, body = node.respond(self.rfile.read(int(self.headers["content-length"])))
                if status == 0:  # hang up without a word
                    self.close_connection = True
                    return
                self.send_response(status)
                for name, value in {"content-type": "application/json", "content-length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            server.server_close()
            thread.join(5)


def status(code: int, **headers: str) -> Fault:
    """Answer with a bare HTTP status."""
    return lambda questions: (code, {name.replace("_", "-"): value for name, value in headers.items()}, b"no")


def hang_up(questions: list[dict[str, Any]]) -> tuple[int, dict[str, str], bytes]:
    """Close the connection without an answer."""
    return 0, {}, b""


def cut_off(questions: list[dict[str, Any]]) -> tuple[int, dict[str, str], bytes]:
    """JSON that ends in the middle."""
    return 200, {}, b'[{"jsonrpc": "2.0", "id": 1, "resu'


def error_for_all(code: int, message: str) -> Fault:
    """One error object for the whole batch."""
    return lambda questions: (200, {}, json.dumps({"jsonrpc": "2.0", "id": None, "error": {"code": code, "message": message}}).encode())


def only_every_second(node: MemoryNode) -> Fault:
    """Leave out every second answer of a batch."""
    return lambda questions: (200, {}, json.dumps([node.answer(one) for one in questions[::2]]).encode())


def rate_limit_each(questions: list[dict[str, Any]]) -> tuple[int, dict[str, str], bytes]:
    """Answer each question with a rate-limit error of its own."""
    error = {"code": -32005, "message": "daily request rate limit exceeded"}
    answers = [{"jsonrpc": "2.0", "id": one["id"], "error": error} for one in questions]
    return 200, {}, json.dumps(answers if len(questions) > 1 else answers[0]).encode()
