"""Test with axe-core that the page has no serious accessibility violations, in light and in dark colours."""

import os
from pathlib import Path

import pytest

pytestmark = pytest.mark.browser
AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_violation(chromium, address: str, scheme: str) -> None:
    if not AXE.exists():
        if os.environ.get("CI"):
            pytest.fail("axe-core is missing; .ci/run installs it.")
        pytest.skip("axe-core is not installed: npm install --prefix tests/browser --no-save axe-core@4")
    context = chromium.new_context(
        viewport={"width": 1280, "height": 800}, locale="en-US", color_scheme=scheme, bypass_csp=True
    )
    page = context.new_page()
    page.goto(address)
    page.get_by_text("Why was DeepSeek born in Hangzhou?").wait_for()
    for question, state in (("杭州？", "answered"), ("unsaid", "declined"), ("break", "broken")):
        page.locator("#box textarea").fill(question)
        page.locator("#send").click()
        page.locator(f'.reply[data-state="{state}"]').wait_for(timeout=15_000)
    page.add_script_tag(path=AXE)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    serious = [
        (v["id"], [n["html"] for n in v["nodes"]]) for v in found["violations"] if v["impact"] in ("serious", "critical")
    ]
    assert serious == []
    context.close()
