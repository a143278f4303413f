// Lead from an answer's mark to the source and back. Text is only ever set as text, never as markup.
(() => {
  const box = () => {
    let quote = document.getElementById("quote");
    if (!quote) {
      quote = document.createElement("div");
      quote.id = "quote";
      quote.setAttribute("role", "tooltip");
      quote.hidden = true;
      document.body.appendChild(quote);
    }
    return quote;
  };
  const clear = (name) => document.querySelectorAll("." + name).forEach((node) => node.classList.remove(name));
  const calm = () => (matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth");
  const preview = (event) => {
    const mark = event.target.closest?.("button.mark");
    const quote = box();
    if (!mark) { quote.hidden = true; return; }
    quote.textContent = mark.dataset.quote;
    quote.hidden = false;
    const place = mark.getBoundingClientRect();
    quote.style.left = Math.max(8, Math.min(place.left, innerWidth - quote.offsetWidth - 8)) + "px";
    quote.style.top = (place.bottom + quote.offsetHeight + 12 > innerHeight ? place.top - quote.offsetHeight - 8 : place.bottom + 8) + "px";
  };
  let came = null;
  const back = () => {
    let button = document.getElementById("back");
    if (!button) {
      button = document.createElement("button");
      button.id = "back";
      button.type = "button";
      button.hidden = true;
      document.body.appendChild(button);
    }
    button.textContent = document.getElementById("article")?.dataset.back ?? "";
    return button;
  };
  // Return to where the reader came from; the page may have been drawn anew since.
  const comeBack = () => {
    back().hidden = true;
    const there = came && (came.isConnected ? came : document.querySelector(`.reply [data-target="${came.dataset.target}"]`));
    came = null;
    if (!there) return;
    there.scrollIntoView({ behavior: calm(), block: "center" });
    there.focus({ preventScroll: true });
  };
  const beside = () => {
    const article = document.getElementById("article").getBoundingClientRect();
    return article.left > document.getElementById("chat").getBoundingClientRect().left + 40;
  };
  const follow = (target) => {
    if (target.closest?.("#back")) { comeBack(); return; }
    const mark = target.closest?.("[data-target]");
    if (mark) {
      const sentence = document.getElementById(mark.dataset.target);
      if (!sentence) return;
      came = mark;
      clear("chosen");
      sentence.classList.add("chosen");
      sentence.scrollIntoView({ behavior: calm(), block: "center" });
      sentence.focus({ preventScroll: true });
      back().hidden = beside();
      return;
    }
    const cited = target.closest?.("#article mark.cited");
    if (cited) {
      clear("pointed");
      back().hidden = true;
      cited.dataset.turns.split(" ").forEach((number, first) => {
        const reply = document.querySelector(`.reply[data-turn="${number}"]`);
        if (!reply) return;
        reply.classList.add("pointed");
        if (first === 0) reply.scrollIntoView({ behavior: calm(), block: "center" });
      });
      return;
    }
    const copy = target.closest?.("button[data-copy]");
    if (copy) {
      const answer = copy.closest(".reply").querySelector(".answer").cloneNode(true);
      answer.querySelectorAll("br").forEach((node) => node.replaceWith("\n"));
      answer.querySelectorAll("button.mark").forEach((node) => node.replaceWith(copy.dataset.copy === "marked" ? `[${node.textContent}]` : ""));
      navigator.clipboard?.writeText(answer.textContent).then(() => { copy.textContent = copy.dataset.done; });
    }
  };
  // The article is drawn anew with the evidence and with the answer: keep the reader's place, then lead to new evidence.
  let drawn = null, place = 0, led = "";
  const redrawn = () => {
    const article = document.getElementById("article");
    if (!article) return;
    if (article !== drawn) {
      drawn = article;
      article.scrollTop = place;
      article.addEventListener("scroll", () => { place = article.scrollTop; });
    }
    const best = article.querySelector("mark.best");
    if (best && best.id !== led && beside()) {
      const top = article.scrollTop + best.getBoundingClientRect().top - article.getBoundingClientRect().top;
      article.scrollTo({ top: top - article.clientHeight / 3, behavior: calm() });
    }
    led = best ? best.id : "";
    attend();
  };
  // Say what became of the last question, once a change of it: the page itself is drawn anew at each word.
  let heard = null, asked = "";
  const attend = () => {
    const language = document.querySelector("[data-language]")?.dataset.language;
    if (language && document.documentElement.lang !== language) document.documentElement.lang = language;
    const reply = [...document.querySelectorAll("#current .reply")].pop();
    const voice = document.getElementById("voice") ?? spoken();
    const told = reply ? reply.dataset.heard : "";
    if (heard !== null && told !== heard) voice.textContent = told;
    heard = told;
    const now = reply ? reply.dataset.turn + reply.dataset.state : "";
    if (now !== asked && reply) keepInSight(reply, reply.dataset.state === "asked");
    asked = now;
  };
  const spoken = () => {
    const voice = document.createElement("div");
    voice.id = "voice";
    voice.className = "unseen";
    voice.setAttribute("aria-live", "polite");
    document.body.appendChild(voice);
    return voice;
  };
  // A new question goes to the top of what is in sight, so that its evidence and its answer grow below it.
  const keepInSight = (reply, fresh) => {
    const turn = reply.closest(".turn");
    const pane = document.getElementById("conversation");
    if (fresh && beside()) pane.scrollTo({ top: pane.scrollTop + turn.getBoundingClientRect().top - pane.getBoundingClientRect().top - 8, behavior: calm() });
    else if (fresh) turn.scrollIntoView({ behavior: calm(), block: "start" });
  };
  new MutationObserver(redrawn).observe(document.documentElement, { childList: true, subtree: true });
  window.saveConversation = (text, ending) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "text/plain;charset=utf-8" }));
    link.download = `conversation.${ending}`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  };
  document.addEventListener("click", (event) => follow(event.target));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.matches?.("#article mark")) follow(event.target);
    if (event.key === "Escape") {
      if (!box().hidden) box().hidden = true;
      if (event.target.closest?.("#article")) comeBack();
    }
  });
  document.addEventListener("mouseover", preview);
  document.addEventListener("focusin", preview);
})();
