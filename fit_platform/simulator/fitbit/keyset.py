"""Google's signing keys: ECDSA P-256, published as a Tink JSON keyset, rotated on request.

Shapes: Tink's `EcdsaPublicKey` message (field 2 parameters, 3 and 4 coordinates), prefix 0x01 and the key id.
"""

from __future__ import annotations

import base64
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from fit_platform.simulator.world.draw import digest

_TYPE_URL = "type.googleapis.com/google.crypto.tink.EcdsaPublicKey"
_COORDINATE_BYTES = 33  # a leading zero, as Tink writes them
# EcdsaParams: hash_type SHA256 (3), curve NIST_P256 (2), encoding DER (2).
_PARAMETERS = bytes([0x08, 3, 0x10, 2, 0x18, 2])


class Keyset:
    """The keys of a simulation; the last one signs. The same seed makes the same keys."""

    def __init__(self, seed: int) -> None:
        """Begins with one key."""
        self._seed = seed
        self._keys: list[tuple[int, ec.EllipticCurvePrivateKey, str]] = []
        self.rotate()

    def rotate(self, *, disables_old: bool = False) -> None:
        """A new key signs from now on; the old ones stay enabled for what is on its way, unless told otherwise."""
        if disables_old:
            self._keys = [(key_id, key, "DISABLED") for key_id, key, _ in self._keys]
        number = digest(self._seed, "webhook key", len(self._keys))
        key = ec.derive_private_key(1 + number, ec.SECP256R1())
        self._keys.append((number % 2**32, key, "ENABLED"))

    def signature(self, body: bytes, *, is_wrong: bool = False) -> str:
        """Of a raw body, as the header carries it; a wrong one is made with a key that nobody knows."""
        key_id, key, _ = self._keys[-1]
        signer = ec.generate_private_key(ec.SECP256R1()) if is_wrong else key
        der = signer.sign(body, ec.ECDSA(hashes.SHA256()))
        return base64.b64encode(b"\x01" + key_id.to_bytes(4, "big") + der).decode()

    def published(self) -> dict[str, Any]:
        """The keyset as a receiver fetches it."""
        return {
            "primaryKeyId": self._keys[-1][0],
            "key": [
                {
                    "keyData": {
                        "typeUrl": _TYPE_URL,
                        "value": base64.b64encode(_public_key(key)).decode(),
                        "keyMaterialType": "ASYMMETRIC_PUBLIC",
                    },
                    "status": status,
                    "keyId": key_id,
                    "outputPrefixType": "TINK",
                }
                for key_id, key, status in self._keys
            ],
        }


def _public_key(key: ec.EllipticCurvePrivateKey) -> bytes:
    point = key.public_key().public_numbers()
    fields = ((2, _PARAMETERS), (3, point.x.to_bytes(_COORDINATE_BYTES, "big")), (4, point.y.to_bytes(33, "big")))
    return b"".join(bytes([number << 3 | 2, len(content)]) + content for number, content in fields)
