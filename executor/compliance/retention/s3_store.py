"""The locking store on S3, or on anything that speaks its protocol with object lock: the bucket itself refuses to delete.

Credentials come from the environment and from nowhere else. The bucket must have been made with object lock, which versions it.
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import os
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from domain.problems import BadInput, Broken, StillKept, Unavailable
from executor.compliance.retention.store import SETTING, Stored, checked_key, day_after, newest
from executor.ports import Clock

KEY_ID, SECRET, SESSION = "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"
DEFAULT_REGION = "us-east-1"
SHA256 = "grekko-sha256"


class S3Store:
    """Objects below a prefix of a bucket with object lock, in compliance mode."""

    def __init__(self, client: Any, bucket: str, prefix: str, clock: Clock) -> None:
        self._client = client
        self._bucket = bucket
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self._clock = clock

    @classmethod
    def at(cls, address: str, clock: Clock) -> S3Store:
        """The store at `s3://bucket/prefix?endpoint=…&region=…`.

        Raises BadInput for an address that is not that, without credentials, and for a bucket without object lock.
        """
        import boto3
        from botocore.config import Config

        parts = urlsplit(address)
        asked = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        unknown = set(asked) - {"endpoint", "region"}
        if parts.scheme != "s3" or not parts.netloc or unknown:
            raise BadInput(f"{address} is not s3://bucket/prefix?endpoint=…&region=….", field=SETTING)
        endpoint = asked.get("endpoint")
        if endpoint is not None and not _is_safe(endpoint):
            raise BadInput(f"{endpoint} is not used: only https is, and http on this machine itself.", field=SETTING)
        if not os.environ.get(KEY_ID) or not os.environ.get(SECRET):
            raise BadInput(f"The store on S3 needs credentials: set {KEY_ID} and {SECRET}.", field=KEY_ID)
        client = boto3.client(
            "s3",
            endpoint_url=endpoint,
            region_name=asked.get("region", DEFAULT_REGION),
            aws_access_key_id=os.environ[KEY_ID],
            aws_secret_access_key=os.environ[SECRET],
            aws_session_token=os.environ.get(SESSION),
            config=Config(retries={"max_attempts": 3, "mode": "standard"}, connect_timeout=10, read_timeout=60),
        )
        store = cls(client, parts.netloc, parts.path, clock)
        store._require_object_lock()
        return store

    def put(self, key: str, content: bytes, *, retain_until: date | None, held: bool = False) -> Stored:
        checked_key(key)
        sha256 = hashlib.sha256(content).hexdigest()
        before = newest(self, key)
        if before is not None and before.sha256 == sha256:
            return self._at_least(before, retain_until, held)
        lock: dict[str, Any] = {"ObjectLockLegalHoldStatus": "ON" if held else "OFF"}
        if retain_until is not None:
            lock |= {"ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": day_after(retain_until)}
        answer = self._ask(
            "put_object",
            Key=self._prefix + key,
            Body=content,
            Metadata={SHA256: sha256},
            ContentMD5=base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode(),
            **lock,
        )
        return self._stored(key, answer["VersionId"])

    def get(self, key: str, version: str) -> bytes:
        answer = self._ask("get_object", Key=self._prefix + checked_key(key), VersionId=version)
        content = answer["Body"].read()
        if hashlib.sha256(content).hexdigest() != answer["Metadata"].get(SHA256):
            raise Broken(f"{key} ({version}) is not what was written: its SHA-256 differs.", key=key, version=version)
        return content

    def versions(self, prefix: str = "") -> Iterator[Stored]:
        found: list[tuple[str, bool, datetime, int, str]] = []
        asked: dict[str, str] = {}
        while True:
            page = self._ask("list_object_versions", Prefix=self._prefix + prefix, **asked)
            # A page lists a key's versions from the newest on; its place decides between two of the same second.
            for one in page.get("Versions", ()):
                found.append((one["Key"].removeprefix(self._prefix), one["IsLatest"], one["LastModified"], -len(found), one["VersionId"]))
            if not page.get("IsTruncated"):
                break
            asked = {"KeyMarker": page["NextKeyMarker"], "VersionIdMarker": page["NextVersionIdMarker"]}
        for key, _, _, _, version in sorted(found):
            yield self._stored(key, version)

    def extend(self, key: str, version: str, until: date) -> Stored:
        stored = self._stored(key, version)
        if stored.retain_until is not None and until < stored.retain_until:
            raise BadInput(f"{key} is locked until {stored.retain_until}; a lock is never shortened to {until}.", field="until")
        retention = {"Mode": "COMPLIANCE", "RetainUntilDate": day_after(until)}
        self._ask("put_object_retention", Key=self._prefix + key, VersionId=version, Retention=retention)
        return self._stored(key, version)

    def hold(self, key: str, version: str) -> Stored:
        return self._legal_hold(key, version, "ON")

    def release(self, key: str, version: str) -> Stored:
        return self._legal_hold(key, version, "OFF")

    def delete(self, key: str, version: str) -> None:
        stored = self._stored(key, version)
        if stored.is_locked(self._clock.now().date()):
            reason = "is under a legal hold" if stored.held else f"is locked until {stored.retain_until}"
            raise StillKept(f"{key} ({version}) {reason}; it was not deleted.", key=key, until=None if stored.held else stored.retain_until)
        self._ask("delete_object", Key=self._prefix + key, VersionId=version)

    def _at_least(self, stored: Stored, retain_until: date | None, held: bool) -> Stored:
        if held and not stored.held:
            stored = self.hold(stored.key, stored.version)
        if retain_until is not None and (stored.retain_until is None or retain_until > stored.retain_until):
            stored = self.extend(stored.key, stored.version, retain_until)
        return stored

    def _legal_hold(self, key: str, version: str, status: str) -> Stored:
        self._stored(key, version)
        self._ask("put_object_legal_hold", Key=self._prefix + key, VersionId=version, LegalHold={"Status": status})
        return self._stored(key, version)

    def _stored(self, key: str, version: str) -> Stored:
        head = self._ask("head_object", Key=self._prefix + checked_key(key), VersionId=version)
        free_at = head.get("ObjectLockRetainUntilDate")
        return Stored(
            key=key,
            version=version,
            sha256=head["Metadata"].get(SHA256, ""),
            bytes=head["ContentLength"],
            retain_until=(free_at.astimezone(UTC) - timedelta(microseconds=1)).date() if free_at else None,
            held=head.get("ObjectLockLegalHoldStatus") == "ON",
        )

    def _require_object_lock(self) -> None:
        told = self._ask("get_object_lock_configuration", missing=None)
        if told is None or told["ObjectLockConfiguration"].get("ObjectLockEnabled") != "Enabled":
            raise BadInput(f"The bucket {self._bucket} has no object lock; make one that has, it cannot be added here.", field=SETTING)

    def _ask(self, verb: str, *, missing: Any = BadInput, **arguments: Any) -> Any:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return getattr(self._client, verb)(Bucket=self._bucket, **arguments)
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            if code == "AccessDenied" and verb == "delete_object":
                raise StillKept(f"The bucket refuses to delete {arguments['Key']}: it is locked there.", key=arguments["Key"]) from error
            if code in {"404", "NoSuchKey", "NoSuchVersion", "NoSuchBucket", "ObjectLockConfigurationNotFoundError"}:
                if missing is None:
                    return None
                raise BadInput(f"The bucket {self._bucket} has no {arguments.get('Key', 'such object')} ({code}).", field="key") from error
            raise Unavailable(f"The bucket {self._bucket} did not do {verb} ({code}).", code=code) from error
        except BotoCoreError as error:
            raise Unavailable(f"The store of {self._bucket} did not answer ({type(error).__name__}).") from error


def _is_safe(endpoint: str) -> bool:
    parts = urlsplit(endpoint)
    host = parts.hostname or ""
    try:
        here = ipaddress.ip_address(host).is_loopback
    except ValueError:
        here = host == "localhost"
    return parts.scheme == "https" or (parts.scheme == "http" and here)
