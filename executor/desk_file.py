"""The desk file: everything the executor is set to, in one YAML file that is checked as a whole before anything starts.

Secrets stay out of it. A node's or a journal's address may hold one, so these can be named as `{environment: NAME}`; a key is a
keystore or the name of a variable; the tokens of the API are in the environment only.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from domain.problems import BadInput
from executor.agents.settings import AgentSettings
from executor.desk_sections import (
    ComplianceSettings,
    GasSettings,
    KeySetting,
    NodeSettings,
    PoolSetting,
    read_agents,
    read_compliance,
    read_deployments,
    read_finality,
    read_gas,
    read_journal,
    read_key,
    read_mode,
    read_node,
    read_pools,
    read_secret,
    read_stream,
    read_tokens,
)
from executor.guards.limits import Limits
from executor.guards.limits_text import read_limits, token_named
from executor.orders import Mode, OrderRequest
from executor.routing.pool_book import Token
from executor.strict_yaml import MAX_BYTES, Value, read_settings
from executor.venue import Deployment

if TYPE_CHECKING:
    from executor.calls import Routers


@dataclass(frozen=True, slots=True)
class DeskFile:
    """A desk file that passed. Addresses are lowercase; paths are absolute; `sha256` is that of the file's bytes.

    `folder` is where the file lies: the kill switch is in it. `finality_depth` None takes the node's word for what is final.
    `dollars` are the tokens that count as one dollar each.
    """

    path: Path
    sha256: str
    mode: Mode
    chain_id: int
    node: NodeSettings
    finality_depth: int | None
    deployments: Mapping[str, Deployment]
    split_router: str | None
    pools: tuple[PoolSetting, ...]
    discover_from_block: int | None
    tokens: Mapping[str, Token]
    dollars: frozenset[str]
    wrapped_native: str | None
    journal: str = field(repr=False)
    ledger: Path
    stream: str = field(repr=False)
    lake: Path
    dagster_url: str | None = field(repr=False)
    gas: GasSettings
    limits: Limits
    key: KeySetting | None
    agents: AgentSettings | None = None
    compliance: ComplianceSettings | None = None

    @property
    def folder(self) -> Path:
        """Where the desk keeps its kill switch: the file's own folder."""
        return self.path.parent

    @property
    def routers(self) -> Routers:
        """Where calls may go, as the planner wants it."""
        from executor.calls import Routers

        return Routers(self.deployments, self.split_router)

    def symbol_of(self, request: OrderRequest) -> str:
        """What is traded, as a person says it: WETH/USDC."""
        return "/".join(self.tokens[side].symbol if side in self.tokens else side for side in (request.sell.lower(), request.buy.lower()))


def load_desk_file(path: Path, environment: Mapping[str, str] | None = None) -> DeskFile:
    """The desk file at this path. Raises BadInput naming the file, the line, the setting and the fix."""
    return read_desk_file(content_of(path), path, environment)


def content_of(path: Path) -> bytes:
    """The bytes of a file that is not longer than a desk file may be. Raises BadInput when there is none."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise BadInput(f"{path} cannot be read ({error.strerror}); `grekko desk example` shows a desk file.", field="file") from error


def read_desk_file(content: bytes, path: Path, environment: Mapping[str, str] | None = None) -> DeskFile:
    """The same of bytes that were read before; `path` is where they stand. Raises BadInput."""
    path = path.absolute()
    surroundings = os.environ if environment is None else environment
    top = read_settings(content, path.name)
    if not content.endswith(b"\n"):
        top.value.bad("its last line has no end, so it may be half written; end it with a new line.", show=False)
    chain_id = top["chain_id"].whole(1, 2**63 - 1)
    tokens = read_tokens(top["tokens"])
    deployments = read_deployments(top.get("venues"), chain_id)
    pools, discover_from_block = read_pools(top["pools"], deployments, tokens)
    split_router = top.maybe("split_router", Value.address, None)
    desk = DeskFile(
        path=path,
        sha256=hashlib.sha256(content).hexdigest(),
        mode=read_mode(top.get("mode")),
        chain_id=chain_id,
        node=read_node(top["node"].section(), surroundings),
        finality_depth=top.maybe("finality", read_finality, None),
        deployments=deployments,
        split_router=split_router,
        pools=pools,
        discover_from_block=discover_from_block,
        tokens=tokens,
        dollars=frozenset(token_named(one, tokens).address for one in top.maybe("dollars", Value.items, [])),
        wrapped_native=top.maybe("wrapped_native", lambda value: token_named(value, tokens).address, None),
        journal=top.maybe("journal", lambda value: read_journal(value, path.parent, surroundings), str(path.parent / "journal.sqlite")),
        ledger=top.maybe("ledger", lambda value: path.parent / value.text(), path.parent / "ledger"),
        stream=top.maybe("stream", lambda value: read_stream(value, surroundings), "memory"),
        lake=top.maybe("lake", lambda value: path.parent / value.text(), path.parent / "lake"),
        dagster_url=top.maybe("dagster_url", lambda value: read_secret(value, surroundings, ("http://", "https://")), None),
        gas=top.maybe("gas", lambda value: read_gas(value.section(), tokens), GasSettings()),
        limits=Limits(),
        key=top.maybe("key", lambda value: read_key(value, path.parent), None),
        agents=top.maybe("agents", lambda value: read_agents(value, surroundings), None),
        compliance=read_compliance(top, path.parent, read_mode(top.get("mode"))),
    )
    desk = replace(desk, limits=_limits(top.get("limits"), desk))
    top.done()
    return desk


def _limits(value: Value | None, desk: DeskFile) -> Limits:
    """What the desk may trade is what the file describes, where the limits do not say less."""
    routers = {place.router for place in desk.deployments.values() if place.router} | ({desk.split_router} - {None})
    described = Limits(
        allowed_tokens=frozenset(desk.tokens),
        allowed_pools=frozenset(pool.address for pool in desk.pools) if desk.discover_from_block is None else None,
        allowed_routers=frozenset(router for router in routers if router),
    )
    return described if value is None else read_limits(value.section(), desk.tokens, described)
