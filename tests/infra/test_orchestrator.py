"""The orchestrator's files as Terraform renders them: its settings, its scripts and its units."""

from __future__ import annotations

import base64
import configparser
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from fit_platform.runtime import Runtime
from fit_platform.settings import load_settings
from tests.infra.roles import arguments_of_entrypoint
from tests.infra.terraform.offline import CONFIG, Offline, missing

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())


@pytest.fixture(scope="module")
def cloud_config(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The orchestrator's files, as Terraform renders them."""
    folder = tmp_path_factory.mktemp("rendered")
    offline = Offline(folder)
    for path in offline.folder.glob("*.tf"):
        path.unlink()
    text = (CONFIG / "run.tf").read_text()
    names = re.findall(r"^    ((?:FIT|DAGSTER)_[A-Z_]+) +=", text.partition("resource ")[0], re.MULTILINE)
    values = {name: GIVEN.get(name, "x") for name in [*names, "FIT_HOME", "DAGSTER_PG_USERNAME"]}
    variables = {
        "registry": "europe-west1-docker.pkg.dev",
        "project": "fit-test",
        "secrets": {"platform-polar-client-secret": "FIT_POLAR_CLIENT_SECRET"},
        "environment": values,
    }
    template = (offline.folder / "orchestrator.yaml.tftpl").as_posix()
    (offline.folder / "main.tf").write_text(
        f'output "it" {{\n  value = templatefile("{template}", jsondecode({json.dumps(json.dumps(variables))}))\n}}\n'
    )
    (offline.folder / "test.auto.tfvars.json").unlink()
    code, out, err = offline.init().run("plan", "-input=false", "-no-color", "-out=plan.bin")
    assert code == 0, out + err
    _, out, _ = offline.run("show", "-json", "plan.bin")
    rendered = json.loads(out[out.index("{") :])["planned_values"]["outputs"]["it"]["value"]
    assert rendered.startswith("#cloud-config\n")
    return {each["path"]: each["content"] for each in yaml.safe_load(rendered)["write_files"]}


GIVEN = {
    "FIT_TARGET": "gcp",
    "FIT_LANDING_URL": "gs://fit-test-fit-landing/landing",
    "FIT_GCP_PROJECT": "fit-test",
    "FIT_TOKEN_STORE": "secret-manager",
    "FIT_SECRET_PREFIX": "fit",
    "FIT_BIGQUERY_DATASET_PREFIX": "fit_",
    "FIT_STRAVA_API_RETENTION_DAYS": "7",
}


def test_the_orchestrator_is_told_settings_that_the_code_accepts(
    cloud_config: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for line in cloud_config["/etc/fit/environment"].splitlines():
        name, _, value = line.partition("=")
        monkeypatch.setenv(name, value)
    settings = load_settings()
    assert (settings.target, settings.token_store, settings.strava_api_retention_days) == ("gcp", "secret-manager", 7)
    Runtime(settings)


def test_the_orchestrator_s_script_fetches_what_there_is_and_stops_at_what_it_cannot_have(
    cloud_config: dict[str, str], tmp_path: Path
) -> None:
    """Run for real, with the machine's commands replaced: a value, a secret without one, and a refusal."""
    script = cloud_config["/etc/fit/prepare.sh"].replace("/run/fit", str(tmp_path / "run")).replace(
        "/mnt/disks/fit", str(tmp_path / "disk")
    )  # fmt: skip
    commands = tmp_path / "bin"
    commands.mkdir()
    for name in ("blkid", "mkfs.ext4", "mountpoint", "mount", "chown", "docker", "docker-credential-gcr", "iptables"):
        (commands / name).write_text("#!/bin/sh\nexit 0\n")
    answer = base64.b64encode(b"s3cret").decode()
    (commands / "curl").write_text(
        "#!/bin/sh\n"
        'case "$*" in\n'
        """  *token*) printf '{"access_token":"t","expires_in":1}' ;;\n"""
        '  *fit-image*) printf "registry/image@sha256:1" ;;\n'
        "  *) while [ $# -gt 1 ]; do [ $1 = --output ] && out=$2; shift; done\n"
        f"""     printf '{{\n "payload": {{\n  "data": "{answer}"\n }}\n}}' > "$out"; printf "$FIT_STATUS" ;;\n"""
        "esac\n"
    )
    for path in commands.iterdir():
        path.chmod(0o755)

    def run(status: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-c", script],
            env={"PATH": f"{commands}:/usr/bin:/bin", "FIT_STATUS": status},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    secret = tmp_path / "run" / "secrets" / "FIT_POLAR_CLIENT_SECRET"
    done = run("200")
    assert done.returncode == 0, done.stderr
    assert secret.read_text() == "s3cret"
    assert secret.stat().st_mode & 0o077 == 0
    assert (tmp_path / "run" / "image").read_text() == "FIT_IMAGE=registry/image@sha256:1\n"
    assert not list((tmp_path / "run" / "daemon").iterdir()), "a provider's secret is none of the daemon's business"
    assert run("404").returncode == 0
    assert not secret.exists()
    assert run("403").returncode != 0, "systemd tries again"


def test_the_units_run_roles_of_the_image(cloud_config: dict[str, str]) -> None:
    for name, role in (("fit-code", "code-server"), ("fit-daemon", "daemon"), ("fit-dashboard", "dashboard")):
        assert role in arguments_of_entrypoint()
        unit = cloud_config[f"/etc/systemd/system/{name}.service"].replace("\\\n", "")
        assert unit.count("${FIT_IMAGE}") == 1
        assert f"${{FIT_IMAGE}} {role}\n" in unit
        assert "--env-file /etc/fit/environment" in unit
        folder = {"code-server": "secrets"}.get(role, role)
        assert f"/run/fit/{folder}:/run/secrets:ro" in unit


def test_a_failed_preparation_does_not_take_the_other_units_with_it(cloud_config: dict[str, str]) -> None:
    """`Requires` would fail their start jobs, and systemd does not repeat those."""
    prepare = _unit(cloud_config, "fit-prepare")
    assert prepare["Service"]["restart"] == "on-failure"
    assert float(prepare["Service"]["restartsec"]) >= 10, "five failures in ten seconds would end it"
    for name in ("fit-code", "fit-daemon", "fit-dashboard"):
        unit = _unit(cloud_config, name)
        assert not {"requires", "requisite", "bindsto"} & set(unit["Unit"])
        assert "fit-prepare.service" in unit["Unit"]["wants"].split()
        assert "fit-prepare.service" in unit["Unit"]["after"].split()
        assert unit["Service"]["environmentfile"] == "/run/fit/image", "without the image it fails, and is tried again"
        assert unit["Service"]["restart"] == "always"
        assert float(unit["Service"]["restartsec"]) >= 10


def test_systemd_finds_nothing_wrong_with_the_units(cloud_config: dict[str, str], tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd is not installed")
    for path, content in cloud_config.items():
        if path.endswith(".service"):
            # what is started is on that machine, not here
            there = re.sub(r"^(Exec\w+=-?)/\S+", r"\1/bin/true", content, flags=re.MULTILINE)
            (tmp_path / Path(path).name).write_text(there)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--generators=no", *map(str, sorted(tmp_path.glob("*.service")))],
        capture_output=True, text=True, timeout=60, check=False,
        env={"PATH": "/usr/bin:/bin", "SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
    )  # fmt: skip
    assert [line for line in done.stderr.splitlines() if "fit-" in line] == []


@pytest.mark.parametrize(
    ("running", "pull", "restarted"),
    [
        ("image@1", "true", ["fit-prepare.service", "fit-code.service fit-daemon.service fit-dashboard.service"] * 2),
        ("image@1", "false", ["fit-prepare.service"] * 2),
        ("image@2", "true", []),
        ("", "true", []),
    ],
    ids=["another image", "an image that cannot be fetched", "the same image", "no container yet"],
)
def test_the_machine_follows_its_image_until_it_has_it(
    cloud_config: dict[str, str], tmp_path: Path, running: str, pull: str, restarted: list[str]
) -> None:
    """Two rounds of the script, with the machine's commands replaced: what is still not there is asked for again."""
    commands = {
        "sleep": f'echo x >> "{tmp_path}/rounds"; [ "$(wc -l < "{tmp_path}/rounds")" -le 2 ]',
        "curl": "printf image@2",
        "docker": f'[ -n "{running}" ] && echo "{running}"',
        "systemctl": f'shift; echo "$*" >> "{tmp_path}/restarted"; case "$*" in fit-prepare*) {pull} ;; esac',
    }
    for name, body in commands.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / name).chmod(0o755)
    (tmp_path / "restarted").touch()
    subprocess.run(
        ["bash", "-c", cloud_config["/etc/fit/watch.sh"]],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, timeout=60, check=False,
    )  # fmt: skip
    assert (tmp_path / "restarted").read_text().splitlines() == restarted


def _unit(cloud_config: dict[str, str], name: str) -> configparser.ConfigParser:
    unit = configparser.ConfigParser(strict=False, interpolation=None, delimiters=["="])
    unit.read_string(cloud_config[f"/etc/systemd/system/{name}.service"].replace("\\\n", ""))
    return unit
