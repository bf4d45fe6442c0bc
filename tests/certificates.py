"""Certificates for tests, by openssl: an authority, and who is signed by it."""

import subprocess
from pathlib import Path


def openssl(*arguments: object) -> None:
    """Run it; its words are shown where it fails."""
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, timeout=30)


def authority(folder: Path, name: str = "ca") -> Path:
    """A self-signed authority in `folder`: NAME.pem, NAME.key."""
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl("req", "-x509", *curve, "-keyout", key, "-out", certificate, "-days", 2, "-subj", f"/CN={name}")
    return certificate


def signed(folder: Path, name: str, by: Path, file: str = "") -> tuple[Path, Path]:
    """Certificate and key of `name`, valid for localhost and 127.0.0.1, signed by the authority `by`."""
    base = folder / (file or name)
    certificate, key, request = (base.with_suffix(end) for end in (".pem", ".key", ".csr"))
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl("req", *curve, "-keyout", key, "-out", request, "-subj", f"/CN={name}")
    names = base.with_suffix(".ext")
    names.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    sign = ["-CA", by, "-CAkey", by.with_suffix(".key"), "-CAcreateserial", "-days", 2, "-extfile", names]
    openssl("x509", "-req", "-in", request, *sign, "-out", certificate)
    return certificate, key
