"""Every command line in the documents: aws against the CLI's own model, make against the Makefile, programs against their files.

sam's are held against the SAM CLI that is installed, in tests/static/test_sam_commands.py; the README's curl and the examples
are run, in test_signed_calls.py.
"""

import re

import pytest
from botocore.session import Session

from tests.unit.command_lines import commands_in, wrong_with_aws, wrong_with_make
from tests.unit.test_documents import DOCUMENTS, ROOT, names

SESSION = Session()
#: docs/troubleshooting.md's first column holds what programs say, which may begin like a command.
_MESSAGE = re.compile(r"^\| `[^`]+` \|", re.MULTILINE)


def text_of(name: str) -> str:
    text = (ROOT / name).read_text("utf-8")
    return _MESSAGE.sub("|", text) if name == "docs/troubleshooting.md" else text


@pytest.mark.parametrize("name", names(DOCUMENTS))
def test_the_documents_aws_commands_work_with_both_versions_of_the_cli(name):
    commands = list(commands_in(text_of(name), "aws"))

    assert {" ".join(words): wrong for words in commands if (wrong := wrong_with_aws(words, SESSION))} == {}


@pytest.mark.parametrize("name", names(DOCUMENTS))
def test_the_documents_make_commands_name_targets_and_variables_that_exist(name):
    commands = list(commands_in(text_of(name), "make"))

    assert {" ".join(words): wrong for words in commands if (wrong := wrong_with_make(words))} == {}


@pytest.mark.parametrize("name", names(DOCUMENTS))
def test_the_documents_programs_lie_beside_them_and_know_their_options(name):
    for program, *words in commands_in(text_of(name), "python3?", "node", "sh", r"\./\S+"):
        files = [word for word in (program, *words) if re.search(r"\.(py|mjs|sh)$", word)]
        for file in files:
            source = ((ROOT / name).parent / file).read_text("utf-8")

            assert {word for word in words if word.startswith("--") and f'"{word}"' not in source} == set()


def test_all_commands_are_found():
    found = [words for name in names(DOCUMENTS) for words in commands_in(text_of(name), "aws", "make")]
    calls = {tuple(words[:3]) for words in found}

    assert ("aws", "events", "put-events") in calls  # over two lines, quotes within quotes
    assert ("aws", "lambda", "update-alias") in calls
    assert ("make", "-s", "env") in calls  # in "$(…)"
    assert len(found) > 20


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("`make test`, then `aws x y`", [["make", "test"], ["aws", "x", "y"]], id="inline"),
        pytest.param('```\neval "$(make -s env)"\n```', [["make", "-s", "env"]], id="in a substitution in quotes"),
        pytest.param("```\na=$(aws x y --q 'b)' | sh)\n```", [["aws", "x", "y", "--q", "b)"]], id="in a pipe"),
        pytest.param("```\naws x y \\\n  --z 1 # why\n```", [["aws", "x", "y", "--z", "1"]], id="continued"),
        pytest.param(
            "```\naws x y --z '[\n  1]'\n```", [["aws", "x", "y", "--z", "[\n  1]"]], id="quoted over two lines"
        ),
        pytest.param("```\nmake a && make b\n```", [["make", "a"], ["make", "b"]], id="two in a line"),
        pytest.param("make up prints it; the aws CLI", [], id="prose"),
    ],
)
def test_a_command_is_found(text, words):
    assert list(commands_in(text, "aws", "make")) == words


@pytest.mark.parametrize(
    ("line", "said"),
    [
        pytest.param("aws dynamo scan", "no service", id="service"),
        pytest.param("aws logs tail group", "no tail", id="of version 2 only"),
        pytest.param(
            "aws lambda invoke --function-name f --payload fileb://e --cli-binary-format raw-in-base64-out o",
            "--cli-binary-format is no option",
            id="an option of version 2 only",
        ),
        pytest.param("aws lambda invoke --function-name f --payload file://e o", "fileb:// is the same", id="a blob"),
        pytest.param("aws dynamodb get-item --table-name t", "--key is missing", id="what is required"),
        pytest.param("""aws dynamodb get-item --table-name t --key '{"id":"1"}'""", "Invalid type", id="a value"),
        pytest.param("aws cloudformation wait stack-gone --stack-name s", "has no wait stack-gone", id="a waiter"),
        pytest.param("aws dynamodb get-item --table t --key {}", "--table is no option", id="an option"),
    ],
)
def test_what_only_one_version_takes_or_none_is_found(line, said):
    (words,) = commands_in(f"`{line}`", "aws")

    assert any(said in wrong for wrong in wrong_with_aws(words, SESSION))


@pytest.mark.parametrize(
    ("line", "said"), [("make tests", "no target tests"), ("make run SPED=2", "nothing reads SPED")]
)
def test_what_make_does_not_know_is_found(line, said):
    assert wrong_with_make(line.split()) == [f"there is {said}" if "target" in said else said]
