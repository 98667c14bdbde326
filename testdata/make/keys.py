#!/usr/bin/env python3
"""keys.py TYPE LABEL: prints a TEST-ONLY private key, derived from LABEL, as DER.

TYPE is p256, p384, ed25519 or rsa2048. Everybody can derive these keys again: that is why the private halves need not
be committed and why nothing outside a test may ever trust them. `openssl pkey -inform DER` reads what is printed (for
an elliptic curve it also adds the public point).
"""
import hashlib
import sys

ORDER = {
    "p256": 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    "p384": 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973,
}
CURVE_OID = {"p256": "06082a8648ce3d030107", "p384": "06052b81040022"}  # prime256v1, secp384r1
ED25519_PKCS8 = "302e020100300506032b657004220420"  # RFC 8410, section 7


def main(kind, label):
    stream = Stream(f"countersign testdata {kind} {label}")
    if kind in ORDER:
        size = ORDER[kind].bit_length() // 8
        scalar = int.from_bytes(stream.take(size + 8), "big") % (ORDER[kind] - 1) + 1
        # RFC 5915: ECPrivateKey ::= SEQUENCE { version 1, privateKey OCTET STRING, parameters [0] }
        der = sequence(integer(1), tlv(0x04, scalar.to_bytes(size, "big")), tlv(0xA0, bytes.fromhex(CURVE_OID[kind])))
    elif kind == "ed25519":
        der = bytes.fromhex(ED25519_PKCS8) + stream.take(32)
    elif kind == "rsa2048":
        der = rsa(stream, 2048)
    else:
        sys.exit(f"unknown key type {kind}")
    sys.stdout.buffer.write(der)


class Stream:
    """SHA-256 in counter mode: the same bytes for the same label."""

    def __init__(self, label):
        self.label, self.counter = label.encode(), 0

    def take(self, length):
        out = b""
        while len(out) < length:
            out += hashlib.sha256(self.counter.to_bytes(4, "big") + self.label).digest()
            self.counter += 1
        return out[:length]


def rsa(stream, bits):
    """RFC 8017, A.1.2: RSAPrivateKey with e = 65537."""
    e = 65537
    p, q = sorted((prime(stream, bits // 2, e), prime(stream, bits // 2, e)), reverse=True)
    d = pow(e, -1, (p - 1) * (q - 1))
    return sequence(*map(integer, (0, p * q, e, d, p, q, d % (p - 1), d % (q - 1), pow(q, -1, p))))


def prime(stream, bits, e):
    while True:
        top = 0b11 << (bits - 2)  # so that the product has exactly twice as many bits
        n = int.from_bytes(stream.take(bits // 8), "big") | top | 1
        if (n - 1) % e and probably_prime(n, stream):
            return n


def probably_prime(n, stream, rounds=40):
    """Miller-Rabin."""
    if any(n % small == 0 for small in (3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37)):
        return False
    odd, twos = n - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for _ in range(rounds):
        x = pow(int.from_bytes(stream.take(16), "big") + 2, odd, n)
        if x in (1, n - 1):
            continue
        for _ in range(twos - 1):
            x = x * x % n
            if x == n - 1:
                break
        else:
            return False
    return True


def integer(value):
    return tlv(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def sequence(*parts):
    return tlv(0x30, b"".join(parts))


def tlv(tag, body):
    if len(body) < 128:
        return bytes([tag, len(body)]) + body
    length = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + body


main(*sys.argv[1:])
