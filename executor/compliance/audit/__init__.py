"""The audit log: what was reported, filed and decided, in an order that nobody can change without being found out."""

from executor.compliance.audit.entries import AuditEntry
from executor.compliance.audit.heads import SignedHead, sign_head
from executor.compliance.audit.keys import AuditKey, key_from
from executor.compliance.audit.log import AuditLog
from executor.compliance.audit.verification import verify_log

__all__ = ["AuditEntry", "AuditKey", "AuditLog", "SignedHead", "key_from", "sign_head", "verify_log"]
