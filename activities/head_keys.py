"""The keys that sign the head of the record: whoever has the public one can verify, and cannot sign.

A signed head is a JWS by Ed25519 over what the head names. Its key is not the one that signs tokens: whoever runs the
installation may hand the public half to an auditor.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from domain.refusal import Refusal

ALGORITHM = "Ed25519"


class Head(BaseModel):
    """The end of the chain at ``at``: how many entries there were, and the hash of the last; ``number`` from 1."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    chain: str
    number: int
    seq: int
    hash: str
    at: AwareDatetime


class SignedHead(Head):
    """A head with its signature, which covers all other fields; ``key`` names the key that made it."""

    key: str
    signature: str

    @property
    def head(self) -> Head:
        """What the signature is over."""
        return Head.model_validate(self.model_dump(exclude={"key", "signature"}))


class HeadKey:
    """The private key of an installation."""

    def __init__(self, document: str) -> None:
        self._key = read_key(document)
        if not self._key.is_private:
            raise Refusal("invalid_key", "this key can only verify; heads are signed with the private one", "key")

    @staticmethod
    def generate() -> str:
        """A new private key as a JWK."""
        return json.dumps(OKPKey.generate_key("Ed25519").as_dict(private=True))

    @property
    def public(self) -> str:
        """The public half as a JWK, with its id."""
        return json.dumps({**self._key.as_dict(private=False), "kid": self._key.thumbprint()})

    def sign(self, *, chain: str, number: int, seq: int, hash: str, at: datetime) -> SignedHead:
        """The signed head."""
        head = Head(chain=chain, number=number, seq=seq, hash=hash, at=at)
        name = self._key.thumbprint()
        payload = head.model_dump_json().encode()
        signature = jws.serialize_compact({"alg": ALGORITHM, "kid": name}, payload, self._key, [ALGORITHM])
        return SignedHead(**head.model_dump(), key=name, signature=signature)


class HeadKeys:
    """The public keys by which heads are verified: several, where an installation took a new one."""

    def __init__(self, documents: Iterable[str]) -> None:
        keys = [read_key(document) for document in documents]
        self._keys: dict[str, OKPKey] = {key.thumbprint(): key for key in keys}

    @classmethod
    def read(cls, path: Path) -> HeadKeys:
        """The keys of a file: one JWK, or a set of them. Codes: ``unreadable_file``, ``invalid_key``."""
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise Refusal("unreadable_file", f"{path} cannot be read: {error.strerror}", "key") from None
        except ValueError:
            raise Refusal("invalid_key", f"{path} holds no JWK", "key") from None
        listed = document.get("keys", [document]) if isinstance(document, dict) else []
        return cls(json.dumps(each) for each in listed)

    def __bool__(self) -> bool:
        return bool(self._keys)

    def fault(self, signed: SignedHead) -> str | None:
        """Why the signature is not to be believed; ``None`` when it is."""
        key = self._keys.get(signed.key)
        if key is None:
            return f"it is signed with the key {signed.key:.12}, which is not among those it is verified with"
        try:
            payload = jws.deserialize_compact(signed.signature, key, [ALGORITHM]).payload
            if payload is not None and Head.model_validate_json(payload) == signed.head:
                return None
        except (JoseError, ValidationError, ValueError):
            pass
        return "its signature is not over what it says"


def read_key(document: str) -> OKPKey:
    """The Ed25519 key of a JWK. Code: ``invalid_key``."""
    try:
        found: Any = json.loads(document)
        if isinstance(found, dict) and found.get("crv") == "Ed25519":
            return OKPKey.import_key({name: str(value) for name, value in found.items()})
    except (JoseError, ValueError, TypeError, KeyError):
        pass
    raise Refusal("invalid_key", "an Ed25519 key as a JWK is needed; countersign record key prints one", "key")
