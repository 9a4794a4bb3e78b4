"""make bench WHAT=cost: USD per 1,000 verifications and per idle month. --write puts the tables into docs/cost.md.

Counted is what the definition and the functions do; tests/definition asserts the 3n + 5 transitions of n checks. Prices are list
prices of us-east-1 without free tiers, as of 2026-11, each with its page.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "docs" / "cost.md"
_BEGIN, _END = "<!-- make bench WHAT=cost writes from here -->\n", "<!-- to here -->"

# https://aws.amazon.com/step-functions/pricing/
TRANSITION = 0.000025
# https://aws.amazon.com/lambda/pricing/ (x86_64; the INIT phase is billed since August 2025)
LAMBDA_REQUEST, GIGABYTE_SECOND = 0.0000002, 0.0000166667
# https://aws.amazon.com/dynamodb/pricing/on-demand/
WRITE, READ = 0.000000625, 0.000000125
# https://aws.amazon.com/eventbridge/pricing/
EVENT = SCHEDULED = 0.000001
# https://aws.amazon.com/sqs/pricing/, https://aws.amazon.com/api-gateway/pricing/ (REST)
QUEUE_REQUEST, API_REQUEST = 0.0000004, 0.0000035
# https://aws.amazon.com/cloudwatch/pricing/
LOG_GIGABYTE, ALARM_MONTH, DASHBOARD_MONTH, METRIC_MONTH = 0.50, 0.10, 3.00, 0.30
# https://aws.amazon.com/secrets-manager/pricing/, https://aws.amazon.com/xray/pricing/
SECRET_READ, SECRET_MONTH, TRACE = 0.000005, 0.40, 0.000005

#: Assumed: Signzy answers in this time, every verification has one cold start of CheckLink, an entry point works for 0.1 s.
SIGNZY_SECONDS, COLD_START_SECONDS, OTHER_SECONDS = 0.3, 0.6, 0.1
CHECK_LINK_GIGABYTES, OTHER_GIGABYTES = 0.5, 0.5
#: A line of CheckLink's, or the lines of an entry point's start, with Lambda's own START, END and REPORT.
CHECK_LOG_BYTES, START_LOG_BYTES = 650, 1_700
#: The entry point's put, Record Outcome, Mark Published, and the index of open verifications in and out.
WRITES = 5
#: OpenVerifications and OpenPastDeadline: the only custom metrics that an idle stack publishes.
IDLE_METRICS = 2
#: Five readers wait for messages for 20 s each (https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html).
POLLS_A_MINUTE = 15
MINUTES_A_MONTH = 60 * 24 * 365 / 12

#: Checks until the outcome, with the default schedule.
CASES = {
    "clicked after 10 s": 1,
    "clicked after 30 s": 3,
    "clicked after 60 s": 6,
    "clicked after 120 s": 12,
    "expired": 30,
}


def verification(checks: int) -> dict[str, float]:
    """USD for one verification that is started by the API, by service."""
    check_seconds = checks * SIGNZY_SECONDS + COLD_START_SECONDS
    gigabyte_seconds = check_seconds * CHECK_LINK_GIGABYTES + 2 * OTHER_SECONDS * OTHER_GIGABYTES
    log_bytes = checks * CHECK_LOG_BYTES + 2 * START_LOG_BYTES
    return {
        "Step Functions": (3 * checks + 5) * TRANSITION,
        "Lambda": (checks + 2) * LAMBDA_REQUEST + gigabyte_seconds * GIGABYTE_SECOND,
        "DynamoDB": WRITES * WRITE + 2 * READ,
        "EventBridge, API Gateway": EVENT + API_REQUEST,
        "logs, traces, secret": log_bytes / 1e9 * LOG_GIGABYTE + 2 * TRACE + SECRET_READ,
    }


def idle_month() -> dict[str, float]:
    """USD a month for a stack that does nothing."""
    alarms = (ROOT / "template.yaml").read_text("utf-8").count("Type: AWS::CloudWatch::Alarm")
    sweep = LAMBDA_REQUEST + OTHER_SECONDS * OTHER_GIGABYTES * GIGABYTE_SECOND + SCHEDULED + READ + TRACE
    sweep += START_LOG_BYTES / 1e9 * LOG_GIGABYTE
    return {
        f"{alarms} alarms": alarms * ALARM_MONTH,
        "dashboard": DASHBOARD_MONTH,
        f"{IDLE_METRICS} custom metrics": IDLE_METRICS * METRIC_MONTH,
        "secret": SECRET_MONTH,
        "a sweep each minute": sweep * MINUTES_A_MONTH,
        "Lambda reads the empty queue": POLLS_A_MINUTE * MINUTES_A_MONTH * QUEUE_REQUEST,
    }


def per_1000(checks: int) -> float:
    """USD per 1,000 verifications with so many checks."""
    return 1000 * sum(verification(checks).values())


def tables() -> str:
    """Both tables in Markdown."""
    services = list(verification(1))
    lines = ["| USD per 1,000 | checks | " + " | ".join(services) + " | **all** |", "|---|--:" + "|--:" * 6 + "|"]
    for case, checks in CASES.items():
        figures = " | ".join(f"{1000 * usd:.3f}" for usd in verification(checks).values())
        lines.append(f"| {case} | {checks} | {figures} | **{per_1000(checks):.2f}** |")
    month = idle_month()
    lines += ["", "| an idle stack | USD a month |", "|---|--:|"]
    lines += [f"| {what} | {usd:.2f} |" for what, usd in month.items()]
    return "\n".join([*lines, f"| **all** | **{sum(month.values()):.2f}** |"]) + "\n"


def with_tables(document: str) -> str:
    """The document with these tables between its two markers."""
    return re.sub(f"{_BEGIN}.*?{_END}", lambda _: f"{_BEGIN}{tables()}{_END}", document, flags=re.DOTALL)


def main() -> int:
    """Prints the tables; --write also writes them into the document."""
    print(tables(), end="")
    if "--write" in sys.argv[1:]:
        DOCUMENT.write_text(with_tables(DOCUMENT.read_text("utf-8")), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
