"""Take the README's screenshots of the page, in Chromium and with the real models: `make screenshots`."""

from __future__ import annotations

import io
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path

import uvicorn
from PIL import Image
from playwright.sync_api import sync_playwright

from rag.pipeline import Rag
from rag.settings import Settings
from rag.ui.server import create_app

FOLDER = Path(__file__).parent
PORT = 7871
IDLE_S = 20
"""Seconds before the first question, as if a reader were still typing: the engine prepares its matrices in that time."""
PICTURES = {
    "page-light.png": ("light", "zh-TW", "為什麼 DeepSeek 誕生在杭州？"),
    "page-dark.png": ("dark", "en-US", "What is the Talent Code?"),
}


def main() -> int:
    """For each screenshot, ask its question, click the first mark of the answer, and save the page; return the exit code."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        print("Chromium is not installed: apt-get install chromium fonts-noto-cjk", file=sys.stderr)
        return 1
    rag = Rag(Settings.load(read_ahead=False)).warm()
    app = create_app(rag, Path(tempfile.mkdtemp()) / "feedback.jsonl", f"http://127.0.0.1:{PORT}")
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=PORT, log_level="error"))
    threading.Thread(target=server.run, daemon=True).start()
    while not server.started:
        time.sleep(0.05)
    time.sleep(IDLE_S)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox", "--disable-gpu"])
        for name, (scheme, locale, question) in PICTURES.items():
            page = chromium.new_page(viewport={"width": 1280, "height": 800}, color_scheme=scheme, locale=locale)
            page.goto(f"http://127.0.0.1:{PORT}")
            page.locator("#box textarea").fill(question)
            page.locator("#send").click()
            page.locator('.reply[data-state="answered"]').wait_for(timeout=120_000)
            page.locator("button.mark").first.click()
            page.mouse.move(0, 0)
            page.wait_for_timeout(1_500)
            picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
            picture.quantize(128).save(FOLDER / name, optimize=True)
            page.close()
        chromium.close()
    server.should_exit = True
    rag.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
