"""A store of each kind: a folder, and a bucket with object lock on a server of this machine."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import count
from pathlib import Path

import boto3
import moto.s3.models
import pytest
from moto.server import ThreadedMotoServer

from executor.compliance.retention.store import LockedStore, open_store
from tests.executor.compliance.retention.days import Calendar


@pytest.fixture
def calendar() -> Calendar:
    return Calendar(date(2026, 3, 10))


@pytest.fixture(scope="session")
def bucket_server() -> Iterator[str]:
    """The address of a local server with the protocol of S3; it stops with the tests."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = ThreadedMotoServer("127.0.0.1", port, verbose=False)
    server.start()
    yield f"http://127.0.0.1:{port}"
    server.stop()


@pytest.fixture
def bucket(bucket_server: str, calendar: Calendar, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    """The address of an empty bucket with object lock; the server's lock goes by the test's calendar."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "made-up")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "made-up")
    seconds = count()  # the server tells versions of one moment apart by nothing, so no two are of one moment
    monkeypatch.setattr(moto.s3.models, "utcnow", lambda: calendar.now().replace(tzinfo=None) + timedelta(seconds=next(seconds)))
    client = boto3.client("s3", endpoint_url=bucket_server, region_name="us-east-1")
    name = f"b{abs(hash(request.node.nodeid)):x}"
    client.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    return f"s3://{name}/archive?endpoint={bucket_server}"


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path, calendar: Calendar) -> LockedStore:
    """Each kind of store in turn, empty."""
    address = str(tmp_path / "store") if request.param == "folder" else request.getfixturevalue("bucket")
    return open_store(address, calendar)
