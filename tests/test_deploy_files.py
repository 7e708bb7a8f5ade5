"""The files for containers agree with the project: versions, extras, folders, settings, commands and their options."""

import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from flows.cli import app

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
TARGETS = ("cpu", "cuda")
FOREVER = ("database", "server", "worker", "worker-cuda")  # what must be noticed when it hangs


def pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
    return loaded


def instructions() -> list[tuple[str, str, str]]:
    """(stage, instruction, words) of the Dockerfile."""
    text = (DEPLOY / "Dockerfile").read_text("utf-8")
    lines = re.sub(r"\\\n", " ", "\n".join(line for line in text.splitlines() if not line.startswith("#")))
    found, stage = [], ""
    for line in filter(None, lines.splitlines()):
        word, rest = line.split(maxsplit=1)
        stage = rest.split(" AS ")[1] if word == "FROM" else stage
        found.append((stage, word, " ".join(rest.split())))
    return found


def of_stage(stage: str, word: str) -> list[str]:
    return [rest for name, instruction, rest in instructions() if (name, instruction) == (stage, word)]


# The image


def test_the_python_of_the_image_is_one_that_the_project_runs_on():
    (base,) = of_stage("base", "FROM")
    version = re.match(r"python:3\.(\d+)-slim-bookworm AS base", base)
    assert version is not None
    at_least, below = re.findall(r"3\.(\d+)", pyproject()["project"]["requires-python"])
    assert int(at_least) <= int(version[1]) < int(below)


def test_every_stage_builds_on_one_that_stands_before_it():
    known: list[str] = []
    for stage, word, rest in instructions():
        if word == "FROM" and not rest.startswith("python:"):
            assert rest.split()[0] in known
        if word == "COPY" and rest.startswith("--from="):
            assert rest.split()[0].removeprefix("--from=") in known
        known.append(stage)


@pytest.mark.parametrize("target", TARGETS)
def test_an_image_runs_the_program_as_a_user_without_rights(target: str):
    assert of_stage(target, "USER") == ["understudy"]
    assert of_stage(target, "ENTRYPOINT") == ['["understudy"]']
    words = [word for stage, word, _ in instructions() if stage == target]
    assert words.index("USER") > max(index for index, word in enumerate(words) if word in ("RUN", "COPY"))
    assert "understudy" in pyproject()["project"]["scripts"]


@pytest.mark.parametrize("target", TARGETS)
def test_an_image_installs_extras_that_there_are_and_what_the_project_needs_once(target: str):
    needs, ours = of_stage(f"built-{target}", "RUN")
    extras = re.findall(r"--extra (\S+)", needs)
    assert extras == ["s3"]
    assert set(extras) <= set(pyproject()["project"]["optional-dependencies"])
    assert ours == "uv pip install --no-deps ."


def test_only_the_image_for_processors_has_pytorch_for_processors():
    assert "--torch-backend cpu" in of_stage("built-cpu", "RUN")[0]
    assert "--torch-backend" not in of_stage("built-cuda", "RUN")[0]


def test_all_that_the_package_is_made_of_reaches_the_image_and_nothing_else():
    named = re.findall(r"^!(\S+)$", (DEPLOY / "Dockerfile.dockerignore").read_text("utf-8"), re.MULTILINE)
    project, setuptools = pyproject()["project"], pyproject()["tool"]["setuptools"]
    rooms = [room.removesuffix("*") for room in setuptools["packages"]["find"]["include"]]
    assert sorted(named) == sorted(["pyproject.toml", project["readme"], *project["license-files"], *rooms])


# The services


def test_every_service_is_built_from_a_target_that_there_is():
    for name, service in compose()["services"].items():
        if "build" in service:
            assert service["build"]["target"] in TARGETS, name
            assert service["image"] == f"understudy:{service['build']['target']}"
            assert (
                DEPLOY / service["build"]["context"] / service["build"]["dockerfile"]
            ).resolve() == DEPLOY / "Dockerfile"


def test_services_that_run_for_ever_are_looked_after_and_started_again():
    services = compose()["services"]
    assert [name for name in FOREVER if "test" not in services[name]["healthcheck"]] == []
    assert [name for name, service in services.items() if service["restart"] != "unless-stopped"] == []


def test_what_a_service_waits_for_has_a_way_to_say_that_it_is_well():
    services = compose()["services"]
    for service in services.values():
        for other, how in service.get("depends_on", {}).items():
            assert how == {"condition": "service_healthy"}
            assert "healthcheck" in services[other]


def test_every_named_volume_is_declared_and_used():
    used = {
        mount.split(":")[0]
        for service in compose()["services"].values()
        for mount in service["volumes"]
        if not mount.startswith(("$", ".", "/"))
    }
    assert used == set(compose()["volumes"])


