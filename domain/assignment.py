"""Which arm an order belongs to: decided by its id and the experiment's salt alone, so that every process and every restart agrees.

A hash, not the time or the nonce: those are not spread evenly, and an order that is sent again must meet the same model.
"""

from __future__ import annotations

import hashlib

from domain.problems import BadInput

BUCKETS = 10_000


def bucket_of(order_id: str, salt: str) -> int:
    """The order's bucket, 0 to 9,999: the first 8 bytes of a keyed BLAKE2b (RFC 7693), modulo 10,000.

    Two experiments of different salts divide the same orders independently. Raises BadInput for an empty id or a salt of over 64 bytes.
    """
    key = salt.encode()
    if not order_id or not 0 < len(key) <= 64:
        raise BadInput("A bucket needs an order id, and a salt of 1 to 64 bytes.", field="order_id" if not order_id else "salt")
    digest = hashlib.blake2b(order_id.encode(errors="surrogatepass"), digest_size=8, key=key).digest()
    return int.from_bytes(digest, "big") % BUCKETS


def is_challengers(bucket: int, share_bp: int) -> bool:
    """Whether the bucket belongs to the challenger when it has `share_bp` of 10,000 orders.

    Growing the share only moves orders from the champion to the challenger, never back.
    """
    return bucket < share_bp
