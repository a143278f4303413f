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
  // Browsers let only pages of this machine, or over HTTPS, write to the clipboard.
  if (!navigator.clipboard) document.documentElement.classList.add("uncopied");
  const clear = (name) => document.querySelectorAll("." + name).forEach((node) => node.classList.remove(name));
  const calm = () => (matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth");
  const preview = (event) => {
    const mark = event.target.closest?.("button.mark");
    const quote = box();
    if (!mark) { quote.hidden = true; return; }
    quote.textContent = mark.dataset.quote;
    const from = document.getElementById("source-1") && document.getElementById(mark.dataset.target)?.closest("section");
    if (from) quote.dataset.source = from.dataset.title; else delete quote.dataset.source;
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
      if (!sentence.classList.contains("lit")) sentence.tabIndex = -1;
      if (beside()) bring(sentence, document.getElementById("article"));
      else sentence.scrollIntoView({ behavior: calm(), block: "center" });
      sentence.focus({ preventScroll: true });
      back().hidden = beside();
      return;
    }
    const cited = target.closest?.("#article .cited");
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
      navigator.clipboard.writeText(answer.textContent).then(() => { copy.textContent = copy.dataset.done; });
    }
  };
  // Scroll within a pane alone: the page itself stays where it is.
  const bring = (node, pane, above = pane.clientHeight / 3) => {
    const top = pane.scrollTop + node.getBoundingClientRect().top - pane.getBoundingClientRect().top;
    pane.scrollTo({ top: top - above, behavior: calm() });
  };
  // Light the sentences that are cited or likely, and lead to new evidence.
  let drawn = null, shining = "", led = "";
  const light = () => {
    const article = document.getElementById("article"), lights = document.getElementById("lights")?.dataset.lights;
    if (!article || !lights || (article === drawn && lights === shining)) return;
    drawn = article;
    shining = lights;
    article.querySelectorAll(".lit").forEach((node) => {
      node.removeAttribute("class");
      ["tabindex", "role", "title", "data-turns"].forEach((name) => node.removeAttribute(name));
    });
    for (const [id, { kind, turns, title }] of Object.entries(JSON.parse(lights))) {
      const sentence = document.getElementById(id);
      if (!sentence) continue;
      sentence.classList.add("lit", ...kind);
      sentence.tabIndex = 0;
      sentence.title = title;
      sentence.dataset.turns = turns.join(" ");
      if (turns.length) sentence.setAttribute("role", "link");
    }
    const best = article.querySelector(".best");
    if (best && best.id !== led && beside()) bring(best, article);
    led = best ? best.id : "";
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
    if (now !== asked && reply?.dataset.state === "asked") keepInSight(reply);
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
  // A button that vanishes as it does its work hands the focus to the question box, unless that would raise a keyboard.
  let pressed = null;
  const handOn = () => {
    if (!pressed || pressed.offsetParent || matchMedia("(hover: none)").matches) return;
    if ([document.body, pressed].includes(document.activeElement)) document.querySelector("#box textarea")?.focus({ preventScroll: true });
  };
  document.addEventListener("focusin", ({ target }) => {
    pressed = target.closest("#composer, #turn-tools, #tools, #suggestions") ? target : null;
  });
  // A new question goes to the top of what is in sight, so that its evidence and its answer grow below it.
  const keepInSight = (reply) => {
    const turn = reply.closest(".turn");
    if (beside()) bring(turn, document.getElementById("conversation"), 8);
    else turn.scrollIntoView({ behavior: calm(), block: "start" });
  };
  new MutationObserver(() => { light(); attend(); handOn(); }).observe(document.documentElement, { childList: true, subtree: true });
  window.saveConversation = (text, ending) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "text/plain;charset=utf-8" }));
    link.download = `conversation.${ending}`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  };
  document.addEventListener("click", (event) => follow(event.target));
  // Enter that ends the choice of a character asks nothing.
  ["keydown", "keypress"].forEach((name) => document.addEventListener(name, (event) => {
    if (event.key === "Enter" && (event.isComposing || event.keyCode === 229)) event.stopImmediatePropagation();
  }, true));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.matches?.("#article .lit")) follow(event.target);
    if (event.key === "Escape") {
      if (!box().hidden) box().hidden = true;
      if (event.target.closest?.("#article")) comeBack();
    }
  });
  document.addEventListener("mouseover", preview);
  document.addEventListener("focusin", preview);
})();
