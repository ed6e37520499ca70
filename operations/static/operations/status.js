"use strict";
// The server draws; this asks it for the page again each second and puts the parts that differ in their place.
(() => {
  const EVERY = 1000;
  const PATIENCE = 5000;
  const LIVE = ["title", "says", "seen", "numbers", "minute", "picture", "failovers", "table"];
  let answered = Date.now();

  const show = (page) => {
    document.title = page.title;
    document.getElementById("status").className = page.getElementById("status").className;
    for (const id of LIVE) {
      const [now, next] = [document.getElementById(id), page.getElementById(id)];
      if (now && next && now.innerHTML !== next.innerHTML) now.innerHTML = next.innerHTML;
      // Whoever has been signed in or out meanwhile sees another page.
      if (Boolean(now) !== Boolean(next)) location.reload();
    }
  };

  const ask = async () => {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" }, signal: AbortSignal.timeout(PATIENCE) });
    if (!answer.ok) throw new Error(String(answer.status));
    show(new DOMParser().parseFromString(await answer.text(), "text/html"));
    document.getElementById("lost").hidden = true;
    answered = Date.now();
  };

  const lose = () => {
    const lost = document.getElementById("lost");
    lost.hidden = false;
    lost.textContent = `No answer for ${Math.round((Date.now() - answered) / 1000)} s. Trying again.`;
    document.getElementById("status").className = "status lost";
  };

  const again = () => ask().catch(lose).finally(() => setTimeout(again, EVERY));
  setTimeout(again, EVERY);
})();
