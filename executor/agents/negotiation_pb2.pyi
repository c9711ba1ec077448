from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Envelope(_message.Message):
    __slots__ = ("conversation_id", "trade_id", "seq", "sender", "receiver", "sent_ns", "deadline_ns", "schema_version", "trace_id", "cfp", "propose", "refuse", "accept", "reject", "inform", "failure", "cancel")
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    TRADE_ID_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    SENDER_FIELD_NUMBER: _ClassVar[int]
    RECEIVER_FIELD_NUMBER: _ClassVar[int]
    SENT_NS_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_NS_FIELD_NUMBER: _ClassVar[int]
    SCHEMA_VERSION_FIELD_NUMBER: _ClassVar[int]
    TRACE_ID_FIELD_NUMBER: _ClassVar[int]
    CFP_FIELD_NUMBER: _ClassVar[int]
    PROPOSE_FIELD_NUMBER: _ClassVar[int]
    REFUSE_FIELD_NUMBER: _ClassVar[int]
    ACCEPT_FIELD_NUMBER: _ClassVar[int]
    REJECT_FIELD_NUMBER: _ClassVar[int]
    INFORM_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    CANCEL_FIELD_NUMBER: _ClassVar[int]
    conversation_id: str
    trade_id: str
    seq: int
    sender: str
    receiver: str
    sent_ns: int
    deadline_ns: int
    schema_version: int
    trace_id: str
    cfp: Cfp
    propose: Propose
    refuse: Refuse
    accept: Accept
    reject: Reject
    inform: Inform
    failure: Failure
    cancel: Cancel
    def __init__(self, conversation_id: _Optional[str] = ..., trade_id: _Optional[str] = ..., seq: _Optional[int] = ..., sender: _Optional[str] = ..., receiver: _Optional[str] = ..., sent_ns: _Optional[int] = ..., deadline_ns: _Optional[int] = ..., schema_version: _Optional[int] = ..., trace_id: _Optional[str] = ..., cfp: _Optional[_Union[Cfp, _Mapping]] = ..., propose: _Optional[_Union[Propose, _Mapping]] = ..., refuse: _Optional[_Union[Refuse, _Mapping]] = ..., accept: _Optional[_Union[Accept, _Mapping]] = ..., reject: _Optional[_Union[Reject, _Mapping]] = ..., inform: _Optional[_Union[Inform, _Mapping]] = ..., failure: _Optional[_Union[Failure, _Mapping]] = ..., cancel: _Optional[_Union[Cancel, _Mapping]] = ...) -> None: ...

class Cfp(_message.Message):
    __slots__ = ("base", "quote", "amount_in", "actions", "quorum", "as_of_ns", "input_sha256")
    BASE_FIELD_NUMBER: _ClassVar[int]
    QUOTE_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_IN_FIELD_NUMBER: _ClassVar[int]
    ACTIONS_FIELD_NUMBER: _ClassVar[int]
    QUORUM_FIELD_NUMBER: _ClassVar[int]
    AS_OF_NS_FIELD_NUMBER: _ClassVar[int]
    INPUT_SHA256_FIELD_NUMBER: _ClassVar[int]
    base: str
    quote: str
    amount_in: str
    actions: _containers.RepeatedScalarFieldContainer[str]
    quorum: int
    as_of_ns: int
    input_sha256: str
    def __init__(self, base: _Optional[str] = ..., quote: _Optional[str] = ..., amount_in: _Optional[str] = ..., actions: _Optional[_Iterable[str]] = ..., quorum: _Optional[int] = ..., as_of_ns: _Optional[int] = ..., input_sha256: _Optional[str] = ...) -> None: ...

class ActionUtility(_message.Message):
    __slots__ = ("action", "utility_micro", "confidence_ppm", "horizon_seconds", "evidence_ref")
    ACTION_FIELD_NUMBER: _ClassVar[int]
    UTILITY_MICRO_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_PPM_FIELD_NUMBER: _ClassVar[int]
    HORIZON_SECONDS_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_REF_FIELD_NUMBER: _ClassVar[int]
    action: str
    utility_micro: int
    confidence_ppm: int
    horizon_seconds: int
    evidence_ref: str
    def __init__(self, action: _Optional[str] = ..., utility_micro: _Optional[int] = ..., confidence_ppm: _Optional[int] = ..., horizon_seconds: _Optional[int] = ..., evidence_ref: _Optional[str] = ...) -> None: ...

class Propose(_message.Message):
    __slots__ = ("utilities", "model_version", "prompt_version", "bundle_sha256")
    UTILITIES_FIELD_NUMBER: _ClassVar[int]
    MODEL_VERSION_FIELD_NUMBER: _ClassVar[int]
    PROMPT_VERSION_FIELD_NUMBER: _ClassVar[int]
    BUNDLE_SHA256_FIELD_NUMBER: _ClassVar[int]
    utilities: _containers.RepeatedCompositeFieldContainer[ActionUtility]
    model_version: str
    prompt_version: str
    bundle_sha256: str
    def __init__(self, utilities: _Optional[_Iterable[_Union[ActionUtility, _Mapping]]] = ..., model_version: _Optional[str] = ..., prompt_version: _Optional[str] = ..., bundle_sha256: _Optional[str] = ...) -> None: ...

class Refuse(_message.Message):
    __slots__ = ("reason",)
    REASON_FIELD_NUMBER: _ClassVar[int]
    reason: str
    def __init__(self, reason: _Optional[str] = ...) -> None: ...

class Accept(_message.Message):
    __slots__ = ("action",)
    ACTION_FIELD_NUMBER: _ClassVar[int]
    action: str
    def __init__(self, action: _Optional[str] = ...) -> None: ...

class Reject(_message.Message):
    __slots__ = ("action", "reason")
    ACTION_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    action: str
    reason: str
    def __init__(self, action: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class Inform(_message.Message):
    __slots__ = ("action", "outcome")
    ACTION_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    action: str
    outcome: str
    def __init__(self, action: _Optional[str] = ..., outcome: _Optional[str] = ...) -> None: ...

class Failure(_message.Message):
    __slots__ = ("reason",)
    REASON_FIELD_NUMBER: _ClassVar[int]
    reason: str
    def __init__(self, reason: _Optional[str] = ...) -> None: ...

class Cancel(_message.Message):
    __slots__ = ("reason",)
    REASON_FIELD_NUMBER: _ClassVar[int]
    reason: str
    def __init__(self, reason: _Optional[str] = ...) -> None: ...
