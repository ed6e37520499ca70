"""The build of the package: setuptools, after the client was generated from the OpenAPI document."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from setuptools import build_meta
from setuptools.build_meta import get_requires_for_build_wheel, prepare_metadata_for_build_wheel

__all__ = ["build_sdist", "build_wheel", "get_requires_for_build_wheel", "prepare_metadata_for_build_wheel"]

HERE = Path(__file__).resolve().parent
#: In a source distribution the document lies beside this file.
DOCUMENT = HERE / "openapi.json"
REPOSITORY_DOCUMENT = HERE.parent / "openapi.json"
GENERATED = HERE / "evergreen_client" / "generated"


def build_wheel(directory: str, config_settings: Any = None, metadata_directory: str | None = None) -> str:
    generate(DOCUMENT if DOCUMENT.exists() else REPOSITORY_DOCUMENT, GENERATED)
    return build_meta.build_wheel(directory, config_settings, metadata_directory)


def build_sdist(directory: str, config_settings: Any = None) -> str:
    """The source distribution has the document, and not what is generated from it."""
    shutil.rmtree(GENERATED, ignore_errors=True)
    if not DOCUMENT.exists():
        shutil.copy(REPOSITORY_DOCUMENT, DOCUMENT)
    return build_meta.build_sdist(directory, config_settings)


def generate(document: Path, target: Path) -> None:
    """Generate the client. A warning of the generator fails the build: it would leave something out."""
    command = [sys.executable, "-m", "openapi_python_client", "generate", "--path", str(document), "--meta", "none"]
    command += ["--config", str(HERE / "generator.yml"), "--output-path", str(target), "--overwrite"]
    subprocess.run([*command, "--fail-on-warning"], check=True)
