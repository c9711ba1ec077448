"""The agents' weights in Redis, for executors that share what they learn: compared and set in one step, on the server.

A hash with the fields `generation` and `weights` under one key. Whether it survives a crash of the server is the server's setting
(`appendonly yes`); with the journal it always does.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, Self, cast
from urllib.parse import urlsplit

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from domain.agent_weights import AgentWeights
from domain.problems import BadInput, Unavailable
from executor.agents.weight_store import JournalWeights, WeightStore, overtaken
from executor.journal import Journal
from executor.ports import Clock

KEY = "grekko:agent_weights"
# A decision never waits for it, but whoever saves does; a healthy server answers within a millisecond.
TIMEOUT_SECONDS = 1.0

# Replaces the weights only if the server still has the generation that we know of. Scripts run alone, so nobody comes between.
_COMPARE_AND_SET = """
local kept = redis.call('HMGET', KEYS[1], 'generation', 'weights')
if kept[2] == ARGV[3] then return {1, kept[1]} end
if (kept[1] or '') ~= ARGV[1] then return {0, kept[1] or ''} end
redis.call('HSET', KEYS[1], 'generation', ARGV[2], 'weights', ARGV[3])
return {1, ARGV[2]}
"""


class RedisWeights:
    """Weights under a key of a Redis server (`redis://[user:password@]host[:port][/database]`, `rediss://` with TLS)."""

    def __init__(self, url: str, *, key: str = KEY, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        """Nothing is sent yet. Raises BadInput when it is not an address of a Redis server."""
        if urlsplit(url).scheme not in ("redis", "rediss"):
            raise BadInput("The weights' server is not redis://host:port/database; correct its address.", field="weights")
        try:
            self._redis: Redis = Redis.from_url(
                url,
                decode_responses=True,
                socket_timeout=timeout_seconds,
                socket_connect_timeout=timeout_seconds,
                retry=Retry(NoBackoff(), 0),  # LiveWeights tries again by itself
            )
            where = urlsplit(url)
            self._where = f"{where.hostname or 'localhost'}:{where.port or 6379}"  # never the password
        except ValueError as error:
            raise BadInput(f"The address of the weights' server cannot be read: {error}.", field="weights") from error
        self._key = key
        self._known = ""  # the generation that we loaded or saved last, as text

    async def load(self) -> AgentWeights | None:
        generation, text = await self._ask(self._redis.hmget(self._key, ["generation", "weights"]))
        if text is None:
            self._known = ""
            return None
        weights = AgentWeights.from_json(text)
        if str(weights.generation) != generation:
            raise BadInput(f"The weights in Redis are of another generation than {generation}; restore {self._key}.", field="weights")
        self._known = generation
        return weights

    async def save(self, weights: AgentWeights) -> None:
        if self._known and weights.generation < int(self._known):
            raise overtaken(weights.generation, int(self._known))
        told = (self._known, str(weights.generation), weights.to_json())
        is_kept, generation = await self._ask(self._redis.eval(_COMPARE_AND_SET, 1, self._key, *told))
        if not is_kept:
            raise overtaken(weights.generation, int(generation) if generation else None)
        self._known = generation

    async def close(self) -> None:
        """Lets go of the connections."""
        await self._redis.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _ask(self, answer: Any) -> Any:
        try:
            return await cast(Awaitable[Any], answer)
        except ResponseError as error:
            raise BadInput(f"Redis at {self._where} refused: {error}; give the weights a key of their own.", field="weights") from error
        except (RedisError, OSError) as error:
            raise Unavailable(f"Redis at {self._where} did not answer ({type(error).__name__}); the weights in memory stay.") from error


def open_weights(setting: str, journal: Journal, clock: Clock) -> WeightStore:
    """The store that a setting names: `journal`, or the address of a Redis server. Raises BadInput for anything else."""
    return JournalWeights(journal, clock) if setting == "journal" else RedisWeights(setting)
