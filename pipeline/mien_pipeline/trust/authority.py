"""This install's own certificate authority: it signs the results without naming the person."""

import datetime
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from mien_core.errors import DiskFull, KeyUnavailable, MarkingFailed
from mien_core.files import name_system_error, write_whole
from mien_core.key_store import KeyStore
from mien_core.locks import exclusively

# Credentials without a time stamp are invalid once their certificate has expired, and pictures last.
LIFETIME = datetime.timedelta(days=3653)
# Signing stops this long before the end, so that a picture's credentials stay valid for a while.
RENEWED_BEFORE = datetime.timedelta(days=365)
_KEY = "signing-"  # how the names of the keys begin; the secret store has others of ours
_COORDINATE_BYTES = 32  # P-256

_NO_USAGE = {
    "digital_signature": False,
    "content_commitment": False,
    "key_encipherment": False,
    "data_encipherment": False,
    "key_agreement": False,
    "key_cert_sign": False,
    "crl_sign": False,
    "encipher_only": False,
    "decipher_only": False,
}


@dataclass(frozen=True, slots=True)
class Signatory:
    """A signing key with its certificates, loaded.

    Attributes:
        chain: PEM, leaf first.
        roots: PEM of every root this install ever had, so that its older pictures stay its own.
    """

    key: ec.EllipticCurvePrivateKey
    chain: str
    roots: str

    def sign(self, data: bytes) -> bytes:
        """ECDSA over SHA-256 as COSE wants it (RFC 9053, 2.1): r ‖ s, 64 bytes."""
        r, s = utils.decode_dss_signature(self.key.sign(data, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(_COORDINATE_BYTES, "big") + s.to_bytes(_COORDINATE_BYTES, "big")


class Authority:
    """The certificates in one state folder. The process that first signs makes them."""

    def __init__(self, state: Path, keys: KeyStore | None = None) -> None:
        self._folder = state / "credentials"
        self._keys = keys or KeyStore(state)
        self._loaded: Signatory | None = None
        self._is_held = False

    def hold(self) -> None:
        """Load the key that signs now, and sign with no other: for a process that will not reach the keys any more.

        Raises:
            MarkingFailed: as `signatory` says.
        """
        self.signatory()
        self._is_held = True

    def signatory(self) -> Signatory:
        """The key that signs now; ask again for every picture, because another process may have rotated it.

        Raises:
            KeyUnavailable: the key is in a secret store that is locked or absent; `command` makes another one.
            MarkingFailed: the key is not the certificate's, or a file cannot be written.
            DiskFull
        """
        if self._is_held and self._loaded:
            return self._loaded
        try:
            with exclusively(self._folder / "lock"):
                self._loaded = self._load() or self._issue()
                return self._loaded
        except OSError as error:
            raise _cannot_keep(error) from error

    def rotate(self) -> Signatory:
        """A new root, key and serial: later pictures cannot be linked with earlier ones.

        Raises:
            MarkingFailed: as `signatory` says.
        """
        try:
            with exclusively(self._folder / "lock"):
                self._loaded = self._issue()
                return self._loaded
        except OSError as error:
            raise _cannot_keep(error) from error

    @property
    def chain_file(self) -> Path:
        """The certificates that sign now, PEM; `rotate` replaces the file."""
        return self._folder / "chain.pem"

    def certificate(self) -> x509.Certificate | None:
        """What signs results; None before the first one."""
        return _leaf_of(self.chain_file.read_text(encoding="ascii")) if self.chain_file.exists() else None

    def roots(self) -> str:
        """PEM of every root of this install; empty before the first result."""
        return self._roots_file.read_text(encoding="ascii") if self._roots_file.exists() else ""

    @property
    def _roots_file(self) -> Path:
        return self._folder / "roots.pem"

    def _load(self) -> Signatory | None:
        """None where there is no certificate yet, or too old a one."""
        if not self.chain_file.exists():
            return None
        chain = self.chain_file.read_text(encoding="ascii")
        leaf = _leaf_of(chain)
        if leaf.not_valid_after_utc - RENEWED_BEFORE < datetime.datetime.now(datetime.UTC):
            return None
        if self._loaded and self._loaded.chain == chain:
            return self._loaded
        try:
            stored = self._keys.load(_key_name(leaf))
        except KeyUnavailable as error:
            error.fields.setdefault("command", "mien credentials rotate")
            raise
        if stored is None:
            return None  # a wiped secret store: the certificate is worthless without its key
        try:
            key = serialization.load_der_private_key(stored, None)
        except ValueError as error:
            raise MarkingFailed("the signing key is damaged") from error
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != leaf.public_key():
            raise MarkingFailed("the signing key does not belong to the certificate")
        return Signatory(key, chain, self.roots())

    def _issue(self) -> Signatory:
        """A root that signs one leaf and is then thrown away, so that nothing else can ever be signed by it."""
        root_key, leaf_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        root = _root(root_key)
        leaf = _leaf(leaf_key, root, root_key)
        chain, roots = _pem(leaf) + _pem(root), self.roots() + _pem(root)
        private = leaf_key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        self._keys.save(_key_name(leaf), private)
        write_whole(self._roots_file, roots.encode(), 0o600)
        write_whole(self.chain_file, chain.encode(), 0o600)  # last: from here on this certificate signs
        for name in self._keys.names:
            if name.startswith(_KEY) and name != _key_name(leaf):
                with suppress(KeyUnavailable):  # a locked secret store; the next certificate tries again
                    self._keys.delete(name)
        return Signatory(leaf_key, chain, roots)


def _cannot_keep(error: OSError) -> DiskFull | MarkingFailed:
    """What a person can do something about is named; anything else is a result that cannot be marked."""
    refusal = name_system_error(error)
    if isinstance(refusal, DiskFull):
        return refusal
    reason = error.strerror or str(error)
    return MarkingFailed(f"the signing certificate cannot be kept on the disk: {reason}", reason=reason)


def _root(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = _name("Mien local root")
    return (
        _certificate(name, name, key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.KeyUsage(**{**_NO_USAGE, "key_cert_sign": True, "crl_sign": True}), critical=True)
        .sign(key, hashes.SHA256())
    )


def _leaf(
    key: ec.EllipticCurvePrivateKey, root: x509.Certificate, root_key: ec.EllipticCurvePrivateKey
) -> x509.Certificate:
    """The profile that C2PA 2.2, 14.5.1 asks of a signing certificate; e-mail protection is the usage it accepts."""
    issuer = root.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return (
        _certificate(_name("Mien local signer"), root.subject, key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(**{**_NO_USAGE, "digital_signature": True}), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer), critical=False)
        .sign(root_key, hashes.SHA256())
    )


def _certificate(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    """Valid from midnight: the hour of an installation stays private."""
    today = datetime.datetime.now(datetime.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(today)
        .not_valid_after(today + LIFETIME)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _name(common: str) -> x509.Name:
    """The same for every install: a certificate that named a person would be in every picture."""
    return x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Mien"), x509.NameAttribute(NameOID.COMMON_NAME, common)]
    )


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode("ascii")


def _leaf_of(chain: str) -> x509.Certificate:
    return x509.load_pem_x509_certificates(chain.encode())[0]


def _key_name(leaf: x509.Certificate) -> str:
    return f"{_KEY}{leaf.fingerprint(hashes.SHA256()).hex()[:16]}"
