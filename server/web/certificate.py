"""A self-signed certificate, made when none is given: browsers give no camera without HTTPS."""

from __future__ import annotations

import datetime
import ipaddress
import os
import socket
import ssl
from pathlib import Path

import ifaddr
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from capture.files import disk_errors, make_folder
from server.errors import ServerError
from server.settings import Settings

VALID_DAYS = 825
"""The longest that Apple's systems accept."""


def tls_context(settings: Settings) -> ssl.SSLContext:
    """HTTPS with the given certificate, else with our own, kept in the data folder."""
    if settings.certificate:
        certificate, key = Path(settings.certificate), Path(settings.key)
    else:
        certificate = settings.data / "certificate.pem"
        key = settings.data / "certificate.key"
        names = own_names(settings)
        if not _still_good(certificate, key, names):
            _write(certificate, key, names)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise ServerError(
            f"The certificate {certificate} and key {key} cannot be used: {error}."
        ) from None
    return context


def own_names(settings: Settings) -> list[str]:
    """Names and addresses that this machine goes by, sorted."""
    name = socket.gethostname()
    names = {"localhost", "127.0.0.1", "::1", name, f"{name}.local", settings.announce}
    names |= {part.strip() for part in settings.allowed_hosts.split(",")}
    for adapter in ifaddr.get_adapters():
        names |= {
            ip.ip if isinstance(ip.ip, str) else ip.ip[0].partition("%")[0] for ip in adapter.ips
        }
    return sorted(names - {""})


def own_address() -> str:
    """The address others on this network reach this machine by, as far as it can be known."""
    for adapter in ifaddr.get_adapters():
        for ip in adapter.ips:
            if isinstance(ip.ip, str) and not ipaddress.ip_address(ip.ip).is_loopback:
                return ip.ip
    return "127.0.0.1"


def _still_good(certificate: Path, key: Path, names: list[str]) -> bool:
    try:
        known = x509.load_pem_x509_certificate(certificate.read_bytes())
        key.stat()
    except (OSError, ValueError):
        return False
    now = datetime.datetime.now(datetime.UTC)
    if known.not_valid_after_utc < now + datetime.timedelta(days=1):
        return False
    there = known.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    wanted = {str(_general_name(name).value) for name in names}
    return {str(one.value) for one in there} >= wanted


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name.encode("idna").decode())


def _write(certificate: Path, key: Path, names: list[str]) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Understudy")])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=VALID_DAYS))
        .add_extension(
            x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.SERVER_AUTH]), critical=False
        )
        .sign(private, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    secret = private.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    make_folder(certificate.parent)
    for path, content in ((key, secret), (certificate, signed.public_bytes(pem))):
        with disk_errors(path):
            _write_private(path, content)


def _write_private(path: Path, content: bytes) -> None:
    """Whole or not at all, readable by nobody else."""
    temporary = path.with_name(path.name + ".tmp")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    temporary.replace(path)
