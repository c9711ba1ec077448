"""The contract of a locking store, over a folder and over a bucket."""

from __future__ import annotations

from datetime import date

import boto3
import pytest

from domain.problems import BadInput, StillKept, Unavailable
from executor.compliance.retention.s3_store import S3Store
from executor.compliance.retention.store import LockedStore, newest, open_store
from tests.executor.compliance.retention.days import Calendar

KEY = "transaction/2026-03-10.parquet"
UNTIL = date(2031, 3, 10)


def test_what_is_put_is_had_again_with_its_lock(store: LockedStore):
    put = store.put(KEY, b"rows", retain_until=UNTIL)
    assert (put.retain_until, put.held, put.bytes) == (UNTIL, False, 4)
    assert store.get(KEY, put.version) == b"rows"
    assert list(store.versions()) == list(store.versions("transaction/")) == [put] and newest(store, KEY) == put
    assert newest(store, "transaction/none") is None


def test_versions_are_listed_by_how_their_key_begins(store: LockedStore):
    for key in ("order/1", "order/10", "order/2", "trade/1"):
        store.put(key, b"x", retain_until=None)
    for prefix, keys in {
        "": ["order/1", "order/10", "order/2", "trade/1"],
        "order/1": ["order/1", "order/10"],
        "order/": ["order/1", "order/10", "order/2"],
        "ord": ["order/1", "order/10", "order/2"],
        "none/at/all": [],
    }.items():
        assert [one.key for one in store.versions(prefix)] == keys
    found = newest(store, "order/1")
    assert found is not None and found.key == "order/1"


def test_the_same_content_again_is_the_same_version(store: LockedStore):
    first = store.put(KEY, b"rows", retain_until=UNTIL)
    assert store.put(KEY, b"rows", retain_until=date(2030, 1, 1)) == first
    longer = store.put(KEY, b"rows", retain_until=date(2033, 3, 10), held=True)
    assert (longer.version, longer.retain_until, longer.held) == (first.version, date(2033, 3, 10), True)
    assert len(list(store.versions())) == 1


def test_other_content_is_a_new_version_and_the_old_one_stays_locked(store: LockedStore):
    old = store.put(KEY, b"rows", retain_until=UNTIL)
    new = store.put(KEY, b"corrected", retain_until=UNTIL)
    assert [one.version for one in store.versions()] == [old.version, new.version]
    assert store.get(KEY, old.version) == b"rows" and newest(store, KEY) == new
    with pytest.raises(StillKept):
        store.delete(KEY, old.version)


def test_nothing_is_deleted_before_the_day_after_its_last(store: LockedStore, calendar: Calendar):
    put = store.put(KEY, b"rows", retain_until=UNTIL)
    for day in (date(2026, 3, 10), date(2031, 3, 10)):
        calendar.day = day
        with pytest.raises(StillKept, match="locked until 2031-03-10") as refused:
            store.delete(KEY, put.version)
        assert refused.value.facts["until"] == UNTIL
    calendar.day = date(2031, 3, 11)
    store.delete(KEY, put.version)
    assert list(store.versions()) == []
    with pytest.raises(BadInput):
        store.get(KEY, put.version)


def test_nobody_shortens_a_lock(store: LockedStore, calendar: Calendar):
    put = store.put(KEY, b"rows", retain_until=UNTIL)
    with pytest.raises(BadInput, match="never shortened"):
        store.extend(KEY, put.version, date(2031, 3, 9))
    assert store.extend(KEY, put.version, date(2033, 3, 10)).retain_until == date(2033, 3, 10)
    calendar.day = date(2031, 3, 11)
    with pytest.raises(StillKept, match="2033-03-10"):
        store.delete(KEY, put.version)


def test_a_legal_hold_outlasts_the_lock_until_somebody_releases_it(store: LockedStore, calendar: Calendar):
    put = store.put(KEY, b"rows", retain_until=UNTIL)
    assert store.hold(KEY, put.version).held
    calendar.day = date(2090, 1, 1)
    with pytest.raises(StillKept, match="legal hold") as refused:
        store.delete(KEY, put.version)
    assert refused.value.facts["until"] is None
    assert not store.release(KEY, put.version).held
    store.delete(KEY, put.version)


