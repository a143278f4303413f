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
  const follow = (target) => {
    const mark = target.closest?.("button.mark");
    if (mark) {
      const sentence = document.getElementById(mark.dataset.target);
      if (!sentence) return;
      clear("chosen");
      sentence.classList.add("chosen");
      sentence.scrollIntoView({ behavior: calm(), block: "center" });
      sentence.focus({ preventScroll: true });
      return;
    }
    const cited = target.closest?.("#article mark.cited");
    if (cited) {
      clear("pointed");
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
    if (best && best.id !== led) {
      const top = article.scrollTop + best.getBoundingClientRect().top - article.getBoundingClientRect().top;
      article.scrollTo({ top: top - article.clientHeight / 3, behavior: calm() });
    }
    led = best ? best.id : "";
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
    if (event.key === "Escape") box().hidden = true;
  });
  document.addEventListener("mouseover", preview);
  document.addEventListener("focusin", preview);
})();