def test_the_server_is_reached_from_this_machine_alone_unless_somebody_says_otherwise():
    published = {name: service["ports"] for name, service in compose()["services"].items() if "ports" in service}
    assert published == {"server": ["${SERVER_ADDRESS:-127.0.0.1}:4200:4200"]}


def test_the_server_keeps_its_runs_in_the_database_beside_it():
    services = compose()["services"]
    database, server = services["database"]["environment"], services["server"]["environment"]
    assert server["PREFECT_API_DATABASE_CONNECTION_URL"] == (
        f"postgresql+asyncpg://{database['POSTGRES_USER']}:${{POSTGRES_PASSWORD}}@database:5432/{database['POSTGRES_DB']}"
    )


def test_no_password_stands_in_a_file():
    example = (DEPLOY / ".env.example").read_text("utf-8")
    assert re.findall(r"^([A-Z_]+)=(.*)$", example, re.MULTILINE) == [("POSTGRES_PASSWORD", ""), ("PREFECT_AUTH", "")]
    text = (DEPLOY / "compose.yaml").read_text("utf-8")
    secrets = [value for key, value in re.findall(r"^\s*(\w*(?:PASSWORD|AUTH_STRING)): (.*)$", text, re.MULTILINE)]
    assert secrets and all(value.startswith("${") for value in secrets)


def test_every_word_that_may_be_set_is_explained_in_the_example():
    asked = set(re.findall(r"\$\{([A-Z_]+)", (DEPLOY / "compose.yaml").read_text("utf-8")))
    told = set(re.findall(r"^#?([A-Z_]+)=", (DEPLOY / ".env.example").read_text("utf-8"), re.MULTILINE))
    assert asked == told


def test_every_setting_of_prefect_s_is_one_that_prefect_knows():
    from prefect.settings import Settings
    from prefect.settings.legacy import _get_settings_fields

    known = _get_settings_fields(Settings)
    named = {key for service in compose()["services"].values() for key in service["environment"] if "PREFECT" in key}
    assert named and [name for name in named if name not in known] == []


# Commands


def services_commands() -> Iterator[list[str]]:
    """What services and pods run of ours, as words after `understudy`."""
    for service in compose()["services"].values():
        if "image" in service and service["image"].startswith("understudy") and "entrypoint" not in service:
            yield service["command"]
        test = service.get("healthcheck", {}).get("test", [])
        if test[1:2] == ["understudy"]:
            yield test[2:]
    for manifest in manifests():
        for container in manifest.get("spec", {}).get("template", {}).get("spec", {}).get("containers", []):
            yield container["args"]
            yield container["livenessProbe"]["exec"]["command"][1:]


def told_commands() -> Iterator[list[str]]:
    """Commands in the files' own words."""
    for file in ("Dockerfile", "kubernetes.md"):
        text = (DEPLOY / file).read_text("utf-8")
        for line in re.findall(r"understudy:cpu ([^\n]+)", text) + re.findall(r"`understudy ([^`]+)`", text):
            if line != ".":  # where an image is built from
                yield shlex.split(line)


def manifests() -> list[dict[str, Any]]:
    (block,) = re.findall(r"```yaml\n(.*?)```", (DEPLOY / "kubernetes.md").read_text("utf-8"), re.DOTALL)
    return list(yaml.safe_load_all(block))


@pytest.mark.parametrize("words", [*services_commands(), *told_commands()], ids=" ".join)
def test_a_command_exists_with_its_options(words: list[str]):
    command: Any = typer.main.get_command(app)
    while words and (deeper := getattr(command, "commands", None)):
        assert words[0] in deeper, f"there is no {words[0]!r}"
        command, words = deeper[words[0]], words[1:]
    known = {option for one in command.params for option in (*one.opts, *one.secondary_opts)}
    assert [word for word in words if word.startswith("-") and word not in known] == []


def test_pods_run_the_user_that_the_image_makes():
    (made,) = re.findall(r"--uid (\d+)", (DEPLOY / "Dockerfile").read_text("utf-8"))
    deployment = next(manifest for manifest in manifests() if manifest["kind"] == "Deployment")
    assert deployment["spec"]["template"]["spec"]["securityContext"]["runAsUser"] == int(made)


@pytest.mark.parametrize("file", ["Dockerfile", "compose.yaml", "kubernetes.md"])
def test_what_was_never_run_says_so_at_its_head(file: str):
    head = "\n".join((DEPLOY / file).read_text("utf-8").splitlines()[:6])
    assert re.search(r"not (built|started|tried) by us", head, re.IGNORECASE)