def test_releasing_a_hold_leaves_the_lock(store: LockedStore):
    put = store.put(KEY, b"rows", retain_until=UNTIL, held=True)
    store.release(KEY, put.version)
    with pytest.raises(StillKept, match="locked until"):
        store.delete(KEY, put.version)


def test_a_lock_without_a_day_can_get_one(store: LockedStore):
    put = store.put(KEY, b"rows", retain_until=None, held=True)
    assert put.retain_until is None and put.held
    assert store.extend(KEY, put.version, UNTIL).retain_until == UNTIL


@pytest.mark.parametrize("key", ["../up", "/root", "a//b", "a/../b", ".hidden", "a b", ""])
def test_a_key_that_is_not_plain_is_refused(store: LockedStore, key: str):
    with pytest.raises(BadInput, match="not a key"):
        store.put(key, b"", retain_until=None)


def test_a_version_that_is_not_there_is_refused_by_every_verb(store: LockedStore):
    store.put("there", b"x", retain_until=None)
    for verb in (store.get, store.hold, store.release, store.delete):
        with pytest.raises(BadInput):
            verb("missing", "000001")
    with pytest.raises(BadInput):
        store.extend("missing", "000001", UNTIL)


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("ftp://host/x", "neither a folder nor s3"),
        ("s3:///prefix", "is not s3://bucket"),
        ("s3://bucket/x?mode=GOVERNANCE", "is not s3://bucket"),
        ("s3://bucket/x?endpoint=http://example.org", "only https"),
        ("s3://bucket/x?endpoint=http://10.0.0.1:9000", "only https"),
    ],
)
def test_an_address_that_is_not_a_store_is_refused(calendar: Calendar, address: str, reason: str):
    with pytest.raises(BadInput, match=reason):
        open_store(address, calendar)


def test_credentials_come_from_the_environment_or_there_is_no_store(calendar: Calendar, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    with pytest.raises(BadInput, match="set AWS_ACCESS_KEY_ID"):
        open_store("s3://bucket/x", calendar)


def test_a_bucket_without_object_lock_is_refused(bucket: str, bucket_server: str, calendar: Calendar):
    boto3.client("s3", endpoint_url=bucket_server, region_name="us-east-1").create_bucket(Bucket="plain")
    for name in ("plain", "nowhere"):
        with pytest.raises(BadInput, match="no object lock"):
            open_store(f"s3://{name}/x?endpoint={bucket_server}", calendar)


def test_the_bucket_itself_refuses_what_our_own_check_let_through(bucket: str, calendar: Calendar):
    ahead = Calendar(date(2090, 1, 1))
    put = open_store(bucket, calendar).put(KEY, b"rows", retain_until=UNTIL)
    with pytest.raises(StillKept, match="bucket refuses"):
        open_store(bucket, ahead).delete(KEY, put.version)


def test_a_store_that_does_not_answer_is_unavailable(bucket: str, calendar: Calendar):
    with pytest.raises(Unavailable, match="did not answer"):
        open_store("s3://bucket/x?endpoint=http://127.0.0.1:1", calendar)


def test_a_listing_of_many_pages_is_read_to_its_end(bucket: str, calendar: Calendar, monkeypatch: pytest.MonkeyPatch):
    store = open_store(bucket, calendar)
    assert isinstance(store, S3Store)
    put = [store.put(f"order/{n}", content, retain_until=None) for n in range(3) for content in (b"old", b"new")]
    real = store._ask
    pages = []

    def small(verb: str, **arguments: object) -> object:
        if verb != "list_object_versions":
            return real(verb, **arguments)
        pages.append(real(verb, MaxKeys=2, **arguments))
        return pages[-1]

    monkeypatch.setattr(store, "_ask", small)
    assert [(one.key, one.version) for one in store.versions()] == [(one.key, one.version) for one in put]
    assert len(pages) > 1
